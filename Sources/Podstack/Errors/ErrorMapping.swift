import PodstackAPI

/// The only place that makes the errors of the SDK.
enum ErrorMapping {
    /// A service that makes a secret shows it once.
    static func secretNotShown() -> ServerError {
        ServerError(
            response: ServiceResponse(message: "The service answered without the new token, which it shows only once"))
    }

    static func noProject() -> ConfigurationError {
        ConfigurationError(
            message: "No project is set, and the user has no default one",
            hint: "Pass \(ClientConfiguration.Source.argument("projectID:")), or set PODSTACK_PROJECT")
    }

    static func unusableID() -> ValidationError {
        ValidationError(
            response: ServiceResponse(
                message: "An id that was passed is empty or holds a slash, which no id does", code: .validationFailed))
    }

    static func network(_ failure: TransportFailure, endpoint: APIEndpoint) -> NetworkError {
        NetworkError(message: "No answer from \(endpoint): \(failure.reason)")
    }

    static func noToken(lookedIn places: [Wording], misnamedVariable: String?) -> AuthenticationError {
        var answer = ServiceResponse(
            message: "No API token provided: looked in \(places.joined(separator: ", "))", code: .missingToken
        )
        if let misnamedVariable {
            answer.hint = "\(misnamedVariable) is set, but the variable that is read is PODSTACK_API_TOKEN"
        }
        return AuthenticationError(response: answer)
    }

    static func unusableToken(_ source: ClientConfiguration.Source, because reason: String) -> AuthenticationError {
        AuthenticationError(
            response: ServiceResponse(message: "Invalid API token: \(source) \(reason)", code: .invalidToken)
        )
    }

    /// A token that may be sent, else the error that says what is wrong with it.
    static func usable(_ text: String, from source: ClientConfiguration.Source) throws(AuthenticationError) -> APIToken
    {
        let token = APIToken(text)
        if let defect = token.defect { throw unusableToken(source, because: defect) }
        return token
    }

    static func credentialsFile(_ failure: INIDocument.Failure, path: String) -> ConfigurationError {
        ConfigurationError(message: "\(path)\(failure.line.map { ":\($0)" } ?? ""): \(failure.reason)")
    }

    static func unsafeCommand(_ source: ClientConfiguration.Source, path: String) -> ConfigurationError {
        ConfigurationError(
            message: "\(source) is not run: \(path) must belong to you, and others must not be able to write it",
            hint: "chmod 600 \(path)")
    }

    static func notVouched(_ message: Wording, for variable: String) -> ConfigurationError {
        ConfigurationError(
            message: message,
            hint: variable == PodstackEnvironment.Variable.apiEndpoint.rawValue
                ? "If that is meant, pass \(ClientConfiguration.Source.argument("apiEndpoint:"))\(programming: trusting)"
                : "If that is meant, set \(variable) outside of the file\(programming: trusting)")
    }

    private static let trusting = ", or load the file with trust: true"

    static func profile(_ name: String, problem: String, path: String, others: [String]) -> AuthenticationError {
        var message = "No API token provided: profile \"\(name)\" \(problem) \(path)"
        let others = others.filter { $0 != name }
        if let near = others.first(where: { $0.lowercased() == name.lowercased() }) {
            message += "; did you mean \"\(near)\"?"
        } else if !others.isEmpty {
            message += "; profiles that are there: " + others.joined(separator: ", ")
        }
        return AuthenticationError(response: ServiceResponse(message: Wording(message), code: .missingToken))
    }
}
