import PodstackAPI

/// The endpoints of the device flow for OAuth clients that know nothing of this service.
///
/// The flow, its limits and its store are those of ``DeviceRoutes``. Clients are public and not registered: the
/// `client_id` of a program is the name that its user sees.
///
/// Source: RFC 8628; RFC 6749, sections 3.2, 3.3 and 5; RFC 8414.
struct OAuthRoutes: Sendable {
    static let metadataPath = "/.well-known/oauth-authorization-server"
    static let authorizationPath = "/v1/oauth/device_authorization"
    static let tokenPath = "/v1/oauth/token"
    static let deviceCodeGrant = "urn:ietf:params:oauth:grant-type:device_code"

    let devices: DeviceRoutes

    /// Returns whether the errors at a path have the form that OAuth clients expect.
    static func owns(_ path: String) -> Bool { path == authorizationPath || path == tokenPath }

    @Sendable func metadata(_ exchange: Exchange) throws -> Response {
        let url = try devices.publicURL.of(exchange.request)
        let scopes = ["*"] + Scope.resources.flatMap { resource in (Scope.actions + ["*"]).map { "\(resource):\($0)" } }
        return try .json(
            OAuthMetadata(
                issuer: url, authorizationEndpoint: url + Self.authorizationPath, tokenEndpoint: url + Self.tokenPath,
                scopesSupported: scopes, grantTypesSupported: [Self.deviceCodeGrant]))
    }

    @Sendable func begin(_ exchange: Exchange) throws -> Response {
        try Self.uncached(
            devices.begin(exchange) {
                let form = try OAuthForm(exchange.request)
                let values = DeviceAuthorizationRequest.Values(
                    clientName: try form.require("client_id"), scopes: form["scope"].map(Self.scopes))
                do { return try DeviceAuthorizationRequest(values) } catch DomainError.invalid(let errors) {
                    throw Self.error(errors)
                }
            })
    }

    @Sendable func fetch(_ exchange: Exchange) throws -> Response {
        let fetched: DeviceRoutes.Fetched
        do {
            fetched = try devices.fetch(exchange) {
                let form = try OAuthForm(exchange.request)
                guard try form.require("grant_type") == Self.deviceCodeGrant else {
                    throw ErrorResponse.oauth(
                        .unsupportedGrantType, "The only supported grant_type is \(Self.deviceCodeGrant)")
                }
                let code = try form.require("device_code")
                let clientID = try form.require("client_id")
                // No program could start the flow with an invalid name.
                guard let name = try? ResourceName.validate(clientID) else { throw Self.invalidGrant }
                return DeviceRoutes.Poll(code: code, clientName: name)
            }
        } catch DomainError.quotaExceeded(let excess) {
            throw ErrorResponse.oauth(
                .accessDenied,
                "The account has reached its limit of \(counted(excess.limit, "active token")); revoke one and start again"
            )
        }
        guard let secret = fetched.secret else { throw Self.invalidGrant }
        return try Self.uncached(
            OAuthToken(
                accessToken: secret, expiresIn: fetched.token.expiresAt.map { Int($0 - fetched.time) },
                scope: fetched.token.scopes.map(\.description).joined(separator: " ")))
    }

    private static let invalidGrant = ErrorResponse.oauth(
        .invalidGrant, "The device_code is unknown or belongs to another client, or its token was already fetched")

    private static func scopes(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }

    /// Returns the error for a request whose values break the rules.
    private static func error(_ errors: FieldErrors) -> ErrorResponse {
        let isScope = errors.messages.keys.elementsEqual(["scopes"])
        let names = ["client_name": "client_id", "scopes": "scope"]
        let text = errors.messages.sorted { $0.key < $1.key }
            .map { "\(names[$0.key] ?? $0.key) \($0.value.joined(separator: ", "))" }.joined(separator: "; ")
        return .oauth(isScope ? .invalidScope : .invalidRequest, text)
    }

