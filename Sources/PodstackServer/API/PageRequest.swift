import PodstackAPI

/// Where a page of a list ended: lists go by time and, within a second, by id.
struct Cursor: Equatable {
    var time: Int64
    var id: String

    init(time: Int64, id: String) {
        self.time = time
        self.id = id
    }

    /// Nil when `text` is not what ``text`` gave.
    init?(_ text: String) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let time = Int64(parts[0]), (1...24).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "_") || Base62.isDigit($0) })
        else { return nil }
        self.time = time
        id = String(parts[1])
    }

    var text: String { "\(time)-\(id)" }
}

/// Which page of a list a request asks for.
struct PageRequest {
    private(set) var limit = 50
    private(set) var after: Cursor?

    init(_ request: Request) throws {
        if let text = request.query("limit") {
            guard let number = Int(text), (1...200).contains(number) else {
                throw APIError.badRequest("limit must be a number from 1 to 200")
            }
            limit = number
        }
        if let text = request.query("cursor") {
            guard let known = Cursor(text) else {
                throw APIError.badRequest("cursor must be the next_cursor of an earlier answer")
            }
            after = known
        }
    }

    /// The page, of what was found with one more than ``limit``: that one tells whether there is a page after it.
    func page<Element>(of found: [Element], _ cursor: (Element) -> Cursor) -> (page: [Element], next: Cursor?) {
        let page = Array(found.prefix(limit))
        return (page, found.count > limit ? page.last.map(cursor) : nil)
    }
}
