import Foundation
import PodstackAPI

extension Browser {
    struct Cookie: Decodable {
        var name: String
        var value: String
        var path: String
        var domain: String
        var secure: Bool
        var httpOnly: Bool
        var sameSite: String?
        /// The expiry in seconds since 1970; nil if it ends with the browser.
        var expiry: Int?
    }

    /// Returns the cookies of the page, including those that are hidden from scripts.
    func cookies() throws -> [Cookie] { try driver.get("/cookie") }
    func deleteCookies() throws { try driver.delete("/cookie") }

    /// Runs the body of a function in the page, regardless of its content security policy.
    ///
    /// Pass an element as its ``Element/reference``.
    @discardableResult
    func execute<Value: Decodable>(
        _ script: String, _ arguments: [JSONValue] = [], as: Value.Type = JSONValue.self
    ) throws -> Value {
        try driver.post("/execute/sync", ["script": .string(script), "args": .array(arguments)], as: Value.self)
    }

    /// Returns all errors and warnings that Chromium has logged in the consoles of all tabs.
    ///
    /// Examples are a failed script, a missing file and a violation of the content security policy.
    func consoleProblems() throws -> [String] {
        struct Entry: Decodable {
            var level: String
            var message: String
        }
        let entries = try driver.post("/se/log", ["type": "browser"], as: [Entry].self)
        seenProblems += entries.filter { ["SEVERE", "WARNING"].contains($0.level) }.map(\.message)
        return seenProblems
    }

    /// Saves a picture of the whole page, including what is not visible without scrolling, as a PNG file.
    func screenshot(to path: String) throws {
        struct Size: Decodable { var width, height: Double }
        struct Layout: Decodable { var cssContentSize: Size }
        struct Picture: Decodable { var data: Data }
        let size = try command("Page.getLayoutMetrics", as: Layout.self).cssContentSize
        let clip: JSONValue = [
            "x": 0, "y": 0, "width": .number(size.width), "height": .number(size.height), "scale": 1,
        ]
        let picture = try command(
            "Page.captureScreenshot", ["captureBeyondViewport": .bool(true), "clip": clip], as: Picture.self)
        try picture.data.write(to: URL(filePath: path))
    }

    /// Returns the page's HTML as the server sent it, before the parser corrected it.
    ///
    /// It is the input of ``HTMLValidator``. It is not available for a page that was loaded before a switch to its tab.
    func servedHTML() throws -> String {
        struct Frame: Decodable { var loaderId: String }
        struct Tree: Decodable { var frame: Frame }
        struct Trees: Decodable { var frameTree: Tree }
        struct Content: Decodable { var body: String }
        // The request for a page has the ID of its loader.
        let request = try command("Page.getFrameTree", as: Trees.self).frameTree.frame.loaderId
        return try command("Network.getResponseBody", ["requestId": .string(request)], as: Content.self).body
    }

    /// Makes Chromium keep the bodies of responses.
    func recordResponses() throws { try command("Network.enable") }

    /// Runs a command of the Chrome DevTools Protocol.
    @discardableResult
    func command<Value: Decodable>(
        _ name: String, _ parameters: JSONValue = [:], as: Value.Type = JSONValue.self
    ) throws -> Value {
        try driver.post("/goog/cdp/execute", ["cmd": .string(name), "params": parameters], as: Value.self)
    }
}
