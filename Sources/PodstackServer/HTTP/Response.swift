import PodstackAPI

/// An answer on its way out.
struct Response {
    var status: Int
    var headers: [(name: StaticString, value: String)] = []
    var contentType = "application/json"
    var cacheControl = "no-store"
    var body: [UInt8] = []
    /// In place of a body, what is written while it is sent.
    var stream: ResponseStream?
    /// In place of everything, the promise of another.
    var later: Later?
    /// What a repeat is answered in place of a body that holds a secret.
    var repeatable: [UInt8]?

    init(status: Int, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }

    static func json(_ value: some Encodable, status: Int = 200) throws -> Response {
        Response(status: status, body: try APICoding.encode(value))
    }

    static let noContent = Response(status: 204)

    mutating func set(_ name: StaticString, _ value: String) { headers.append((name, value)) }
}
