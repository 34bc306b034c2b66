import PodstackAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Puts a new pepper in the place of one that may be known. Nothing serves meanwhile.
///
/// What was kept under the old one stays good while ``DataDirectory/previousPepperPath`` is there: a token moves to the
/// new pepper with its next use, when the service sees its SHA-256 again. The audit log is sealed anew at once.
struct PepperRotation {
    let directory: DataDirectory
    let database: any Database

    /// May be repeated when it was interrupted.
    func run(now: Int64) throws {
        guard access(directory.previousPepperPath, F_OK) != 0 else {
            throw SetupFailure(
                "\(directory.previousPepperPath) is still there: podstack-server pepper status says what needs it")
        }
        let old = try directory.peppers(mayCreate: false).current
        let new = try Pepper(file: directory.nextPepperPath)
        try database.write { connection in
            try sealAgain(from: AuditChain(Peppers(current: old)), to: AuditChain(Peppers(current: new)), connection)
            try connection.run("INSERT INTO pepper_rotations (rotated_at) VALUES (?)", [.integer(now)])
        }
        // At every moment there is a pepper.
        guard link(directory.pepperPath, directory.previousPepperPath) == 0,
            rename(directory.nextPepperPath, directory.pepperPath) == 0
        else { throw SetupFailure("cannot replace \(directory.pepperPath): \(String(cString: strerror(errno)))") }
        directory.sync()
    }

    private func sealAgain(from old: AuditChain, to new: AuditChain, _ connection: any DatabaseConnection) throws {
        for accountID in try AuditStore.accountIDs(in: connection) {
            guard let (ends, seal) = try AuditStore.ends(of: accountID, in: connection) else { continue }
            // What somebody changed must not be made right by this.
            guard seal == old.seal(ends) || seal == new.seal(ends) else {
                throw SetupFailure("the audit log is not as it was written: see podstack-server audit verify")
            }
            try AuditStore.setEnds(ends, seal: new.seal(ends), in: connection)
        }
    }

    /// What still needs the old pepper, in sentences.
    func needs(now: Int64) throws -> [String] {
        guard access(directory.previousPepperPath, F_OK) == 0,
            let rotatedAt = try database.read({ connection in
                try connection.run("SELECT MAX(rotated_at) FROM pepper_rotations").first?.optionalInteger(0)
            })
        else { return [] }
        let unused = try database.read { try TokenStore.countAlive(notUsedSince: rotatedAt, now: now, in: $0) }
        let graceEnd = rotatedAt + Int64(RotationRequest.longestGrace)
        let auditEnd = rotatedAt + AuditTrail.retentionSeconds
        return [
            unused > 0 ? "tokens not used since the rotation: \(unused)" : nil,
            now < graceEnd ? "rotated secrets in their grace, until \(Timestamp.format(.init(graceEnd)))" : nil,
            now < auditEnd ? "audit events from before, until \(Timestamp.format(.init(auditEnd)))" : nil,
        ].compactMap { $0 }
    }
}
