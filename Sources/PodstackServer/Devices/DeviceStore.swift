import PodstackAPI

/// Device requests in the database, found by the digests of their codes.
enum DeviceStore {
    private static let columns = """
        id, client_name, scopes, token_id, token_sha256, created_at, expires_at, interval_seconds, asked_at, address, \
        user_agent, state, user_id
        """
    /// One that is over is told from one that never was for this long.
    private static let keptAfterEnd: Int64 = 3600

    enum Code: String { case device, user }

    /// Also forgets those that are long over.
    static func insert(
        _ request: DeviceRequest, deviceDigest: [UInt8], userDigest: [UInt8], in connection: any DatabaseConnection
    ) throws {
        try connection.run(
            "DELETE FROM device_requests WHERE expires_at <= ?", [.integer(request.createdAt - keptAfterEnd)])
        try connection.run(
            """
            INSERT INTO device_requests (device_digest, user_digest, \(columns))
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)
            """,
            [
                .blob(deviceDigest), .blob(userDigest), .text(request.id), .text(request.clientName),
                DatabaseValue(request.scopes.map { $0.map(\.description).joined(separator: " ") }),
                DatabaseValue(request.made?.id), request.made.map { .blob($0.sha256) } ?? .null,
                .integer(request.createdAt), .integer(request.expiresAt), .integer(request.interval), .null,
                .text(request.address), DatabaseValue(request.userAgent), .text("pending"),
            ])
    }

    static func find(
        _ code: Code, _ digest: [UInt8], in connection: any DatabaseConnection
    ) throws -> DeviceRequest? {
        try connection.run("SELECT \(columns) FROM device_requests WHERE \(code.rawValue)_digest = ?", [.blob(digest)])
            .first.map(request)
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
        try connection.run(
            "UPDATE device_requests SET state = ?, user_id = ? WHERE id = ?",
            [.text(name), DatabaseValue(userID), .text(id)])
    }

    static func asked(
        _ id: String, at now: Int64, interval: Int64, in connection: any DatabaseConnection
    ) throws {
        try connection.run(
            "UPDATE device_requests SET asked_at = ?, interval_seconds = ? WHERE id = ?",
            [.integer(now), .integer(interval), .text(id)])
    }

    private static func request(_ row: DatabaseRow) throws -> DeviceRequest {
        var request = DeviceRequest(
            id: try row.text(0), clientName: try row.text(1),
            scopes: row.optionalText(2)?.split(separator: " ").compactMap { Scope(String($0)) },
            createdAt: try row.integer(5), expiresAt: try row.integer(6), interval: try row.integer(7),
            askedAt: row.optionalInteger(8), address: try row.text(9), userAgent: row.optionalText(10))
        if let id = row.optionalText(3) { request.made = (id, try row.blob(4)) }
        switch try row.text(11) {
        case "approved": request.state = .approved(userID: try row.text(12))
        case "denied": request.state = .denied
        case "done": request.state = .done(userID: try row.text(12))
        default: break
        }
        return request
    }
}
