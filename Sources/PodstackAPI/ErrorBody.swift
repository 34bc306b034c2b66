/// The body of every answer that is not a success: `{"error": {"code": …, "message": …, …}}`.
public struct ErrorBody: Codable, Sendable, Equatable {
    public var code: ErrorCode?
    public var message: String
    public var requestID: String?
    public var details: [String: JSONValue]

    public init(code: ErrorCode?, message: String, requestID: String?, details: [String: JSONValue] = [:]) {
        self.code = code
        self.message = message
        self.requestID = requestID
        self.details = details
    }

    private enum Envelope: String, CodingKey { case error }

    private enum CodingKeys: String, CodingKey {
        case code, message, details
        case requestID = "request_id"
    }

    /// Reads the documented object, and the `{"error": "text"}` that some services answer.
    public init(from decoder: any Decoder) throws {
        let envelope = try decoder.container(keyedBy: Envelope.self)
        if let text = try? envelope.decode(String.self, forKey: .error) {
            self.init(code: nil, message: text, requestID: nil)
            return
        }
        let error = try envelope.nestedContainer(keyedBy: CodingKeys.self, forKey: .error)
        self.init(
            code: try error.decodeIfPresent(ErrorCode.self, forKey: .code),
            message: try error.decode(String.self, forKey: .message),
            requestID: try error.decodeIfPresent(String.self, forKey: .requestID),
            details: try error.decodeIfPresent([String: JSONValue].self, forKey: .details) ?? [:]
        )
    }

    public func encode(to encoder: any Encoder) throws {
        var envelope = encoder.container(keyedBy: Envelope.self)
        var error = envelope.nestedContainer(keyedBy: CodingKeys.self, forKey: .error)
        try error.encodeIfPresent(code, forKey: .code)
        try error.encode(message, forKey: .message)
        try error.encodeIfPresent(requestID, forKey: .requestID)
        if !details.isEmpty { try error.encode(details, forKey: .details) }
    }
}
