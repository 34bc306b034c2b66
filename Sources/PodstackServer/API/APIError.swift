import PodstackAPI

/// Why a request is refused: thrown anywhere, made into an answer in one place.
struct APIError: Error {
    var status: Int
    var code: ErrorCode
    var message: String
    var details: [String: JSONValue] = [:]
    var headers: [(name: StaticString, value: String)] = []

    init(
        status: Int, code: ErrorCode, message: String, details: [String: JSONValue] = [:],
        headers: [(name: StaticString, value: String)] = []
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers
    }

    func response(requestID: String) -> Response {
        let body = ErrorBody(code: code, message: message, requestID: requestID, details: details)
        var response = Response(status: status, body: (try? APICoding.encode(body)) ?? [])
        response.headers = headers
        return response
    }

    /// Of a request that is refused whatever it asks.
    init(_ defect: Request.Defect) {
        switch defect {
        case .unclearEnd: self = .badRequest("The request leaves in doubt where its body ends")
        case .malformedTarget:
            self = .badRequest("The URL is not one: it must be percent-encoded UTF-8 without NUL or an encoded slash")
        case .malformedHeaders:
            self = .badRequest("A header field has no right name, or there is not one Host")
        case .longURL: self.init(status: 414, code: .uriTooLong, message: "The URL is longer than 4 KiB")
        case .largeHeaders:
            self.init(
                status: 431, code: .headerFieldsTooLarge,
                message: "The header fields are more than 100, or larger than 16 KiB")
        case .largeBody:
            self.init(status: 413, code: .contentTooLarge, message: "The body is larger than 64 KiB")
        }
    }

    static func badRequest(_ message: String) -> APIError {
        APIError(status: 400, code: .badRequest, message: message)
    }

    static func conflict(_ message: String) -> APIError {
        APIError(status: 409, code: .conflict, message: message)
    }

    static func validation(_ fieldErrors: [String: [String]]) -> APIError {
        let fields = fieldErrors.mapValues { JSONValue.array($0.map(JSONValue.string)) }
        let names = fieldErrors.keys.sorted().joined(separator: ", ")
        return APIError(
            status: 422, code: .validationFailed, message: "The request was not understood: see \(names)",
            details: ["field_errors": .object(fields)])
    }

    /// What is too long to be an id, and may be a whole token, is not repeated.
    static func notFound(type: String, id: String) -> APIError {
        APIError(
            status: 404, code: .notFound, message: "There is no such \(type)",
            details: ["resource_type": .string(type), "resource_id": .string(id.utf8.count > 24 ? "…" : id)])
    }

    static let unavailable = APIError(
        status: 503, code: .unavailable, message: "The service cannot reach its database; try again later",
        headers: [("Retry-After", "5")])

    static let `internal` = APIError(
        status: 500, code: .internal, message: "Something went wrong in the service")
}
