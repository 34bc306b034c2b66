import PodstackCryptography

/// The hash chain of an account's audit log: it ties each event to the one before, and both ends of the log together.
///
/// The hashes are keyed with the pepper, so write access to the database alone is not enough to forge an event.
struct AuditChain: Sendable {
    typealias Hash = [UInt8]

    /// The beginning and the end of an account's chain.
    struct Ends: Sendable, Equatable {
        var accountID: String
        /// The number of the last event that was removed because of its age, or 0, and its hash.
        var first: Int64 = 0
        var firstHash = AuditChain.start
        /// The number of the newest event, or 0, and its hash.
        var last: Int64 = 0
        var lastHash = AuditChain.start
    }

    /// The hash that precedes an account's first event.
    static let start = Hash(repeating: 0, count: 32)

    private let key: [UInt8]
    /// The key from the previous pepper, under which the events before its rotation were hashed.
    private let previousKey: [UInt8]?

    init(_ peppers: Peppers) {
        key = Self.key(of: peppers.current)
        previousKey = peppers.previous.map(Self.key)
    }

    private static func key(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack audit chain 1".utf8), key: pepper.bytes)
    }

    func hash(_ event: AuditRecord, after previous: Hash) -> Hash { Self.hash(event, after: previous, key) }

    /// The pepper under which an event was hashed.
    enum PepperAge { case current, previous }

    /// Returns the pepper under which an event was hashed, or nil if the event is not what was written.
    func pepperAge(of row: AuditStore.Row) -> PepperAge? {
        if Self.hash(row.event, after: row.previousHash, key) == row.hash { return .current }
        guard let previousKey else { return nil }
        return Self.hash(row.event, after: row.previousHash, previousKey) == row.hash ? .previous : nil
    }

    private static func hash(_ event: AuditRecord, after previous: Hash, _ key: [UInt8]) -> Hash {
        var bytes = previous
        for text in [
            event.accountID, String(event.number), event.id, String(event.createdAt), event.action, event.resourceType,
            event.resourceID, event.resourceName, event.projectID, event.userID, event.userEmail, event.tokenID,
            event.address, event.userAgent, event.details,
        ] {
            // Each text follows its length, so that no two different events have the same bytes.
            bytes += Array("\(text.map { String($0.utf8.count) } ?? "-"):\(text ?? "")".utf8)
        }
        return Sodium.hmacSHA256(bytes, key: key)
    }

    /// Returns the hash over both ends of a chain.
    ///
    /// Without it, the newest or the oldest events could be removed, and the rest would still be a valid chain.
    func seal(_ ends: Ends) -> Hash {
        let numbers = Array("\(ends.accountID):\(ends.first):\(ends.last):".utf8)
        return Sodium.hmacSHA256(numbers + ends.firstHash + ends.lastHash, key: key)
    }
}

// MARK: - Verification

/// Reads the whole audit log and lists every event that is not what was written.
struct AuditVerification: Sendable {
    private(set) var accounts = 0
    private(set) var events = 0
    /// The number of events that only the lost previous pepper could verify.
    private(set) var unverifiable = 0
    /// The number of events that were ever written, those that were removed because of their age included.
    private(set) var eventsEver: Int64 = 0
    /// One sentence per fault, in the order of the log.
    private(set) var faults: [String] = []

    private let chain: AuditChain
    /// The time until which events were hashed under a pepper that is lost; nil if none is.
    private let lostUntil: Int64?
    /// Whether an event of the current account was hashed under the current pepper.
    private var isAfterRotation = false
    private static let batch = 1000

    /// Verifies the log.
    ///
    /// - Parameters:
    ///   - database: The database.
    ///   - chain: The chain with the peppers.
    ///   - lostUntil: The time of the last rotation, if the pepper from before it is missing. Older events are then counted
    ///     as ``unverifiable``, and only their order is verified.
    ///   - count: The number of all events outside the database, if there is one.
    /// - Throws: ``DatabaseFailure`` if the log cannot be read.
    init(
        of database: any Database, chain: AuditChain, previousPepperLostUntil lostUntil: Int64? = nil,
        count: AuditCount? = nil
    ) throws {
        self.chain = chain
        self.lostUntil = lostUntil
        // Read before the log, which a running service may continue.
        let expected = count?.value
        try database.read { connection in
            for accountID in try AuditStore.accountIDs(in: connection) { try check(accountID, in: connection) }
            for accountID in try AuditStore.accountIDsWithoutLog(in: connection) {
                accounts += 1
                faults.append("\(accountID): its log is missing, and every account has one")
            }
        }
        if let expected, let count, eventsEver < expected {
            faults.append(
                "the database has \(counted(expected - eventsEver, "event")) less than were written to it: "
                    + "an older state was put back, or all events of an account were removed; after the restore of a "
                    + "backup, remove \(count.path) to begin a new count")
        }
    }

    private mutating func check(_ accountID: String, in connection: any DatabaseConnection) throws {
        accounts += 1
        let known = try AuditStore.ends(of: accountID, in: connection)
        var isSealed = false
        if let known { isSealed = chain.seal(known.ends) == known.seal }
        if !isSealed { faults.append("\(accountID): the record of where its log begins and ends was changed") }
        let (sum, isTooLarge) = eventsEver.addingReportingOverflow(max(0, known?.ends.last ?? 0))
        if !isTooLarge { eventsEver = sum }
        var last = known?.ends.first ?? 0
        var lastHash = known?.ends.firstHash ?? AuditChain.start
        isAfterRotation = false
        let strays = try AuditStore.count(of: accountID, until: last, in: connection)
        if strays > 0 {
            faults.append("\(accountID): \(counted(Int(strays), "event")) before the beginning of its log were added")
        }
        while true {
            let rows: [AuditStore.Row]
            do {
                rows = try AuditStore.rows(of: accountID, after: last, limit: Self.batch, in: connection)
            } catch let failure as DatabaseFailure where failure.kind == .other {
                // A value of another type than the service writes. What follows cannot be verified without it.
                faults.append("\(accountID): an event after number \(last) cannot be read: \(failure.reason)")
                return
            }
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
        switch chain.pepperAge(of: row) {
        case .current: isAfterRotation = true
        // After the first event under the current pepper, only a stolen previous pepper explains an event under that.
        case .previous where !isAfterRotation: break
        case nil where !isAfterRotation && lostUntil.map { event.createdAt <= $0 } ?? false: unverifiable += 1
        case .previous, nil: faults.append("\(name) is not what was written")
        }
    }
}
