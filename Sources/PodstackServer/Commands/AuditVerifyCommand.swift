extension ServerCommand {
    static let auditVerify = ServerCommand(
        words: ["audit", "verify"],
        summary: "Check that nothing in the audit log was changed, removed or moved.", run: AuditVerifyCommand.run)
}

private enum AuditVerifyCommand {
    static func run(_ flags: Flags) throws {
        let service = try Service(directory: try flags.dataDirectory(), database: try flags.database())
        let found = try AuditVerification(of: service.database, chain: service.changes.trail.chain)
        for fault in found.faults { StandardStream.output.write(fault + "\n") }
        guard found.faults.isEmpty else {
            throw SetupFailure("the audit log is not as it was written: \(found.faults.count) faults")
        }
        StandardStream.output.write("intact: \(found.events) events of \(found.accounts) accounts\n")
    }
}
