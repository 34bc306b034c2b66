/// The body of `POST /v1/device/code`: a program without a browser asks for a token. Source: RFC 8628.
public struct NewDeviceCode: Encodable, Sendable {
    /// What the user is shown, and the token is named.
    public var clientName: String
    /// Nil for all.
    public var scopes: [String]?
    /// Of a token whose secret the caller made; nil lets the service make it.
    public var id: String?
    public var sha256: String?

    public init(clientName: String, scopes: [String]? = nil, id: String? = nil, sha256: String? = nil) {
        self.clientName = clientName
        self.scopes = scopes
        self.id = id
        self.sha256 = sha256
    }

    private enum CodingKeys: String, CodingKey {
        case clientName = "client_name"
        case scopes, id, sha256
    }
}

/// Its answer: what the user types in, and what the program asks with until the user has decided.
public struct DeviceCode: Codable, Sendable, Equatable {
    /// A secret of the program.
    public var deviceCode: String
    /// Such as `WDJB-MJHT`.
    public var userCode: String
    public var verificationURI: String
    /// The same, with the code filled in.
    public var verificationURIComplete: String
    /// Seconds.
    public var expiresIn: Int
    /// The fewest seconds between two questions.
    public var interval: Int

    public init(
        deviceCode: String, userCode: String, verificationURI: String, verificationURIComplete: String, expiresIn: Int,
        interval: Int
    ) {
        self.deviceCode = deviceCode
        self.userCode = userCode
        self.verificationURI = verificationURI
        self.verificationURIComplete = verificationURIComplete
        self.expiresIn = expiresIn
        self.interval = interval
    }

    private enum CodingKeys: String, CodingKey {
        case deviceCode = "device_code"
        case userCode = "user_code"
        case verificationURI = "verification_uri"
        case verificationURIComplete = "verification_uri_complete"
        case expiresIn = "expires_in"
        case interval
    }
}
