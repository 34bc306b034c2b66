import PodstackAPI

/// The parameters of a request to an OAuth endpoint, encoded as `application/x-www-form-urlencoded`.
///
/// Unknown parameters are ignored, as OAuth requires.
///
/// Source: RFC 6749, sections 3.2 and B.
struct OAuthForm {
    private static let contentType = "application/x-www-form-urlencoded"
    /// The longest name that an error repeats; a longer one may be a secret.
    private static let longestName = 40

    private var values: [String: String] = [:]

    /// Reads the parameters from the body of a request.
    ///
    /// - Parameter request: The request.
    /// - Throws: ``ErrorResponse`` with the error `invalid_request` if the body is not a form, if a parameter is repeated,
    ///   or if the URL has parameters; with `invalid_client` if the client tries to authenticate.
    init(_ request: Request) throws {
        for header in request.headers where header.name == "authorization" {
            // A token authenticates a user and no client, and is of no use here.
            guard header.value.prefix(7).lowercased() == "bearer " else { throw Self.invalidClient }
        }
        // A URL is logged by proxies, and parameters may be secrets.
        guard request.query.isEmpty else {
            throw Self.invalid("Send the parameters in the body of the request, not in its URL")
        }
        guard Self.isForm(request.headers.filter { $0.name == "content-type" }.map(\.value)) else {
            throw Self.invalid("The Content-Type must be \(Self.contentType), in UTF-8")
        }
        guard let text = String(validating: request.body, as: UTF8.self) else {
            throw Self.invalid("The body is not valid UTF-8")
        }
        // Forms are encoded like query strings.
        let target = RequestTarget("/?" + text)
        guard !target.isMalformed else { throw Self.invalid("The body is not URL-encoded correctly") }
        // A parameter without a value counts as omitted.
        for (name, value) in target.query where !value.isEmpty {
            guard values.updateValue(value, forKey: name) == nil else {
                let displayed = name.utf8.count <= Self.longestName ? name : "…"
                throw Self.invalid("The parameter \(displayed) is repeated")
            }
        }
        for name in ["client_secret", "client_assertion"] where values[name] != nil { throw Self.invalidClient }
    }

    /// Returns the value of a parameter; nil if it is missing or empty.
    subscript(_ name: String) -> String? { values[name] }

    /// Returns the value of a parameter.
    ///
    /// - Throws: ``ErrorResponse`` with the error `invalid_request` if it is missing or empty.
    func require(_ name: String) throws -> String {
        guard let value = values[name] else { throw Self.invalid("The parameter \(name) is missing") }
        return value
    }

    /// The error of a client that sends credentials, although clients have none.
    ///
    /// Source: RFC 6749, section 5.2, which requires the header.
    private static let invalidClient = ErrorResponse(
        status: 401, code: .invalidClient,
        message: "Clients have no credentials: send the client_id in the body, without a secret and without an "
            + "Authorization header", headers: [("WWW-Authenticate", #"Basic realm="podstack""#)])

    private static func invalid(_ message: String) -> ErrorResponse { .oauth(.invalidRequest, message) }

    /// Returns whether a Content-Type is that of a form in UTF-8, with or without parameters.
    private static func isForm(_ headers: [String]) -> Bool {
        guard headers.count == 1, let header = headers.first else { return false }
        let parts = header.split(separator: ";", omittingEmptySubsequences: false)
            .map { $0.filter { $0 != " " && $0 != "\t" && $0 != "\"" }.lowercased() }
        guard parts.first == contentType else { return false }
        return parts.dropFirst().allSatisfy {
            !$0.hasPrefix("charset=") || $0 == "charset=utf-8" || $0 == "charset=utf8"
        }
    }
}
