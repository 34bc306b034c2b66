/// The answer of `POST /v1/tokens` and of a rotation: the fields of the token and, only when the service made the secret, the secret.
public struct CreatedToken: Codable, Sendable {
    public var token: Token
    /// The whole token, once; nil when the caller made it.
    public var secret: String?
    /// Why a repeated answer is without the secret that the first one held.
    public var notice: String?

    public init(token: Token, secret: String?, notice: String? = nil) {
        self.token = token
        self.secret = secret
        self.notice = notice
    }

    private enum CodingKeys: String, CodingKey {
        case secret = "token"
        case notice
    }

    public init(from decoder: any Decoder) throws {
        token = try Token(from: decoder)
        let container = try decoder.container(keyedBy: CodingKeys.self)
        secret = try container.decodeIfPresent(String.self, forKey: .secret)
        notice = try container.decodeIfPresent(String.self, forKey: .notice)
    }

    public func encode(to encoder: any Encoder) throws {
        try token.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(secret, forKey: .secret)
        try container.encodeIfPresent(notice, forKey: .notice)
    }
}
