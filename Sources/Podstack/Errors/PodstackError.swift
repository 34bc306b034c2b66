public import PodstackAPI

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// An error of the SDK.
///
/// Printing it gives ``message``: one clear sentence, never a secret.
public protocol PodstackError: LocalizedError, Sendable, CustomStringConvertible {
    /// The problem, in one sentence.
    var message: String { get }
    /// The machine-readable reason, when the service or the SDK gave one.
    var code: ErrorCode? { get }
    /// The `X-Request-ID` of the response, to quote to the operator of the service.
    var requestID: String? { get }
    /// The HTTP status; nil when there was no response.
    var statusCode: Int? { get }
    /// Other fields of the service's error, by their names in the API.
    var details: [String: JSONValue] { get }
    /// A suggestion what to do, when there is one.
    var hint: String? { get }
}

extension PodstackError {
    /// The ``message``.
    public var description: String { message }
    /// The ``message``, which `localizedDescription` returns.
    public var errorDescription: String? { message }
    /// The machine-readable reason; nil by default.
    public var code: ErrorCode? { nil }
    /// The ID of the request; nil by default.
    public var requestID: String? { nil }
    /// The HTTP status; nil by default.
    public var statusCode: Int? { nil }
    /// Other fields of the service's error; empty by default.
    public var details: [String: JSONValue] { [:] }
    /// A suggestion what to do; nil by default.
    public var hint: String? { nil }
}

extension PodstackError {
    /// The message and the hint, with the sources that they name as values.
    ///
    /// The command line uses them to name its own flags instead of the SDK's parameters.
    package var wordings: (message: Wording, hint: Wording?) {
        switch self {
        case let error as ConfigurationError: (error.wording, error.hintWording)
        case let error as any ServiceError: (error.response.wording, error.response.hintWording)
        default: (Wording(message), hint.map { Wording($0) })
        }
    }
}

// MARK: - Settings

/// A setting exists but cannot be used, such as an invalid file or an endpoint that must not receive the token.
public struct ConfigurationError: PodstackError, Equatable {
    package var wording: Wording
    package var hintWording: Wording?
    /// The source of the setting; nil when the error is about something else, such as a file.
    public var source: ClientConfiguration.Source?

    init(message: Wording, hint: Wording? = nil, about source: ClientConfiguration.Source? = nil) {
        wording = message
        hintWording = hint
        self.source = source
    }

    /// Creates an error, for tests of your own code.
    ///
    /// - Parameters:
    ///   - message: The problem, in one sentence.
    ///   - hint: A suggestion what to do, or nil.
    ///   - source: The source of the setting, or nil.
    public init(_ message: String, hint: String? = nil, source: ClientConfiguration.Source? = nil) {
        self.init(message: Wording(message), hint: hint.map { Wording($0) }, about: source)
    }

    /// The problem, in one sentence.
    public var message: String {
        get { wording.text }
        set { wording = Wording(newValue) }
    }

    /// A suggestion what to do, when there is one.
    public var hint: String? {
        get { hintWording?.text }
        set { hintWording = newValue.map { Wording($0) } }
    }

    /// Whether the error is about a value that the program passed, and not about a file or the environment.
    public var isAboutArgument: Bool { source?.kind == "argument" }
}

// MARK: - Network

/// The service could not be reached: no connection, a timeout, or an incomplete response.
public struct NetworkError: PodstackError, Equatable {
    /// A kind of failure, such as ``TransportFailure/Kind/timeout``.
    public typealias Kind = TransportFailure.Kind

    /// The problem, in one sentence.
    public var message: String
    /// The kind of failure, to decide what to do.
    public var kind: Kind

    /// Creates an error, for tests of your own code.
    ///
    /// - Parameters:
    ///   - message: The problem, in one sentence.
    ///   - kind: The kind of failure.
    public init(_ message: String, kind: Kind = .other) {
        self.message = TokenRedaction.redact(message)
        self.kind = kind
    }
}

// MARK: - Service

/// An error that the service returned, or that the SDK found in its place.
public protocol ServiceError: PodstackError {
    /// The parts that all service errors have.
    var response: ServiceResponse { get }
    /// Creates an error.
    ///
    /// - Parameter response: The parts that all service errors have.
    init(response: ServiceResponse)
}

