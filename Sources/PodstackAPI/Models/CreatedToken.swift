/// The answer of `POST /v1/tokens` and of a rotation: the fields of the token and, only when the service made the secret, the secret.
public struct CreatedToken: Codable, Sendable {
    public var token: Token
    /// The whole token, once; nil when the caller made it.
    public var secret: String?

    public init(token: Token, secret: String?) {
        self.token = token
        self.secret = secret
    }

    private enum CodingKeys: String, CodingKey { case secret = "token" }

    public init(from decoder: any Decoder) throws {
        token = try Token(from: decoder)
        secret = try decoder.container(keyedBy: CodingKeys.self).decodeIfPresent(String.self, forKey: .secret)
    }

    public func encode(to encoder: any Encoder) throws {
        try token.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(secret, forKey: .secret)
    }
}
