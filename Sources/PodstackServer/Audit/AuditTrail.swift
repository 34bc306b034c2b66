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
    /// Each account's events are removed in a transaction of their own, so that other writers wait only for that.
    func prune(now: Int64, in database: any Database) throws {
        let time = now - Self.retentionSeconds
        for accountID in try database.read({ try AuditStore.accountIDs(withEventsUntil: time, in: $0) }) {
            try database.write { try prune(accountID, until: time, in: $0) }
        }
    }

    /// Removes an account's old events.
    ///
    /// Its chain then begins with the hash of the last removed event.
    private func prune(_ accountID: String, until time: Int64, in connection: any DatabaseConnection) throws {
        guard var ends = try AuditStore.ends(of: accountID, in: connection)?.ends else { return }
        let oldestKept = try AuditStore.oldest(of: accountID, after: time, in: connection)
        let last = oldestKept.map { $0 - 1 } ?? ends.last
        guard last > ends.first,
            let row = try AuditStore.rows(of: accountID, after: last - 1, limit: 1, in: connection).first
        else { return }
        try AuditStore.remove(of: accountID, through: last, in: connection)
        (ends.first, ends.firstHash) = (last, row.hash)
        try AuditStore.setEnds(ends, seal: chain.seal(ends), in: connection)
    }
}
