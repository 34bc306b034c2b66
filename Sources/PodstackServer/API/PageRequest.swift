import PodstackAPI

/// Where a page of a list ended: lists go by a position, such as a time, and within it by id.
struct Cursor: Equatable {
    var position: Int64
    var id: String

    init(position: Int64, id: String) {
        self.position = position
        self.id = id
    }

    /// Nil when `text` is not what ``text`` gave.
    init?(_ text: String) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let position = Int64(parts[0]), (1...24).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "_") || Base62.isDigit($0) })
        else { return nil }
        self.init(position: position, id: String(parts[1]))
        // A number has more spellings than the one that is given out.
        guard self.text == text else { return nil }
    }

    var text: String { "\(position)-\(id)" }
}

/// Which page of a list a request asks for.
struct PageRequest {
    private(set) var limit: Int
    private(set) var after: Cursor?

    /// - Parameter standard: The limit of a request that names none.
    init(_ request: Request, standard: Int = 50) throws {
        try self.init(limit: standard, cursor: request.query("cursor"))
        if let text = request.query("limit") {
            guard let number = Int(text), (1...200).contains(number) else {
                throw APIError.badRequest("limit must be a number from 1 to 200")
            }
            limit = number
        }
    }

    init(limit: Int, cursor: String? = nil) throws {
        self.limit = limit
        guard let cursor else { return }
        guard let known = Cursor(cursor) else {
            throw APIError.badRequest("cursor must be the next_cursor of an earlier answer")
        }
        after = known
    }

    /// The page, of what was found with one more than ``limit``: that one tells whether there is a page after it.
    func page<Element>(of found: [Element], _ cursor: (Element) -> Cursor) -> (page: [Element], next: Cursor?) {
        let page = Array(found.prefix(limit))
        return (page, found.count > limit ? page.last.map(cursor) : nil)
    }
}
