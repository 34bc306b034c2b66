import PodstackAPI

/// Why a request is refused: thrown anywhere, made into an answer in one place.
struct APIError: Error {
    var status: Int
    var code: ErrorCode
    var message: String
    var details: [String: JSONValue] = [:]
    var headers: [(name: StaticString, value: String)] = []

    func response(requestID: String) -> Response {
        let body = ErrorBody(code: code, message: message, requestID: requestID, details: details)
        var response = Response(status: status, body: (try? APICoding.encode(body)) ?? [])
        response.headers = headers
        return response
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
