import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What every error of the SDK can say. Printing one gives ``message``: one sentence, never a secret.
public protocol PodstackError: LocalizedError, Sendable, CustomStringConvertible {
    var message: String { get }
    /// The machine-readable reason, when the service or the SDK gave one.
    var code: ErrorCode? { get }
    /// The `X-Request-ID` of the answer, to quote to the operator.
    var requestID: String? { get }
    /// The HTTP status; nil when no answer came.
    var statusCode: Int? { get }
    /// What else the service said, by the names of the API.
    var details: [String: JSONValue] { get }
    /// What to do about it, when that is known.
    var hint: String? { get }
}

extension PodstackError {
    public var description: String { message }
    /// What `localizedDescription` gives.
    public var errorDescription: String? { message }
    public var code: ErrorCode? { nil }
    public var requestID: String? { nil }
    public var statusCode: Int? { nil }
    public var details: [String: JSONValue] { [:] }
    public var hint: String? { nil }
}

/// An error that came as an answer of the service.
public protocol ServiceError: PodstackError {
    var response: ServiceResponse { get }
}

extension ServiceError {
    public var message: String { response.message }
    public var code: ErrorCode? { response.code }
    public var requestID: String? { response.requestID }
    public var statusCode: Int? { response.statusCode }
    public var details: [String: JSONValue] { response.details }
    public var hint: String? { response.hint }
}

/// What is common to the errors that the service answers.
public struct ServiceResponse: Sendable, Equatable {
    package var wording: Wording
    public var code: ErrorCode?
    public var requestID: String?
    public var statusCode: Int?
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

    public var message: String {
        get { wording.text }
        set { wording = Wording(newValue) }
    }

    public var hint: String? {
        get { hintWording?.text }
        set { hintWording = newValue.map { Wording($0) } }
    }
}

extension PodstackError {
    /// ``message`` and ``hint``, for who calls the settings otherwise than the SDK does.
    package var wordings: (message: Wording, hint: Wording?) {
        switch self {
        case let error as ConfigurationError: (error.wording, error.hintWording)
        case let error as any ServiceError: (error.response.wording, error.response.hintWording)
        default: (Wording(message), hint.map { Wording($0) })
        }
    }
}
