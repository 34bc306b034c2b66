/// The body of `POST /v1/device/code`, with which a program without a browser requests a token (RFC 8628).
package struct NewDeviceCode: Encodable, Sendable {
    /// The name that the user sees, which becomes the name of the token.
    package var clientName: String
    /// The requested scopes; nil for all that the user has.
    package var scopes: [Scope]?
    /// The ID of a token that the caller generated; nil if the service generates it.
    package var id: String?
    /// The hexadecimal SHA-256 of the whole token that the caller generated.
    package var sha256: String?

    package init(clientName: String, scopes: [Scope]? = nil, id: String? = nil, sha256: String? = nil) {
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

/// The response to `POST /v1/device/code`: the code for the user, and the program's own code for `POST /v1/device/token`.
package struct DeviceCode: Codable, Sendable, Equatable {
    /// The program's own code; a secret.
    package var deviceCode: String
    /// The code for the user, such as `WDJB-MJHT`.
    package var userCode: String
    /// The page that asks for the user's code.
    package var verificationURI: String
    /// The address of that page with the code filled in.
    package var verificationURIComplete: String
    /// The lifetime of the codes in seconds.
    package var expiresIn: Int
    /// The shortest time between two requests for the token in seconds.
    package var interval: Int

    package init(
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
