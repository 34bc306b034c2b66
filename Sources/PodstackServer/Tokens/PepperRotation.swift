import PodstackAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Replaces a pepper that may have leaked.
///
/// The service must not run meanwhile.
///
/// Digests under the previous pepper stay valid while the file at ``DataDirectory/previousPepperPath`` exists: a token's
/// digest is renewed with its next use, when the service gets its SHA-256 again. The audit log and the secrets of pods are
/// sealed again at once.
struct PepperRotation {
    let directory: DataDirectory
    let database: any Database

    /// Replaces the pepper.
    ///
    /// An interrupted call can be repeated.
    func run(now: Int64) throws {
        let peppers = try directory.peppers()
        let old = peppers.current
        // If both are the same, an earlier call was interrupted between the link and the rename.
        guard peppers.previous.map({ $0.bytes == old.bytes }) ?? true else {
            throw SetupFailure(
                "\(directory.previousPepperPath) still exists: podstack-server pepper status lists what needs it")
        }
        let new = try directory.stagedPepper()
        try database.write { connection in
            try sealAgain(from: AuditChain(Peppers(current: old)), to: AuditChain(Peppers(current: new)), connection)
            try encryptAgain(from: old, to: new, connection)
            try connection.execute("INSERT INTO pepper_rotations (rotated_at) VALUES (\(now))")
        }
        // The link comes first, so that a pepper exists at every moment.
        guard link(directory.pepperPath, directory.previousPepperPath) == 0 || peppers.previous != nil,
            rename(directory.nextPepperPath, directory.pepperPath) == 0
        else { throw SetupFailure("cannot replace \(directory.pepperPath): \(String(cString: strerror(errno)))") }
        directory.sync()
        // Before the previous pepper may be removed.
        try PepperMark.check(Peppers(current: new, previous: old), in: database)
    }

    private func sealAgain(from old: AuditChain, to new: AuditChain, _ connection: any DatabaseConnection) throws {
        for accountID in try AuditStore.accountIDs(in: connection) {
            guard let (ends, seal) = try AuditStore.ends(of: accountID, in: connection) else { continue }
            // A new seal would hide a change to the log.
            guard seal == old.seal(ends) || seal == new.seal(ends) else {
                throw SetupFailure("the audit log was changed: run podstack-server audit verify")
            }
            try AuditStore.setEnds(ends, seal: new.seal(ends), in: connection)
        }
    }

    /// Encrypts the secrets of pods with the key of the new pepper.
    private func encryptAgain(from old: Pepper, to new: Pepper, _ connection: any DatabaseConnection) throws {
        // An interrupted call may have encrypted them already.
        let (known, next) = (SealedValues(Peppers(current: old, next: new)), SealedValues(Peppers(current: new)))
        for row in try connection.query("SELECT id, sealed FROM pods WHERE sealed IS NOT NULL") {
            let id = try row.text("id")
            guard let secrets = known.open(try row.blob("sealed"), for: id) else {
                throw SetupFailure("the secrets of \(id) were encrypted with another pepper")
            }
            try connection.execute("UPDATE pods SET sealed = \(next.seal(secrets, for: id)) WHERE id = \(id)")
        }
    }

    /// The data that needs the previous pepper.
    struct Needs: Sendable {
        /// The file of the previous pepper.
        var path: String
        /// Whether the file is missing although something needs it.
        var isMissing: Bool
        /// A text for each kind of data.
        var kinds: [String]
    }

    /// Returns what needs the previous pepper; nil if nothing does.
    ///
    /// Without a file, tokens and events may still need it: it may have been lost with its directory.
    func needs(now: Int64) throws -> Needs? { try Self.needs(now: now, directory.previousPepperPath, database) }

    static func needs(now: Int64, _ path: String, _ database: any Database) throws -> Needs? {
        guard let rotatedAt = try database.read({ try rotatedAt(in: $0) }) else { return nil }
        let unused = try database.read { try TokenStore.countActive(notUsedSince: rotatedAt, now: now, in: $0) }
        let hasOldEvents = try database.read {
            try !AuditStore.accountIDs(withEventsUntil: rotatedAt, limit: 1, in: $0).isEmpty
        }
        let graceEnd = rotatedAt + Int64(RotationRequest.maxGraceSeconds)
        let auditEnd = rotatedAt + AuditTrail.retentionSeconds
        let kinds = [
            unused > 0 ? "tokens not used since the rotation: \(unused)" : nil,
            now < graceEnd ? "rotated secrets in their grace period, until \(Timestamp.format(.init(graceEnd)))" : nil,
            now < auditEnd && hasOldEvents
                ? "audit events from before, until \(Timestamp.format(.init(auditEnd)))" : nil,
        ].compactMap { $0 }
        guard !kinds.isEmpty else { return nil }
        return Needs(path: path, isMissing: access(path, F_OK) != 0, kinds: kinds)
    }

    /// Returns the time of the last rotation; nil if there was none.
    static func rotatedAt(in connection: any DatabaseConnection) throws -> Int64? {
        try connection.query("SELECT MAX(rotated_at) AS rotated_at FROM pepper_rotations").first?
            .optionalInteger("rotated_at")
    }
}
