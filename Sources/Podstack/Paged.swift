import PodstackAPI

/// A list that loads its pages from the service as they are needed.
///
/// ```swift
/// for try await token in client.tokens.list() { print(token.name) }
/// let newest = try await client.tokens.list().first(10)
/// ```
public struct Paged<Element: Sendable>: AsyncSequence, Sendable {
    /// Loads a page of at most `limit` elements; `cursor` is nil for the first page.
    private let load: @Sendable (_ limit: Int, _ cursor: String?) async throws -> (elements: [Element], next: String?)
    /// The largest number of elements in one response, 1 to 200.
    var pageSize = 200

    init(pipeline: Pipeline, path: String, query: [(name: String, value: String)] = []) where Element: Listed {
        load = { limit, cursor in
            var query = query
            query.append((name: "limit", value: String(limit)))
            if let cursor { query.append((name: "cursor", value: cursor)) }
            let page: Page<Element> = try await pipeline.call(.get(path, query: query))
            return (page.elements, page.nextCursor)
        }
    }

    /// Creates a list of elements that are known already, for tests of your own code.
    ///
    /// - Parameter elements: The elements.
    public init(_ elements: [Element]) {
        load = { limit, cursor in
            let start = Swift.min(cursor.flatMap { Int($0) } ?? 0, elements.count)
            let end = Swift.min(start + Swift.max(limit, 1), elements.count)
            return (Array(elements[start..<end]), end < elements.count ? String(end) : nil)
        }
    }

    /// Returns one page, for programs that display pages.
    ///
    /// - Parameters:
    ///   - limit: The largest number of elements, 1 to 200.
    ///   - cursor: The `nextCursor` of the page before; nil for the first page.
    /// - Returns: The page.
    /// - Throws: The errors of the list's request, such as ``PermissionError``.
    public func page(limit: Int = 50, cursor: String? = nil) async throws -> ListPage<Element> {
        let (elements, next) = try await load(limit, cursor)
        return ListPage(elements: elements, nextCursor: next)
    }

    /// Returns the first elements.
    ///
    /// - Parameter count: The largest number of elements.
    /// - Returns: The elements, in the order of the list.
    /// - Throws: The errors of the list's request, such as ``PermissionError``.
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

    /// Returns all elements.
    ///
    /// - Returns: The elements, in the order of the list.
    /// - Throws: The errors of the list's request, such as ``PermissionError``.
    public func all() async throws -> [Element] {
        var elements: [Element] = []
        for try await element in self { elements.append(element) }
        return elements
    }

    /// Creates an iterator that starts with the first page.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(list: self) }

    /// An iterator that loads the next page once the elements of the current one are used up.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private let list: Paged
        private var page: [Element].Iterator = [].makeIterator()
        private var cursor: String?
        private var isStarted = false
        private var usedCursors: Set<String> = []
        /// The number of pages without elements since the last one with some.
        private var emptyPages = 0

        /// The most pages without elements in a row, after which a list is an error and not endless.
        private static var mostEmptyPages: Int { 100 }

        init(list: Paged) { self.list = list }

        /// Returns the next element; nil after the last one.
        ///
        /// - Returns: The next element, or nil.
        /// - Throws: The errors of the list's request.
        public mutating func next() async throws -> Element? {
            while true {
                if let element = page.next() { return element }
                guard !isStarted || cursor != nil else { return nil }
                let (elements, next) = try await list.load(list.pageSize, cursor)
                // A service that returns a cursor again would make the list endless.
                cursor = next.flatMap { usedCursors.insert($0).inserted ? $0 : nil }
                isStarted = true
                page = elements.makeIterator()
                emptyPages = elements.isEmpty ? emptyPages + 1 : 0
                guard cursor == nil || emptyPages < Self.mostEmptyPages else {
                    throw ErrorMapping.emptyPages(emptyPages)
                }
            }
        }
    }
}

/// One page of a list.
public struct ListPage<Element: Sendable>: Sendable {
    /// The elements of the page, in the order of the list.
    public var elements: [Element]
    /// The cursor of the next page; nil on the last page.
    public var nextCursor: String?

    /// Creates a page, for tests of your own code.
    ///
    /// - Parameters:
    ///   - elements: The elements of the page.
    ///   - nextCursor: The cursor of the next page; nil on the last page.
    public init(elements: [Element], nextCursor: String?) {
        self.elements = elements
        self.nextCursor = nextCursor
    }
}
