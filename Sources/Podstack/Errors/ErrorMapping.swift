import PodstackAPI
import PodstackSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Creates the errors of the SDK from failures and from responses of the service.
enum ErrorMapping {
    // MARK: - Settings

    static func noProject() -> ConfigurationError {
        ConfigurationError(
            message: "No project is set, and the user has no default project",
            hint: "Pass \(ClientConfiguration.Source.argument("projectID:")), or set PODSTACK_PROJECT")
    }

    static func noToken(lookedIn places: [Wording], misnamedVariable: String?) -> AuthenticationError {
        var response = ServiceResponse(
            message: "No API token provided: looked in \(places.joined(separator: ", "))", code: .missingToken)
        if let misnamedVariable {
            response.hint = "\(misnamedVariable) is set, but the variable that is read is PODSTACK_API_TOKEN"
        }
        return AuthenticationError(response: response)
    }

    /// Returns a token that may be sent, or throws the error that says what is wrong with it.
    static func usable(
        _ token: APIToken, from source: ClientConfiguration.Source
    ) throws(AuthenticationError) -> APIToken {
        guard let defect = token.defect else { return token }
        throw AuthenticationError(
            response: ServiceResponse(message: "Invalid API token: \(source) \(defect)", code: .invalidToken))
    }

    static func credentialsFile(_ failure: INIDocument.Failure, path: FilePath) -> ConfigurationError {
        ConfigurationError(message: "\(path)\(failure.line.map { ":\($0)" } ?? ""): \(failure.reason)")
    }

    static func missingFile(_ source: ClientConfiguration.Source) -> ConfigurationError {
        ConfigurationError(message: "The file that \(source) names does not exist")
    }

    static func unsafeCommand(_ source: ClientConfiguration.Source, path: String) -> ConfigurationError {
        ConfigurationError(
            message: "\(source) is not run: \(path) must belong to you, and others must not be able to write to it",
            hint: "chmod 600 \(path)")
    }

    static func notVouched(_ message: Wording, for variable: String) -> ConfigurationError {
        let source = ClientConfiguration.Source.argument("apiEndpoint:")
        return ConfigurationError(
            message: message,
            hint: variable == PodstackEnvironment.Variable.apiEndpoint.rawValue
                ? "To allow this, pass \(source)\(programming: trusting)"
                : "To allow this, set \(variable) outside of the file\(programming: trusting)")
    }

    private static let trusting = ", or load the file with trust: true"

    static func profile(_ name: String, problem: String, path: String, others: [String]) -> AuthenticationError {
        var message = "No API token provided: profile \"\(name)\" \(problem) \(path)"
        let others = others.filter { $0 != name }
        if let near = others.first(where: { $0.lowercased() == name.lowercased() }) {
            message += "; did you mean \"\(near)\"?"
        } else if !others.isEmpty {
            message += "; existing profiles: " + others.joined(separator: ", ")
        }
        return AuthenticationError(response: ServiceResponse(message: Wording(message), code: .missingToken))
    }

    // MARK: - Requests

    static func unusableID() -> ValidationError {
        ValidationError(
            response: ServiceResponse(
                message: "An ID must not be empty or contain a slash", code: .validationFailed))
    }

    /// Returns the error for a request that would contain a token outside of its header.
    static func tokenInRequest() -> ValidationError {
        ValidationError(
            response: ServiceResponse(
                message: "An ID, a name or a filter contains an API token, so the request was not sent",
                code: .validationFailed,
                hint: "The ID of a token is the 8 characters after podstack_"))
    }

    /// Returns the error for what needs a connection of the SDK's own transport.
    static func cannotStream() -> ConfigurationError {
        ConfigurationError(
            message: "This transport returns whole responses, so it cannot follow the output of a pod or run an "
                + "interactive command")
    }

    static func pastExpiry() -> ValidationError {
        let problem = "must be in the future"
        return ValidationError(
            response: ServiceResponse(
                message: "expires_at \(problem)", code: .validationFailed,
                details: ["field_errors": ["expires_at": .array([.string(problem)])]]))
    }

    static func network(_ failure: TransportFailure, endpoint: APIEndpoint) -> NetworkError {
        let reason = TokenRedaction.redact(failure.reason)
        guard failure.kind != .proxy else {
            return NetworkError(reason.prefix(1).uppercased() + reason.dropFirst(), kind: failure.kind)
        }
        return NetworkError("No response from \(endpoint): \(reason)", kind: failure.kind)
    }

    /// Returns the error for a response without the new token, which the service sends only once.
    static func secretNotShown() -> ServerError {
        ServerError(
            response: ServiceResponse(message: "The response did not contain the new token, which is sent only once"))
    }

