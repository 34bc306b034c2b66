import Podstack
import PodstackAPI
import PodstackSystem

/// A problem with the use of this interface itself, such as a handle that was closed.
struct InterfaceError: Error {
    var message: String
    var code: String

    static let closed = InterfaceError(message: "The client is closed", code: "client_closed")
    static let forked = InterfaceError(
        message: "A login, a call or an event loop of the parent process cannot be used after a fork",
        code: "forked")
    /// The error of all functions in a process where nothing can be encoded (``Fork/isUnusable``).
    static let unusable: StaticString = """
        {"type":"InterfaceError","code":"forked","message":"This process was forked while another thread was busy in the \
        podstack library for a second; use the start method spawn or forkserver"}
        """
    static func noOperation(_ name: String) -> InterfaceError {
        InterfaceError(message: "There is no operation \(name)", code: "no_operation")
    }
    static func argument(_ name: String, _ expected: String) -> InterfaceError {
        InterfaceError(message: "The argument \(name) must be \(expected)", code: "invalid_argument")
    }
    static let busyStream = InterfaceError(
        message: "Another thread or task waits for the next item of this stream", code: "busy")
    static let notJSON = InterfaceError(message: "The arguments are not a JSON object", code: "invalid_argument")
}

/// Describes errors as JSON, with the names that a Python program uses.
enum ErrorJSON {
    static func encode(_ error: any Error) -> [UInt8] {
        (try? APICoding.encode(fields(error))) ?? Array(#"{"type":"PodstackError","message":"Unknown error"}"#.utf8)
    }

    static func fields(_ error: any Error) -> [String: JSONValue] {
        switch error {
        case let error as CallerError: return ["type": "CallerError", "number": .integer(error.number)]
        case is CancellationError: return ["type": "CancellationError", "message": "The call was canceled"]
        case let error as InterfaceError:
            return ["type": "InterfaceError", "message": .string(error.message), "code": .string(error.code)]
        case let error as any PodstackError: return fields(ofSDK: error)
        default: return ["type": "PodstackError", "message": .string("\(error)")]
        }
    }

    private static func fields(ofSDK error: any PodstackError) -> [String: JSONValue] {
        let wordings = error.wordings
        var fields: [String: JSONValue] = [
            "type": .string("\(type(of: error))"),
            "message": .string(PythonNames.text(wordings.message)),
            "details": .object(error.details),
        ]
        fields["hint"] = wordings.hint.map { .string(PythonNames.text($0)) }
        fields["code"] = error.code.map { .string($0.rawValue) }
        fields["request_id"] = error.requestID.map(JSONValue.string)
        fields["status_code"] = error.statusCode.map(JSONValue.integer)
        switch error {
        case let error as RateLimitError: fields["retry_after"] = error.retryAfter.map(JSONValue.integer)
        case let error as NetworkError: fields["kind"] = .string(error.kind.rawValue)
        case let error as PodNotRunningError:
            fields["pod"] = (try? APICoding.encode(error.pod)).flatMap { try? StrictJSON.value(of: $0) }
            fields["is_timeout"] = .bool(error.isTimeout)
        case let error as ConfigurationError:
            fields["source"] = error.source.map { .object(PythonNames.fields($0)) }
        default: break
        }
        return fields
    }
}

/// The names that a Python program uses for the SDK's parameters.
enum PythonNames {
    private static let parameters = [
        "apiToken:": "api_token=", "profile:": "profile=", "projectID:": "project_id=",
        "apiEndpoint:": "api_endpoint=", "timeout:": "timeout=", "retry:": "retry=",
        "credentials:": "credentials=", "grace:": "grace=",
    ]

    /// Returns a text in which the SDK's parameters have the names of Python's.
    static func text(_ text: String) -> String {
        parameters.reduce(text) { $0.replacing(bytes: $1.key, with: $1.value) }
    }

    static func text(_ wording: Wording) -> String {
        wording.text(calling: origin).replacing(bytes: "trust: true", with: "trust=True")
    }

    /// Returns where a value came from, such as `api_token=` for an argument.
    static func origin(_ source: ClientConfiguration.Source) -> String {
        switch source {
        case .argument(let name): parameters[name] ?? name
        case .file(let path, let name): "\(origin(name)) (\(path))"
        default: source.origin
        }
    }

    static func fields(_ source: ClientConfiguration.Source) -> [String: JSONValue] {
        ["kind": .string(source.kind), "origin": .string(origin(source))]
    }
}
