/// A model that the API returns in lists.
package protocol Listed: Codable, Sendable {
    /// The name of the array in the list's JSON object, such as `tokens`.
    static var listKey: String { get }
}

/// One page of a list: `{"tokens": […], "next_cursor": "…" | null}`.
package struct Page<Element: Listed>: Codable, Sendable {
    package var elements: [Element]
    /// The cursor of the next page; nil on the last page.
    package var nextCursor: String?

    package init(elements: [Element], nextCursor: String?) {
        self.elements = elements
        self.nextCursor = nextCursor
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
        static var list: Key { Key(stringValue: Element.listKey) }
        static var cursor: Key { Key(stringValue: "next_cursor") }
    }

    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        elements = try container.decode([Element].self, forKey: .list)
        nextCursor = try container.decodeIfPresent(String.self, forKey: .cursor)
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(elements, forKey: .list)
        try container.encode(nextCursor, forKey: .cursor)
    }
}