    /// Returns a successful response, which no cache may store.
    ///
    /// Source: RFC 6749, section 5.1; every response of the service says `Cache-Control: no-store`.
    private static func uncached(_ value: some Encodable) throws -> Response {
        var response = try Response.json(value)
        response.set("Pragma", "no-cache")
        return response
    }
}

// MARK: - Bodies

/// The body of a response with a token.
private struct OAuthToken: Encodable {
    var accessToken: String
    let tokenType = "Bearer"
    /// Nil for a token that does not expire.
    var expiresIn: Int?
    var scope: String

    private enum CodingKeys: String, CodingKey {
        case accessToken = "access_token"
        case tokenType = "token_type"
        case expiresIn = "expires_in"
        case scope
    }
}

/// The description of the service for OAuth clients.
private struct OAuthMetadata: Encodable {
    var issuer: String
    var authorizationEndpoint: String
    var tokenEndpoint: String
    var scopesSupported: [String]
    var grantTypesSupported: [String]
    let authMethodsSupported = ["none"]
    /// There is no authorization endpoint.
    ///
    /// The field is required and must not be empty, and clients such as Authlib check that. Source: RFC 8414, sections 2
    /// and 3.2.
    let responseTypesSupported = ["none"]

    private enum CodingKeys: String, CodingKey {
        case issuer
        case authorizationEndpoint = "device_authorization_endpoint"
        case tokenEndpoint = "token_endpoint"
        case scopesSupported = "scopes_supported"
        case grantTypesSupported = "grant_types_supported"
        case authMethodsSupported = "token_endpoint_auth_methods_supported"
        case responseTypesSupported = "response_types_supported"
    }
}

// MARK: - Errors

/// The errors that only OAuth clients get.
///
/// Source: RFC 6749, section 5.2.
extension ErrorCode {
    fileprivate static let temporarilyUnavailable = ErrorCode(rawValue: "temporarily_unavailable")
    fileprivate static let serverError = ErrorCode(rawValue: "server_error")
    fileprivate static let invalidScope = ErrorCode(rawValue: "invalid_scope")
    fileprivate static let unsupportedGrantType = ErrorCode(rawValue: "unsupported_grant_type")
    static let invalidClient = ErrorCode(rawValue: "invalid_client")
    static let invalidRequest = ErrorCode(rawValue: "invalid_request")
}

extension ErrorResponse {
    private struct OAuthBody: Encodable {
        var error: String
        var description: String

        private enum CodingKeys: String, CodingKey {
            case error
            case description = "error_description"
        }
    }

    /// Creates an error of an OAuth endpoint.
    static func oauth(_ code: ErrorCode, _ message: String) -> ErrorResponse {
        ErrorResponse(status: 400, code: code, message: message)
    }

    /// Returns the response to an OAuth client.
    func oauthResponse(to request: Request) -> Response {
        var response = response(OAuthBody(error: oauthCode(request).rawValue, description: oauthDescription))
        response.set("Pragma", "no-cache")
        return response
    }

    private func oauthCode(_ request: Request) -> ErrorCode {
        switch code {
        case .authorizationPending, .slowDown, .accessDenied, .expiredToken, .invalidGrant, .invalidScope,
            .unsupportedGrantType, .invalidClient:
            code
        // The client polls less often and does not give up.
        case .rateLimited where request.path == OAuthRoutes.tokenPath: .slowDown
        case .rateLimited, .unavailable: .temporarilyUnavailable
        case .internal: .serverError
        default: .invalidRequest
        }
    }

    /// The message in the characters that OAuth allows.
    private var oauthDescription: String {
        String(
            decoding: message.unicodeScalars.map { scalar in
                switch scalar {
                case "\"": UInt8(ascii: "'")
                case " "..."~" where scalar != "\\": UInt8(scalar.value)
                default: UInt8(ascii: "?")
                }
            }, as: UTF8.self)
    }
}
