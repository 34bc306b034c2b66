import PodstackAPI

/// Writes the audit log: appends events, and removes those that are too old.
struct AuditTrail: Sendable {
    static let retentionSeconds: Int64 = 90 * 86_400

    let chain: AuditChain

    /// Appends an event to the log of the resource's account, in the transaction of the change.
    func append(
        _ action: AuditAction, on resource: AuditResource, by actor: Actor, details: [String: JSONValue],
        in change: Change
    ) throws {
        let connection = change.connection
        var ends =
            try AuditStore.ends(of: resource.accountID, in: connection)?.ends
            ?? AuditChain.Ends(accountID: resource.accountID)
        let event = AuditRecord(
            accountID: resource.accountID, number: ends.last + 1, id: Identifier.generate("evt_"),
            createdAt: change.now, action: action.rawValue, resourceType: resource.type, resourceID: resource.id,
            resourceName: resource.name, projectID: resource.projectID, userID: actor.userID, userEmail: actor.email,
            tokenID: actor.tokenID.map(TokenKey.tokenID), address: actor.origin.address?.description,
            userAgent: actor.origin.userAgent,
            details: String(decoding: try APICoding.encode(details), as: UTF8.self))
        let row = AuditStore.Row(
            event: event, previousHash: ends.lastHash, hash: chain.hash(event, after: ends.lastHash))
        try AuditStore.insert(row, in: connection)
        (ends.last, ends.lastHash) = (event.number, row.hash)
        try AuditStore.setEnds(ends, seal: chain.seal(ends), in: connection)
    }

    /// Removes the events that are older than ``retentionSeconds``.
    ///
    /// - Parameters:
    ///   - now: The time, in seconds since 1970.
    ///   - database: The database. Each transaction is short, so that other writers do not wait for long.
    ///   - seconds: The time after which to stop; the next call continues.
    /// - Returns: Whether all of them are removed.
    /// - Throws: ``DatabaseFailure``.
    @discardableResult
    func prune(now: Int64, in database: any Database, within seconds: Double = 3600) throws -> Bool {
        let time = now - Self.retentionSeconds
        let end = MonotonicClock.nanoseconds + Int64(seconds * 1e9)
        while true {
            let accountIDs = try database.read {
                try AuditStore.accountIDs(withEventsUntil: time, limit: Self.listed, in: $0)
            }
            var removed = 0
            for accountID in accountIDs {
                var last: Int
                repeat {
                    if MonotonicClock.nanoseconds > end { return false }
                    last = try database.write { try prune(accountID, until: time, in: $0) }
                    removed += last
                } while last == Self.batch
            }
            if removed == 0 { return true }
        }
    }

    /// The most events that one transaction removes.
    private static let batch = 500
    /// The number of events whose accounts are listed at once.
    private static let listed = 10_000

    /// Removes an account's oldest events, and returns how many.
    ///
    /// Its chain then begins with the hash of the last removed event.
    private func prune(_ accountID: String, until time: Int64, in connection: any DatabaseConnection) throws -> Int {
        guard var ends = try AuditStore.ends(of: accountID, in: connection)?.ends else { return 0 }
        let oldest = try AuditStore.rows(of: accountID, after: ends.first, limit: Self.batch, in: connection)
        let removed = oldest.prefix { $0.event.createdAt <= time }
        guard let last = removed.last else { return 0 }
        try AuditStore.remove(of: accountID, through: last.event.number, in: connection)
        (ends.first, ends.firstHash) = (last.event.number, last.hash)
        try AuditStore.setEnds(ends, seal: chain.seal(ends), in: connection)
        return removed.count
    }
}
