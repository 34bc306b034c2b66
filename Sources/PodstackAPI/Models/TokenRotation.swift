/// The body of `POST /v1/tokens/{id}/rotate`. What is nil is left out, so that the service's default counts.
public struct TokenRotation: Encodable, Sendable {
    /// How long the old secret lives from the first use of the new one: 0 to 604,800, an hour unless said.
    public var graceSeconds: Int?
    /// Of a secret that the caller made: the token's own id and the hexadecimal SHA-256 of the whole new token.
    public var id: String?
    public var sha256: String?

    public init(graceSeconds: Int? = nil, id: String? = nil, sha256: String? = nil) {
        self.graceSeconds = graceSeconds
        self.id = id
        self.sha256 = sha256
    }

    private enum CodingKeys: String, CodingKey {
        case id, sha256
        case graceSeconds = "grace_seconds"
    }
}
