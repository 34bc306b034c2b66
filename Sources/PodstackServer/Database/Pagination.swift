import PodstackAPI

/// The position at which a page of a list ended: lists are ordered by a number, such as a time, and then by ID.
struct Cursor: Equatable {
    var position: Int64
    var id: String

    init(position: Int64, id: String) {
        self.position = position
        self.id = id
    }

    /// Creates the cursor from its ``text``, or returns nil if the text is not one.
    init?(_ text: String) {
        let parts = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let position = Int64(parts[0]), (1...24).contains(parts[1].utf8.count),
            parts[1].utf8.allSatisfy({ $0 == UInt8(ascii: "_") || Base62.isDigit($0) })
        else { return nil }
        self.init(position: position, id: String(parts[1]))
        // A number has several spellings; only the one that the service gives out is accepted.
        guard self.text == text else { return nil }
    }

    var text: String { "\(position)-\(id)" }
}

/// A request for one page of a list.
struct PageRequest {
    var limit: Int
    /// The position of the last element of the previous page; nil for the first page.
    var after: Cursor?

    init(limit: Int, after: Cursor? = nil) {
        self.limit = limit
        self.after = after
    }

    /// Cuts the page out of what was found with one element more than ``limit``, which tells whether another page
    /// follows.
    func page<Element>(of found: [Element], _ cursor: (Element) -> Cursor) -> (page: [Element], next: Cursor?) {
        let page = Array(found.prefix(limit))
        return (page, found.count > limit ? page.last.map(cursor) : nil)
    }
}