extension ServiceError {
    /// Creates an error, for tests of your own code.
    ///
    /// - Parameters:
    ///   - message: The problem, in one sentence.
    ///   - code: The machine-readable reason, or nil.
    ///   - statusCode: The HTTP status, or nil if there was no response.
    ///   - requestID: The `X-Request-ID` of the response, or nil.
    ///   - details: Other fields of the service's error.
    ///   - hint: A suggestion what to do, or nil.
    public init(
        _ message: String, code: ErrorCode? = nil, statusCode: Int? = nil, requestID: String? = nil,
        details: [String: JSONValue] = [:], hint: String? = nil
    ) {
        self.init(
            response: ServiceResponse(
                message: Wording(message), code: code, requestID: requestID, statusCode: statusCode, details: details,
                hint: hint.map { Wording($0) }))
    }

    /// The problem, in one sentence.
    public var message: String { response.message }
    /// The machine-readable reason.
    public var code: ErrorCode? { response.code }
    /// The `X-Request-ID` of the response.
    public var requestID: String? { response.requestID }
    /// The HTTP status; nil when there was no response.
    public var statusCode: Int? { response.statusCode }
    /// Other fields of the service's error.
    public var details: [String: JSONValue] { response.details }
    /// A suggestion what to do, when there is one.
    public var hint: String? { response.hint }
}

/// The parts that all service errors have.
public struct ServiceResponse: Sendable, Equatable {
    package var wording: Wording
    /// The machine-readable reason.
    public var code: ErrorCode?
    /// The `X-Request-ID` of the response.
    public var requestID: String?
    /// The HTTP status; nil when there was no response.
    public var statusCode: Int?
    /// Other fields of the service's error.
    public var details: [String: JSONValue] = [:]
    package var hintWording: Wording?

    init(
        message: Wording, code: ErrorCode? = nil, requestID: String? = nil, statusCode: Int? = nil,
        details: [String: JSONValue] = [:], hint: Wording? = nil
    ) {
        wording = message
        self.code = code
        self.requestID = requestID
        self.statusCode = statusCode
        self.details = details
        hintWording = hint
    }

    /// Creates the parts of an error, for tests of your own code.
    ///
    /// - Parameters:
    ///   - message: The problem, in one sentence.
    ///   - code: The machine-readable reason, or nil.
    ///   - statusCode: The HTTP status, or nil if there was no response.
    ///   - requestID: The `X-Request-ID` of the response, or nil.
    ///   - details: Other fields of the service's error.
    ///   - hint: A suggestion what to do, or nil.
    public init(
        _ message: String, code: ErrorCode? = nil, statusCode: Int? = nil, requestID: String? = nil,
        details: [String: JSONValue] = [:], hint: String? = nil
    ) {
        self.init(
            message: Wording(message), code: code, requestID: requestID, statusCode: statusCode, details: details,
            hint: hint.map { Wording($0) })
    }

    /// The problem, in one sentence.
    public var message: String {
        get { wording.text }
        set { wording = Wording(newValue) }
    }

    /// A suggestion what to do, when there is one.
    public var hint: String? {
        get { hintWording?.text }
        set { hintWording = newValue.map { Wording($0) } }
    }
}

/// There is no token, or the service rejected it (401).
///
/// ``message`` starts with `No API token provided`, or with `Invalid API token`. The ``code`` of the latter is
/// `invalid_token`, `expired_token`, `revoked_token` or `rotated_token`. Source: Troubleshooting.
public struct AuthenticationError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }
}

/// The token is valid but does not allow the operation (403): ``message`` starts with `Access denied to resource`.
///
/// Source: Troubleshooting, Permission Denied.
public struct PermissionError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse
    /// The scope that the operation requires, such as `projects:create`; nil if something else is missing.
    public var requiredScope: Scope? { (details["required_scope"]?.stringValue).map(Scope.init(rawValue:)) }
    /// The ID of the project that the token or the user cannot use; nil if something else is missing.
    public var projectID: String? { details["project_id"]?.stringValue }

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }
}

/// The resource does not exist or is not visible to this token (404).
public struct ResourceNotFoundError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The kind of resource, such as `project`.
    public var resourceType: String? { details["resource_type"]?.stringValue }
    /// The ID of the resource.
    public var resourceID: String? { details["resource_id"]?.stringValue }
}