    // MARK: - Responses

    /// Returns the service's own error in a response; nil if the response has none.
    static func emptyPages(_ count: Int) -> NetworkError {
        NetworkError(
            "The list does not end: the service returned \(count) pages without elements in a row",
            kind: .invalidResponse)
    }

    private static func body(of response: TransportResponse) -> ErrorBody? {
        // Errors of the service are much shorter.
        response.body.count <= 256 << 10 ? try? APICoding.decode(ErrorBody.self, from: response.body) : nil
    }

    /// Returns whether the service rejected the token: a gateway that wants another password did not.
    static func isRejection(_ response: TransportResponse) -> Bool {
        response.status == 401 && !isForeign(response, body(of: response))
    }

    /// Returns whether something between the client and the service responded, such as a gateway or a sign-in page.
    private static func isForeign(_ response: TransportResponse, _ body: ErrorBody?) -> Bool {
        guard body == nil else { return false }
        switch response.status {
        // Whatever limits the requests, the client must slow down.
        case 429: return false
        case 401:
            let scheme = response.header("www-authenticate")?.lowercased() ?? "bearer"
            return !response.body.isEmpty || !scheme.hasPrefix("bearer")
        default: return response.isForeign
        }
    }

    /// Returns the error for a response that is not a success, without the token that was sent.
    static func error(
        for response: TransportResponse, token: APIToken, source: ClientConfiguration.Source,
        project: ClientConfiguration.Setting<String>? = nil, now: @autoclosure () -> Date = Date(),
        otherTokens: (APIToken) -> [ClientConfiguration.Source]
    ) -> any PodstackError {
        let body = body(of: response)
        if isForeign(response, body) { return notDecodable(response, token: token) }
        let message = body.map { OneLine.of($0.message, without: token) } ?? ""
        var parts = ServiceResponse(
            message: Wording(message.isEmpty ? notTheAPI(response, token: token) : message),
            code: body?.code,
            requestID: body?.requestID ?? response.header("x-request-id"),
            statusCode: response.status,
            details: body?.details ?? [:]
        ).redacted(without: token)
        switch response.status {
        case 401:
            parts.message = "Invalid API token"
            parts.hintWording = rejectedTokenHint(parts, token: token, source: source, others: otherTokens(token))
            return AuthenticationError(response: parts)
        case _ where parts.code == .quotaExceeded:
            return QuotaExceededError(response: parts)
        case _ where parts.code == .gpuNotAvailable:
            return GPUNotAvailableError(response: parts)
        case _ where parts.code == .execTimeout:
            return ExecTimeoutError(response: parts)
        case 409 where parts.code == .conflict && ConflictError.isAboutState(parts.details):
            return ConflictError(response: parts)
        case 402:
            return InsufficientBalanceError(response: parts)
        case 403:
            let documented = "Access denied to resource"
            if !parts.message.hasPrefix(documented) { parts.message = "\(documented): \(parts.message)" }
            return PermissionError(response: parts)
        case 404:
            let error = ResourceNotFoundError(response: parts)
            if let project, error.resourceType == "project", error.resourceID == project.value {
                parts.hintWording = "The project \(project.value) came from \(project.source)"
            }
            return ResourceNotFoundError(response: parts)
        case 429:
            return RateLimitError(response: parts, retryAfter: RetryAfter.wait(in: response, now: now())?.wholeSeconds)
        case 400..<500:
            let fields = ValidationError(response: parts).fieldErrors
            if !fields.isEmpty {
                let sentences = fields.sorted { $0.key < $1.key }
                    .map { "\($0.key) \($0.value.joined(separator: " and "))" }.joined(separator: "; ")
                parts.message = OneLine.of(sentences, without: token)
            }
            return ValidationError(response: parts)
        default:
            return ServerError(response: parts)
        }
    }

    /// Returns the error for a response whose body is not the API's.
    static func notDecodable(_ response: TransportResponse, token: APIToken) -> ServerError {
        var parts = ServiceResponse(
            message: Wording(notTheAPI(response, token: token)), requestID: response.header("x-request-id"),
            statusCode: response.status)
        if response.status < 500, isForeign(response, nil) {
            parts.hint =
                "Something between this program and the service responded, such as a gateway or a sign-in page: check the "
                + "API endpoint and the proxy"
        }
        return ServerError(response: parts.redacted(without: token))
    }

