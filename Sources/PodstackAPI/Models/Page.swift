/// What comes in lists, and the name under which the API wraps them.
public protocol Listed: Codable, Sendable {
    static var listKey: String { get }
}

extension Token: Listed {
    public static var listKey: String { "tokens" }
}

/// One page of a list: `{"tokens": […], "next_cursor": "…" | null}`.
public struct ListPage<Element: Listed>: Codable, Sendable {
    public var elements: [Element]
    /// Asks for the page after this one; nil on the last.
    public var nextCursor: String?

    public init(elements: [Element], nextCursor: String?) {
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

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        elements = try container.decode([Element].self, forKey: .list)
        nextCursor = try container.decodeIfPresent(String.self, forKey: .cursor)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(elements, forKey: .list)
        try container.encode(nextCursor, forKey: .cursor)
    }
}

/// A shorter name inside this package; outside of it, `Page` could be another framework's.
package typealias Page<Element: Listed> = ListPage<Element>
