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
            let (elements, next) = page.page(of: Array(0...page.limit)) { Cursor(position: Int64($0), id: "a") }
            require(elements.count == page.limit && next != nil, "a full page says that there is another")
            require(next.flatMap { Cursor($0.text) } == next, "what is given out is taken back")
        } catch {
            AuthorizationTarget.check(error, [400])
        }
    }
}
