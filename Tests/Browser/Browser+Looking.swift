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
        /// In seconds since 1970; nil when it ends with the browser.
        var expiry: Int?
    }

    /// Those that the page would be sent, also those that its scripts cannot see.
    func cookies() throws -> [Cookie] { try driver.get("/cookie") }
    func deleteCookies() throws { try driver.delete("/cookie") }

    /// Runs the body of a function in the page, past its content security policy.
    ///
    /// - Parameter arguments: The script's `arguments`; ``Element/reference`` for an element.
    @discardableResult
    func execute<Value: Decodable>(
        _ script: String, _ arguments: [JSONValue] = [], as: Value.Type = JSONValue.self
    ) throws -> Value {
        try driver.post("/execute/sync", ["script": .string(script), "args": .array(arguments)], as: Value.self)
    }

    /// The errors and warnings that Chromium showed in its console until now, in all tabs: a script that failed, a file
    /// that was not there, what the content security policy refused.
    func consoleProblems() throws -> [String] {
        struct Entry: Decodable {
            var level: String
            var message: String
        }
        let entries = try driver.post("/se/log", ["type": "browser"], as: [Entry].self)
        seenProblems += entries.filter { ["SEVERE", "WARNING"].contains($0.level) }.map(\.message)
        return seenProblems
    }

    /// A picture of the whole page, also of what one would have to scroll to.
    ///
    /// - Parameter path: Of a PNG file.
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

    /// The page's HTML as the server sent it, before the parser repaired what is wrong with it; for
    /// ``HTMLValidator``. Of a page that was there before its tab was switched to Chromium knows it no more.
    func servedHTML() throws -> String {
        struct Frame: Decodable { var loaderId: String }
        struct Tree: Decodable { var frame: Frame }
        struct Trees: Decodable { var frameTree: Tree }
        struct Content: Decodable { var body: String }
        // The request for a page has the name of what loads it.
        let request = try command("Page.getFrameTree", as: Trees.self).frameTree.frame.loaderId
        return try command("Network.getResponseBody", ["requestId": .string(request)], as: Content.self).body
    }

    /// Without it Chromium forgets what it was sent.
    func keepAnswers() throws { try command("Network.enable") }

    /// Says something to Chromium that WebDriver has no words for.
    @discardableResult
    func command<Value: Decodable>(
        _ name: String, _ parameters: JSONValue = [:], as: Value.Type = JSONValue.self
    ) throws -> Value {
        try driver.post("/goog/cdp/execute", ["cmd": .string(name), "params": parameters], as: Value.self)
    }
}
