import PodstackAPI

/// The JSON object of a request.
enum JSONBody {
    /// The same, and no body at all is an object without fields.
    static func optionalObject(of request: Request) throws -> [String: JSONValue] {
        request.body.isEmpty ? [:] : try object(of: request)
    }

    static func object(of request: Request) throws -> [String: JSONValue] {
        let type = request.header("content-type")?.split(separator: ";").first.map { $0.lowercased() } ?? ""
        guard type == "application/json" else {
            throw ErrorResponse(
                status: 415, code: .unsupportedMediaType, message: "Send JSON, with Content-Type: application/json")
        }
        guard case .object(let fields)? = try? APICoding.decode(JSONValue.self, from: request.body) else {
            throw ErrorResponse.badRequest("The body is not a JSON object")
        }
        return fields
    }
}
