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

    func write(to standardError: (String) -> Void, format: OutputFormat) {
        var body = body
        if format == .json, let hint { body.details["hint"] = .string(hint) }
        if format == .json, let json = try? APICoding.encode(body, pretty: true) {
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
        case .requestFinished(let method, let path, let status, let duration, let id):
            "\(method) \(path): HTTP \(status) after \(Self.milliseconds(duration))\(id.map { ", \($0)" } ?? "")"
        case .requestFailed(let method, let path, let reason, let duration):
            "\(method) \(path): no response after \(Self.milliseconds(duration)): \(reason)"
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
