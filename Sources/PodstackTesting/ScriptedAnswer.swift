import Podstack

/// What a ``RecordingTransport`` answers.
public enum ScriptedAnswer: Sendable {
    case response(TransportResponse)
    case failure(DocumentedFailure)

    /// A value as JSON, as the service would answer it.
    public static func json(
        _ value: some Encodable, status: Int = 200, headers: [HeaderField] = []
    ) throws -> ScriptedAnswer {
        .response(
            TransportResponse(
                status: status, headers: [HeaderField("Content-Type", "application/json")] + headers,
                body: try APICoding.encode(value)))
    }

    /// Bytes as they are, such as the page of a proxy.
    public static func text(_ text: String, status: Int = 200, headers: [HeaderField] = []) -> ScriptedAnswer {
        .response(TransportResponse(status: status, headers: headers, body: Array(text.utf8)))
    }

    /// Of `GET /v1/auth/whoami`.
    public static func user(email: String, id: String = "usr_00000000000000000000") -> ScriptedAnswer {
        .text(#"{"id":\#(quoted(id)),"email":\#(quoted(email))}"#)
    }

    /// 204: done, and nothing to say.
    public static let noContent = ScriptedAnswer.response(TransportResponse(status: 204, headers: [], body: []))

    /// The answer; throws the failure that stands for none.
    public func response() throws(TransportFailure) -> TransportResponse {
        switch self {
        case .response(let response): response
        case .failure(let failure): try failure.response()
        }
    }

    private static func quoted(_ text: String) -> String {
        (try? APICoding.encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }
}
