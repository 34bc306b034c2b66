import PodstackAPI

/// A list of the service. Going through it asks for one page after the other, as they are needed.
///
/// ```swift
/// for try await token in client.tokens.list() { print(token.name) }
/// let newest = try await client.tokens.list().first(10)
/// ```
public struct Paged<Element: Listed>: AsyncSequence, Sendable {
    let pipeline: Pipeline
    let path: String
    var query: [(name: String, value: String)] = []
    /// Elements a request, 1 to 200.
    var pageSize = 200

    /// One page as the service gives it, for who shows pages.
    ///
    /// - Parameters:
    ///   - limit: 1 to 200.
    ///   - cursor: The `nextCursor` of the page before; nil for the first.
    public func page(limit: Int = 50, cursor: String? = nil) async throws -> ListPage<Element> {
        var query = query
        query.append((name: "limit", value: String(limit)))
        if let cursor { query.append((name: "cursor", value: cursor)) }
        return try await pipeline.call(.get(path, query: query))
    }

    /// At most `count` of them.
    public func first(_ count: Int) async throws -> [Element] {
        guard count > 0 else { return [] }
        var sized = self
        sized.pageSize = Swift.min(count, pageSize)
        var elements: [Element] = []
        for try await element in sized {
            elements.append(element)
            if elements.count == count { break }
        }
        return elements
    }

    public func all() async throws -> [Element] {
        var elements: [Element] = []
        for try await element in self { elements.append(element) }
        return elements
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(list: self) }

    public struct AsyncIterator: AsyncIteratorProtocol {
        private let list: Paged
        private var page: [Element].Iterator = [].makeIterator()
        private var cursor: String?
        private var isStarted = false
        private var seen: Set<String> = []

        init(list: Paged) { self.list = list }

        public mutating func next() async throws -> Element? {
            while true {
                if let element = page.next() { return element }
                guard !isStarted || cursor != nil else { return nil }
                let next = try await list.page(limit: list.pageSize, cursor: cursor)
                // A service that gives a cursor again would keep us here for ever.
                cursor = next.nextCursor.flatMap { seen.insert($0).inserted ? $0 : nil }
                isStarted = true
                page = next.elements.makeIterator()
            }
        }
    }
}
