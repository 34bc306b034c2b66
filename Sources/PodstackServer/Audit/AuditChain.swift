import PodstackCryptography

/// Ties each event of an account to the one before, and both ends of the chain to each other.
///
/// The hashes are keyed: who can write to the database but has no pepper can make none that fit.
struct AuditChain: Sendable {
    typealias Hash = [UInt8]

    /// Where a chain begins, and where it ends.
    struct Ends: Sendable, Equatable {
        var accountID: String
        /// The last event that was removed because of its age, 0 for none, and its hash.
        var first: Int64 = 0
        var firstHash = AuditChain.start
        /// The newest event and its hash.
        var last: Int64 = 0
        var lastHash = AuditChain.start
    }

    /// What the first event of all follows.
    static let start = Hash(repeating: 0, count: 32)

    private let key: [UInt8]
    /// Of the pepper before: what was written until the rotation fits this one.
    private let oldKey: [UInt8]?

    init(_ peppers: Peppers) {
        key = Self.key(of: peppers.current)
        oldKey = peppers.previous.map(Self.key)
    }

    private static func key(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack audit chain 1".utf8), key: pepper.bytes)
    }

    func hash(_ event: AuditRecord, after previous: Hash) -> Hash { Self.hash(event, after: previous, key) }

    /// Which of the keys an event was written under; nil when it is not what was written.
    func age(of row: AuditStore.Row) -> Age? {
        if Self.hash(row.event, after: row.previousHash, key) == row.hash { return .current }
        guard let oldKey else { return nil }
        return Self.hash(row.event, after: row.previousHash, oldKey) == row.hash ? .beforeRotation : nil
    }

    enum Age { case current, beforeRotation }

    private static func hash(_ event: AuditRecord, after previous: Hash, _ key: [UInt8]) -> Hash {
        var bytes = previous
        for text in [
            event.accountID, String(event.number), event.id, String(event.createdAt), event.action, event.resourceType,
            event.resourceID, event.resourceName, event.projectID, event.userID, event.userEmail, event.tokenID,
            event.address, event.userAgent, event.details,
        ] {
            // The length before each text: no two different events have the same bytes.
            bytes += Array("\(text.map { String($0.utf8.count) } ?? "-"):\(text ?? "")".utf8)
        }
        return Sodium.hmacSHA256(bytes, key: key)
    }

    /// Without it the newest events could be cut off, or the oldest, and what is left would still fit together.
    func seal(_ ends: Ends) -> Hash {
        let numbers = Array("\(ends.accountID):\(ends.first):\(ends.last):".utf8)
        return Sodium.hmacSHA256(numbers + ends.firstHash + ends.lastHash, key: key)
    }
}
