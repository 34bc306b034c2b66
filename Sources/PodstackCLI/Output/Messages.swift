import Podstack
import PodstackAPI
import PodstackCommandLine

/// An error as standard error shows it: one line, and a hint on a second line if there is one.
struct ErrorReport {
    var body: ErrorBody
    var hint: String?

    init(_ error: any Error) {
        switch error {
        case let error as any PodstackError:
            let (message, advice) = error.wordings
            body = ErrorBody(
                code: error.code, message: message.onCommandLine, requestID: error.requestID, details: error.details)
            hint = advice?.onCommandLine
            if error.code == .missingToken { hint = hint ?? "podstack auth login stores a token" }
            if error is NetworkError { hint = hint ?? Self.connectionHint(message.onCommandLine) }
        case let error as UsageError:
            body = ErrorBody(code: ErrorCode(rawValue: "usage"), message: error.message, requestID: nil)
            hint = error.hint
        case let error as CommandError:
            body = ErrorBody(code: nil, message: error.message, requestID: nil)
            hint = error.hint
        default:
            body = ErrorBody(code: nil, message: "\(error)", requestID: nil)
        }
    }

    /// Returns the advice for a service that cannot be reached.
    private static func connectionHint(_ message: String) -> String {
        let doctor = "podstack auth doctor checks the connection"
        guard message.contains(APIEndpoint.podstack.url) else { return doctor }
        return "This is the default endpoint; --api-endpoint or PODSTACK_API_ENDPOINT names another one. \(doctor)"
    }

    func write(to standardError: (String) -> Void, format: OutputFormat) {
        var body = body
        if format == .json, let hint { body.details["hint"] = .string(hint) }
        if format == .json, let json = try? APICoding.encode(body) {
            standardError(String(decoding: json, as: UTF8.self) + "\n")
            return
        }
        standardError("error: \(TerminalText.printable(body.message))\n")
        if let hint { standardError("hint: \(TerminalText.printable(hint))\n") }
    }
}

// MARK: - Terms of the command line

extension ClientConfiguration.Source {
    /// The source in the terms of the command line, where an argument of the SDK is a flag.
    var onCommandLine: String {
        let flags = [
            "apiToken:": "--token", "profile:": "--profile", "projectID:": "--project",
            "apiEndpoint:": "--api-endpoint",
        ]
        if case .argument(let name) = self { return flags[name] ?? name }
        return origin
    }
}

extension Wording {
    fileprivate var onCommandLine: String { text(isProgramming: false) { $0.onCommandLine } }
}

extension ClientEvent {
    /// The event as `--debug` shows it.
    var debugText: String {
        switch self {
        case .requestStarted(let method, let path): "\(method) \(path)"
        case .requestFinished(let method, let path, let status, let duration):
            "\(method) \(path): HTTP \(status) after \(Self.milliseconds(duration))"
        case .requestRetried(let method, let path, let retry, let delay, let reason):
            "\(method) \(path): \(reason); retry \(retry) in \(Self.milliseconds(delay))"
        case .tokenReloaded(let origin): "the token was rejected, and another one was found in \(origin)"
        case .tokenExpiring(let end, _): "the token expires at \(end)"
        case .warning(let text): text
        }
    }

    private static func milliseconds(_ duration: Duration) -> String {
        "\(Int((duration / .milliseconds(1)).rounded(.up))) ms"
    }
}