    private static func rejectedTokenHint(
        _ response: ServiceResponse, token: APIToken, source: ClientConfiguration.Source,
        others: [ClientConfiguration.Source]
    ) -> Wording {
        var sentences: [Wording] = []
        switch response.code {
        case .expiredToken:
            sentences.append("It expired\(time(response.details["expired_at"])); create a new one")
        case .revokedToken:
            sentences.append("It was revoked\(time(response.details["revoked_at"])); create a new one")
        case .rotatedToken:
            sentences.append("It was rotated\(time(response.details["rotated_at"])); use the token that replaced it")
        case .accountDisabled:
            sentences.append("The user's account is disabled; ask the operator of the service to enable it")
        default:
            if let reason = token.suspicion { sentences.append(Wording(reason)) }
        }
        sentences.append("The token came from \(source)")
        if !others.isEmpty {
            sentences.append("A different token is in \(others.map { Wording($0) }.joined(separator: " and in "))")
        }
        return sentences.joined(separator: ". ")
    }

    private static func time(_ value: JSONValue?) -> String {
        value?.stringValue.map { " at \(OneLine.of($0, most: 40))" } ?? ""
    }

    /// Returns an address without its query, which may contain a secret, and without a user name and a password.
    private static func displayedAddress(_ location: String) -> String {
        // Scalars, because an "@" that a combining mark follows is another Character.
        let address = location.unicodeScalars.prefix { $0 != "?" && $0 != "#" }
        let slashes = address.indices.first { address[$0...].starts(with: "//".unicodeScalars) }
        guard let slashes else { return String(Substring(address)) }
        let start = address.index(slashes, offsetBy: 2)
        let authority = address[start...].prefix { $0 != "/" }
        let host = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
        return "\(Substring(address[..<start]))\(Substring(host))\(Substring(address[authority.endIndex...]))"
    }

    private static func notTheAPI(_ response: TransportResponse, token: APIToken) -> String {
        if (300..<400).contains(response.status), let location = response.header("location") {
            let address = OneLine.of(displayedAddress(location), without: token, most: 200)
            return "HTTP \(response.status) redirects to \(address), "
                + "and a redirect is never followed"
        }
        if let encoding = response.unrequestedEncoding {
            return "HTTP \(response.status) with a body that is compressed with "
                + "\(OneLine.of(encoding, without: token, most: 40)), which was not requested"
        }
        // Longer than the excerpt, so that a token at the cut is redacted as a whole.
        let beginning = String(decoding: response.body.prefix(2000), as: UTF8.self)
        let words = OneLine.of(beginning, without: token, most: 200).split(separator: " ").prefix(12)
            .joined(separator: " ")
        let excerpt = words.isEmpty ? "an empty body" : "\"\(words)\""
        return "HTTP \(response.status) with \(excerpt), which is not a response of the Podstack API"
    }

    // MARK: - Device login

    static func notApproved(within lifetime: Duration) -> AuthenticationError {
        AuthenticationError(
            response: ServiceResponse(
                message:
                    "No API token provided: the code was not approved within \(lifetime.components.seconds / 60) minutes",
                code: .expiredToken))
    }

    /// Returns the error for a response that ends the wait for the user's decision.
    static func device(_ error: any PodstackError, lifetime: Duration) -> any PodstackError {
        switch error.code {
        case .accessDenied?:
            PermissionError(
                response: ServiceResponse(
                    message: "Access denied to resource: the code was denied in the browser", code: .accessDenied,
                    requestID: error.requestID, statusCode: error.statusCode))
        case .expiredToken?: notApproved(within: lifetime)
        case .invalidGrant?:
            AuthenticationError(
                response: ServiceResponse(
                    message: "No API token provided: the service no longer accepts the code", code: .invalidGrant,
                    requestID: error.requestID, statusCode: error.statusCode))
        default: error
        }
    }
}

extension TransportResponse {
    /// The compression of the body, which no request asks for; nil if the body is not compressed.
    fileprivate var unrequestedEncoding: String? {
        if let encoding = header("content-encoding")?.trimmingWhitespace(), !encoding.isEmpty,
            encoding.lowercased() != "identity"
        {
            return encoding
        }
        return body.starts(with: [0x1F, 0x8B]) ? "gzip" : nil
    }

    /// Whether the response has a body that is not a JSON object, which the API's always is.
    var isForeign: Bool {
        guard !body.isEmpty else { return (300..<400).contains(status) }
        return unrequestedEncoding != nil || body.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } != UInt8(ascii: "{")
    }
}

extension ServiceResponse {
    /// Returns a copy without the token and without control characters: a response may repeat what was sent.
    fileprivate func redacted(without token: APIToken) -> ServiceResponse {
        var parts = self
        parts.requestID = requestID.map { OneLine.of($0, without: token, most: 128) }
        parts.code = code.map { ErrorCode(rawValue: OneLine.of($0.rawValue, without: token, most: 128)) }
        parts.details = TokenRedaction.redact(token, in: details)
        return parts
    }
}
