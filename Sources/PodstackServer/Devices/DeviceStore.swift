import PodstackAPI

/// Device requests in the database, found by the digests of their codes.
enum DeviceStore {
    private static let columns: SQL = """
        id, client_name, scopes, token_id, token_sha256, created_at, expires_at, interval_seconds, asked_at, address, \
        user_agent, state, user_id
        """
    /// Seconds for which an expired request is stored, so that it differs from an unknown one.
    static let retentionSeconds: Int64 = 3600

    enum Code { case device, user }

    /// Returns the number of requests, of one network if it is given.
    static func count(of network: String? = nil, in connection: any DatabaseConnection) throws -> Int {
        let condition: SQL = if let network { " WHERE network = \(network)" } else { "" }
        return Int(
            try connection.query("SELECT COUNT(*) AS count FROM device_requests\(condition)").first?.integer("count")
                ?? 0)
    }

    /// Returns the number of a network's requests that wait for a decision, and when the first of them expires.
    static func pending(
        of network: String, now: Int64, in connection: any DatabaseConnection
    ) throws -> (count: Int, firstEnd: Int64?) {
        let row = try connection.query(
            """
            SELECT COUNT(*) AS count, MIN(expires_at) AS first_end FROM device_requests
            WHERE network = \(network) AND state = 'pending' AND expires_at > \(now)
                AND created_at <= \(now + StoredTime.toleranceSeconds)
            """
        ).first
        return (Int(try row?.integer("count") ?? 0), try row?.optionalInteger("first_end"))
    }

    /// Removes requests that have expired at a time, of one network if it is given, and those that were created when the
    /// clock was ahead.
    static func removeExpired(
        until time: Int64, now: Int64, of network: String? = nil, in connection: any DatabaseConnection
    ) throws {
        let condition: SQL = if let network { " AND network = \(network)" } else { "" }
        try connection.execute(
            """
            DELETE FROM device_requests
            WHERE (expires_at <= \(time) OR created_at > \(now + StoredTime.toleranceSeconds))\(condition)
            """)
    }

    static func insert(
        _ request: DeviceRequest, network: String, deviceDigest: [UInt8], userDigest: [UInt8],
        in connection: any DatabaseConnection
    ) throws {
        let scopes = request.scopes.map { $0.map(\.description).joined(separator: " ") }
        try connection.execute(
            """
            INSERT INTO device_requests (device_digest, user_digest, id, client_name, scopes, token_id, token_sha256,
                created_at, expires_at, interval_seconds, address, network, user_agent, state)
            VALUES (\(deviceDigest), \(userDigest), \(request.id), \(request.clientName), \(scopes),
                \(request.clientSecret?.id), \(request.clientSecret?.sha256), \(request.createdAt),
                \(request.expiresAt), \(request.interval), \(request.address), \(network), \(request.userAgent),
                'pending')
            """)
    }

    static func find(
        _ code: Code, _ digest: [UInt8], in connection: any DatabaseConnection
    ) throws -> DeviceRequest? {
        let condition: SQL =
            switch code {
            case .device: "device_digest = \(digest)"
            case .user: "user_digest = \(digest)"
            }
        return try connection.query("SELECT \(columns) FROM device_requests WHERE \(condition)").first.map(request)
    }

    static func setState(
        _ state: DeviceRequest.State, of id: String, in connection: any DatabaseConnection
    ) throws {
        let (name, userID): (String, String?) =
            switch state {
            case .pending: ("pending", nil)
            case .approved(let userID): ("approved", userID)
            case .denied: ("denied", nil)
            case .done(let userID): ("done", userID)
            }
        try connection.execute("UPDATE device_requests SET state = \(name), user_id = \(userID) WHERE id = \(id)")
    }

    /// Records a poll and the interval until the next one.
    static func recordPoll(
        _ id: String, at now: Int64, interval: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.execute(
            "UPDATE device_requests SET asked_at = \(now), interval_seconds = \(interval) WHERE id = \(id)")
    }

    /// Removes the requests that a user has decided.
    static func removeAll(userID: String, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM device_requests WHERE user_id = \(userID)")
    }

    private static func request(_ row: DatabaseRow) throws -> DeviceRequest {
        var request = DeviceRequest(
            id: try row.text("id"), clientName: try row.text("client_name"),
            scopes: try row.optionalText("scopes").map(Scope.list), createdAt: try row.integer("created_at"),
            expiresAt: try row.integer("expires_at"), interval: try row.integer("interval_seconds"),
            lastPolledAt: try row.optionalInteger("asked_at"), address: try row.text("address"),
            userAgent: try row.optionalText("user_agent"))
        if let id = try row.optionalText("token_id") {
            request.clientSecret = ClientSecret(id: id, sha256: try row.blob("token_sha256"))
        }
        switch try row.text("state") {
        case "approved": request.state = .approved(userID: try row.text("user_id"))
        case "denied": request.state = .denied
        case "done": request.state = .done(userID: try row.text("user_id"))
        default: break
        }
        return request
    }
}
