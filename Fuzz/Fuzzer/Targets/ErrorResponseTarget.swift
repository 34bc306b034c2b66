import PodstackAPI

@testable import Podstack

/// Error responses.
///
/// An input is a line each with the status, `Retry-After` and `X-Request-ID`, then the body.
enum ErrorResponseTarget {
    /// A token of the service's format, and one of another format with characters that JSON escapes.
    private static let tokens = [FuzzInput.token, #"hf_"Zk\8vQ/2nRw"#]

    static func run(_ input: [UInt8]) {
        for token in tokens { check(input, token) }
    }

    private static func check(_ input: [UInt8], _ token: String) {
        let (lines, body) = FuzzInput.lines(3, of: input)
        let status = Int(FuzzInput.text(lines[0])).flatMap { (100...999).contains($0) ? $0 : nil } ?? 500
        let headers = zip(["retry-after", "x-request-id"], lines.dropFirst()).map {
            HeaderField($0, FuzzInput.text(FuzzInput.inserting(token, in: $1)))
        }
        let response = TransportResponse(
            status: status, headers: headers, body: FuzzInput.inserting(token, in: body))
        let sent = APIToken(token)
        let errors: [any PodstackError] = [
            ErrorMapping.error(for: response, token: sent, source: .argument("apiToken:"), otherTokens: { _ in [] }),
            ErrorMapping.notDecodable(response, token: sent),
        ]
        errors.forEach(checkText)
        // Printing an error in every form takes longer than everything else.
        if FuzzInput.hasPlaceholder(input) { for error in errors { checkIsHidden(token, in: error) } }
        checkWait(response)
    }

    private static func checkText(of error: any PodstackError) {
        require(!error.message.isEmpty, "an error says something")
        for text in [error.message, error.hint, error.requestID, error.code?.rawValue].compactMap(\.self) {
            require(Printed.isOneLine(text), "what is printed is one line")
            require(text.utf8.count <= 4096, "what is printed is short")
        }
    }

    private static func checkIsHidden(_ token: String, in error: any PodstackError) {
        // A Swift string literal doubles its backslashes.
        let hidden = [token, String(String(reflecting: token).dropFirst().dropLast())]
        for form in Printed.forms(of: error) {
            let bytes = Array(form.utf8)
            require(hidden.allSatisfy { !FuzzInput.contains($0.utf8, in: bytes) }, "the token is not printed")
        }
    }

    private static func checkWait(_ response: TransportResponse) {
        let requested = response.header("retry-after").flatMap { RetryAfter.parse($0) }
        if let requested { require(requested >= .zero, "no wait is negative") }
        var retry = Retry(RetryConfiguration())
        let wait = retry.next(
            after: AttemptResult.success(response).retryCondition, requested: requested, left: .seconds(60),
            fraction: 0.999)
        if let wait { require(wait >= .zero && wait < .seconds(60), "the wait ends before the call's deadline") }
    }
}
