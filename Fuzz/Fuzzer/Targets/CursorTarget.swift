@testable import PodstackServer

/// The parameters of a page.
///
/// An input is a line with `limit`, then `cursor`.
enum CursorTarget {
    static func run(_ input: [UInt8]) {
        let (lines, rest) = FuzzInput.lines(1, of: input)
        let text = FuzzInput.text(rest)
        if let cursor = Cursor(text) {
            require(cursor.text.utf8.elementsEqual(text.utf8), "a cursor is what was given out")
            require((1...24).contains(cursor.id.utf8.count), "its id is short")
        }
        let query = [(name: "limit", value: FuzzInput.text(lines[0])), (name: "cursor", value: text)]
        do {
            let page = try PageRequest(Request(method: "GET", path: "/v1/tokens", query: query))
            require((1...200).contains(page.limit), "a page has a limit")
            let bytes = 1 + 16 * text.utf8.count
            let (elements, next) = page.page(of: Array(0...page.limit), bytes: { _ in bytes }) {
                Cursor(position: Int64($0), id: "a")
            }
            let count = max(1, min(page.limit, PageRequest.maxBytes / bytes))
            require(
                elements.count == count && next != nil, "a page is as full as its limits allow, and another follows")
            require(next.flatMap { Cursor($0.text) } == next, "what is given out is taken back")
        } catch {
            AuthorizationTarget.check(error, [400])
        }
    }
}
