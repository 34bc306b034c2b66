import Podstack
import PodstackAPI
import PodstackCommandLine

// MARK: - Messages

/// A message for the user on standard error: a line of text or, with `-o json`, a line with a JSON object.
struct Message {
    enum Kind: String {
        case warning
        /// A sentence about the work of a command; it has no label as text.
        case info
        /// A line for people who look for a problem, which is text in every format.
        case debug
    }

    var kind: Kind
    var text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    func write(to standardError: (String) -> Void, format: OutputFormat) {
        if format == .json, kind != .debug, let json = try? APICoding.encode([kind.rawValue: ["message": text]]) {
            return standardError(JSONBytes.text(of: json) + "\n")
        }
        standardError((kind == .info ? "" : "\(kind.rawValue): ") + text + "\n")
    }
}

// MARK: - Errors

/// An error as standard error shows it: one line, and a hint on a second line if there is one.
struct ErrorReport {
    var body: ErrorBody
    var hint: String?

    /// Creates the report of an error.
    ///
    /// - Parameters:
    ///   - error: The error.
    ///   - names: Returns the option or the argument of the command for a field of a request.
    init(_ error: any Error, names: (String) -> String = { $0 }) {
        switch error {
        case let error as any PodstackError:
            let (message, advice) = error.wordings
            body = ErrorBody(
                code: error.code, message: Self.message(of: error, names) ?? message.onCommandLine,
                requestID: error.requestID, details: error.details)
            hint = advice?.onCommandLine
            if error.code == .missingToken { hint = hint ?? "podstack auth login stores a token" }
            if error is NetworkError { hint = hint ?? Self.connectionHint(message.onCommandLine) }
            hint = hint ?? Self.podHint(error) ?? Self.scopeHint(error)
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

    /// Returns the message about the fields of a request, with the command's own names for them.
    private static func message(of error: any PodstackError, _ names: (String) -> String) -> String? {
        guard let error = error as? ValidationError, !error.fieldErrors.isEmpty else { return nil }
        return error.fieldErrors.sorted { $0.key < $1.key }
            .map { "\(names($0.key)) \($0.value.joined(separator: " and "))" }.joined(separator: "; ")
            .prefix(1000).description
    }

    /// Returns the advice for a service that cannot be reached.
    private static func connectionHint(_ message: String) -> String {
        let doctor = "podstack auth doctor checks the connection"
        guard message.contains(APIEndpoint.podstack.url) else { return doctor }
        return "This is the default endpoint; --api-endpoint or PODSTACK_API_ENDPOINT names another one. \(doctor)"
    }

    /// Returns the scopes that there are, for an error about scopes.
    private static func scopeHint(_ error: any PodstackError) -> String? {
        guard let error = error as? ValidationError else { return nil }
        let isAboutScopes = error.fieldErrors.keys.contains { $0.hasPrefix("scopes") || $0.hasPrefix("token_scopes") }
        return isAboutScopes ? ScopeInput.hint : nil
    }

    /// Returns the advice for an error about pods and what they cost.
    private static func podHint(_ error: any PodstackError) -> String? {
        switch error {
        case let error as GPUNotAvailableError:
            let types = error.availableTypes.map { TerminalText.printable($0) }.joined(separator: ", ")
            return (types.isEmpty ? "" : "Available types: \(types). ") + "podstack gpu availability lists all types"
        case let error as InsufficientBalanceError:
            return error.limit == nil || error.limit == .wallet
                ? "podstack wallet balance shows the balance" : "podstack wallet expenditure shows the costs"
        case let error as ConflictError where error.requiredState == "running":
            return "podstack pod start POD starts the pod"
        case let error as ConflictError where error.requiredState == "stopped":
            return "podstack pod stop POD stops the pod; podstack pod delete --force deletes one that runs"
        default: return nil
        }
    }

    func write(to standardError: (String) -> Void, format: OutputFormat) {
        var body = body
        if format == .json, let hint { body.details["hint"] = .string(hint) }
        // On one line, because warnings may precede it: each line is one object.
        if format == .json, let json = try? APICoding.encode(body) {
            standardError(JSONBytes.text(of: json) + "\n")
            return
        }
        standardError("error: \(TerminalText.printable(body.message))\n")
        if let hint { standardError("hint: \(TerminalText.printable(hint))\n") }
    }
}

// MARK: - Terms of the command line

extension Command {
    /// Returns the option or the argument with which a field of a request is set; the field itself if there is none.
    func name(ofField field: String) -> String {
        let base = String(field.prefix { $0 != "." && $0 != "[" })
        let words = [
            "grace_seconds": "grace", "scopes": "scope", "project_ids": "project-id", "permissions": "permission",
            "q": "search", "project_id": "project", "expires_at": "expires-in-days", "ports": "port",
            "labels": "label", "volumes": "volume", "token_scopes": "token-scope", "registry_auth": "registry-user",
        ]
        let name = words[base] ?? String(base.map { $0 == "_" ? "-" : $0 })
        if (flags + PodstackTool.program.globalFlags).contains(where: { $0.name == name }) { return "--\(name)" }
        let argument = arguments.first { $0.name.lowercased().split(separator: "-").contains(name[...]) }
        return argument?.name ?? field
    }
}

extension ClientConfiguration.Source {
    /// The source in the terms of the command line, where an argument of the SDK is a flag.
    var onCommandLine: String {
        let flags = [
            "apiToken:": "--token", "profile:": "--profile", "projectID:": "--project",
            "apiEndpoint:": "--api-endpoint",
        ]
        if case .argument(let name) = self, let flag = flags[name] { return flag }
        return origin
    }
}

extension Wording {
    /// The sentence with the flags of the command line instead of the parameters of the SDK.
    var onCommandLine: String { text(isProgramming: false) { $0.onCommandLine } }
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
