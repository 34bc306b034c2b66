/// Reads the whole audit log and says what does not fit.
struct AuditVerification: Sendable {
    private(set) var accounts = 0
    private(set) var events = 0
    /// One sentence each, in the order of the log.
    private(set) var faults: [String] = []

    private let chain: AuditChain
    /// Whether an event under the current pepper was seen, of the account that is read.
    private var isAfterRotation = false
    private static let batch = 1000

    init(of database: any Database, chain: AuditChain) throws {
        self.chain = chain
        try database.read { connection in
            for accountID in try AuditStore.accountIDs(in: connection) { try check(accountID, in: connection) }
        }
    }

    private mutating func check(_ accountID: String, in connection: any DatabaseConnection) throws {
        accounts += 1
        let known = try AuditStore.ends(of: accountID, in: connection)
        var isSealed = false
        if let known { isSealed = chain.seal(known.ends) == known.seal }
        if !isSealed { faults.append("\(accountID): the record of where its log begins and ends was changed") }
        var last = known?.ends.first ?? 0
        var lastHash = known?.ends.firstHash ?? AuditChain.start
        isAfterRotation = false
        while true {
            let rows = try AuditStore.rows(of: accountID, after: last, limit: Self.batch, in: connection)
            for row in rows {
                check(row, after: last, lastHash)
                (last, lastHash) = (row.event.number, row.hash)
                events += 1
            }
            if rows.count < Self.batch { break }
        }
        guard let ends = known?.ends, isSealed else { return }
        if last < ends.last {
            faults.append("\(accountID): the events from number \(last + 1) to \(ends.last), the newest, are missing")
        } else if last > ends.last || lastHash != ends.lastHash {
            faults.append("\(accountID): its log does not end with the event that was written last")
        }
    }

    private mutating func check(_ row: AuditStore.Row, after last: Int64, _ lastHash: AuditChain.Hash) {
        let event = row.event
        let name = "\(event.accountID): event number \(event.number) (\(event.id))"
        if event.number != last + 1 {
            faults.append("\(event.accountID): the events from number \(last + 1) to \(event.number - 1) are missing")
        } else if row.previousHash != lastHash {
            faults.append("\(name) does not follow the one before it")
        }
        switch chain.age(of: row) {
        case .current: isAfterRotation = true
        // Nobody writes under an old pepper after the first event under the new one, but who has stolen the old one.
        case .beforeRotation where !isAfterRotation: break
        case .beforeRotation, nil: faults.append("\(name) is not what was written")
        }
    }
}
