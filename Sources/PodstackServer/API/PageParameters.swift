/// Reads `limit` and `cursor`, the query parameters of every list.
extension PageRequest {
    /// - Parameter defaultLimit: The limit of a request without one.
    init(_ request: Request, defaultLimit: Int = 50) throws {
        self.init(limit: defaultLimit)
        if let text = request.query("cursor") { after = try Self.cursor(text) }
        if let text = request.query("limit") {
            guard let number = Int(text), (1...200).contains(number) else {
                throw ErrorResponse.badRequest("limit must be a number from 1 to 200")
            }
            limit = number
        }
    }

    static func cursor(_ text: String) throws -> Cursor {
        guard let cursor = Cursor(text) else {
            throw ErrorResponse.badRequest("cursor must be the next_cursor of an earlier response")
        }
        return cursor
    }
}
