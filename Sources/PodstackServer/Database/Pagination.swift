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

    /// The bytes of elements after which a page ends before its limit.
    ///
    /// A client that does not read its response must not cost more.
    static let maxBytes = 192 << 10

    /// Cuts the page out of what was found with one element more than ``limit``, which tells whether another page
    /// follows.
    ///
    /// - Parameters:
    ///   - found: The elements.
    ///   - bytes: Returns the approximate size of an element in a response.
    ///   - cursor: Returns the position of an element.
    /// - Returns: The page, and the position at which the next one begins; nil if there is none.
    func page<Element>(
        of found: [Element], bytes: (Element) -> Int, _ cursor: (Element) -> Cursor
    ) -> (page: [Element], next: Cursor?) {
        var page = found.prefix(limit)
        var total = 0
        for (index, element) in page.enumerated() {
            total += bytes(element)
            guard total > Self.maxBytes, index > 0 else { continue }
            page = page.prefix(index)
            break
        }
        return (Array(page), found.count > page.count ? page.last.map(cursor) : nil)
    }
}