/// The request was invalid (400, 409, 422), or an ID that was passed cannot be one.
///
/// In the latter case nothing was sent, and ``statusCode`` is nil.
public struct ValidationError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The problems of each invalid field.
    public var fieldErrors: [String: [String]] {
        guard case .object(let fields) = details["field_errors"] else { return [:] }
        return fields.compactMapValues { value in
            if case .array(let messages) = value { messages.compactMap(\.stringValue) } else { nil }
        }
    }
}

/// The client sent too many requests (429).
public struct RateLimitError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse
    /// The number of seconds after which the service accepts requests again.
    public var retryAfter: Int?

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.init(response: response, retryAfter: nil) }

    /// Creates an error with the time to wait.
    ///
    /// - Parameters:
    ///   - response: The message, the code and the details.
    ///   - retryAfter: The number of seconds to wait, or nil.
    public init(response: ServiceResponse, retryAfter: Int?) {
        self.response = response
        self.retryAfter = retryAfter
    }
}

/// The account has reached a limit (code `quota_exceeded`).
public struct QuotaExceededError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The kind of resource that is limited.
    public var resourceType: String? { details["resource_type"]?.stringValue }
    /// The number of resources that the account may have.
    public var limit: Int? { details["limit"]?.integerValue }
    /// The number of resources that the account has.
    public var current: Int? { details["current"]?.integerValue }
}

/// The wallet, or a limit of a token, a project or a pod, does not cover the operation (402).
public struct InsufficientBalanceError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The amount that the operation requires.
    public var requiredAmount: Double? { details["required_amount"]?.doubleValue }
    /// The amount that the account has.
    public var availableAmount: Double? { details["available_amount"]?.doubleValue }
    /// The amount that the operation requires, without rounding.
    public var required: Amount? { requiredAmount.flatMap { Amount($0) } }
    /// The amount that is left, without rounding.
    public var available: Amount? { availableAmount.flatMap { Amount($0) } }
    /// The limit that does not cover the operation.
    public var limit: Limit? { (details["limit"]?.stringValue).map(Limit.init(rawValue:)) }

    /// A limit on what pods may cost.
    public struct Limit: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a limit, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The balance of the account's wallet.
        public static let wallet = Limit(rawValue: "wallet")
        /// The spend limit of the token.
        public static let token = Limit(rawValue: "token")
        /// The spend limit of the project.
        public static let project = Limit(rawValue: "project")
        /// The `maxCost` of the pod.
        public static let pod = Limit(rawValue: "pod")
    }
}

/// The service does not have the GPUs that a pod needs (409, code `gpu_not_available`).
public struct GPUNotAvailableError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The type that was asked for, such as `A100`.
    public var gpuType: String? { details["gpu_type"]?.stringValue }
    /// The types of which GPUs are available.
    public var availableTypes: [String] {
        guard case .array(let types)? = details["available_types"] else { return [] }
        return types.compactMap(\.stringValue)
    }
}

/// The state of a resource does not allow the operation (409), such as a command in a pod that does not run.
///
/// Other conflicts, such as a name that exists, are a ``ValidationError``.
public struct ConflictError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }

    /// The state of the resource, such as `stopped`.
    public var currentState: String? { details["current_state"]?.stringValue }
    /// The state that the operation requires, such as `running`.
    public var requiredState: String? { details["required_state"]?.stringValue }
    /// The IDs of the pods that use the resource, such as those that mount a volume.
    public var podIDs: [Pod.ID] {
        guard case .array(let ids)? = details["pod_ids"] else { return [] }
        return ids.compactMap(\.stringValue)
    }

    /// Returns whether the details of a conflict describe the state of a resource.
    static func isAboutState(_ details: [String: JSONValue]) -> Bool {
        details["current_state"] != nil || details["pod_ids"] != nil
    }
}

/// A command in a pod did not end within its time (504, code `exec_timeout`).
public struct ExecTimeoutError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }
}

/// The service failed (5xx), or the response is not from the Podstack API.
public struct ServerError: ServiceError, Equatable {
    /// The message, the code and the details.
    public var response: ServiceResponse

    /// Creates an error.
    ///
    /// - Parameter response: The message, the code and the details.
    public init(response: ServiceResponse) { self.response = response }
}
