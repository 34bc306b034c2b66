import Foundation
import PodstackAPI
import PodstackTestSupport

/// A headless Chromium for one test, without access to other machines.
///
/// It ends when this value is released.
final class Browser {
    let driver: WebDriver
    /// The problems that ``consoleProblems()`` has read: Chromium reports each of them once.
    var seenProblems: [String] = []

    /// Starts a browser.
    ///
    /// - Parameters:
    ///   - javaScript: Whether pages may run scripts; ``execute(_:_:as:)`` works regardless.
    ///   - dark: Whether the user prefers dark colors.
    ///   - width: The width of the page in CSS pixels. Below 600, the browser emulates a phone with a touch screen.
    ///   - height: The height of the page in CSS pixels.
    ///   - trustsAnyone: Whether every certificate is accepted.
    /// - Returns: The browser.
    /// - Throws: ``BrowserFailure`` if Chromium does not start.
    static func start(
        javaScript: Bool = true, dark: Bool = false, width: Int = 1280, height: Int = 900, trustsAnyone: Bool = false
    ) throws -> Browser {
        let capabilities = BrowserCapabilities(
            javaScript: javaScript, dark: dark, width: width, height: height, trustsAnyone: trustsAnyone)
        let browser = Browser(try WebDriver(capabilities.json))
        try browser.recordResponses()
        return browser
    }

    private init(_ driver: WebDriver) { self.driver = driver }

    // MARK: Navigation

    /// Opens a URL and returns when the page is loaded, whatever its status.
    func open(_ url: String) throws { try driver.post("/url", ["url": .string(url)]) }
    func back() throws { try driver.post("/back") }
    func forward() throws { try driver.post("/forward") }
    func reload() throws { try driver.post("/refresh") }

    var url: String { get throws { try driver.get("/url") } }
    var title: String { get throws { try driver.get("/title") } }
    /// The current HTML of the page.
    ///
    /// ``servedHTML()`` returns the HTML that the server sent.
    var source: String { get throws { try driver.get("/source") } }
    /// The visible text of the page.
    var text: String { get throws { try find("body").text } }
    /// The status of the response with the page.
    var status: Int {
        get throws { try execute("return performance.getEntriesByType('navigation')[0].responseStatus", as: Int.self) }
    }

    // MARK: Tabs

    /// The open tabs, in no particular order.
    var tabs: [String] { get throws { try driver.get("/window/handles") } }
    var tab: String { get throws { try driver.get("/window") } }

    /// Opens an empty tab and switches to it.
    @discardableResult
    func newTab() throws -> String {
        struct NewTab: Decodable { var handle: String }
        let created = try driver.post("/window/new", ["type": "tab"], as: NewTab.self)
        try switchTab(created.handle)
        return created.handle
    }

    func switchTab(_ tab: String) throws {
        try driver.post("/window", ["handle": .string(tab)])
        try recordResponses()
    }

    /// Closes the current tab; call ``switchTab(_:)`` next.
    func closeTab() throws { try driver.delete("/window") }

    // MARK: Waiting

    /// Waits up to a minute for a condition.
    ///
    /// An error counts as false, because the page may not be loaded yet.
    func wait(for what: String, until condition: () throws -> Bool) throws {
        var last = ""
        var wait = BoundedWait(.seconds(60))
        while true {
            do {
                if try condition() { return }
                last = ""
            } catch let failure as BrowserFailure where failure.isFinal {
                throw failure
            } catch { last = ": \(error)" }
            guard let pause = wait.next() else { break }
            BoundedWait.sleep(pause)
        }
        let place = (try? "\(url), \(title)") ?? "?"
        throw BrowserFailure(description: "timed out waiting for \(what) at \(place)\(last)")
    }
}

// MARK: - Finding elements

extension Browser {
    /// Waits for the first element that matches a selector.
    ///
    /// To check that there is none, use ``findAll(_:)``, which does not wait.
    func find(_ css: String) throws -> Element { try first(Found.css(css), css) }

    /// Returns the elements that match a selector now.
    func findAll(_ css: String) throws -> [Element] {
        try driver.post("/elements", Found.css(css), as: [Found].self).map { Element(browser: self, id: $0.id) }
    }

    /// Waits for the first displayed link with this text.
    ///
    /// A page can have a link twice, of which the style sheet displays one.
    func link(_ text: String) throws -> Element {
        try firstDisplayed(Found.xpath("//a[normalize-space(.)=\(Found.quoted(text))]"), "the link “\(text)”")
    }

    /// Waits for the first displayed button with this text.
    func button(_ text: String) throws -> Element {
        try firstDisplayed(Found.xpath("//button[normalize-space(.)=\(Found.quoted(text))]"), "the button “\(text)”")
    }

    /// Returns the field with this label, which refers to the field or encloses it.
    func field(_ label: String) throws -> Element {
        let labelled = "//label[normalize-space(.)=\(Found.quoted(label))]"
        let fields = "self::input or self::select or self::textarea"
        return try firstDisplayed(
            Found.xpath("//*[\(fields)][@id=\(labelled)/@for] | \(labelled)//*[\(fields)]"), "the field “\(label)”")
    }

    /// The element with the focus.
    var focused: Element {
        get throws { Element(browser: self, id: try driver.get("/element/active", as: Found.self).id) }
    }

    private func firstDisplayed(_ how: JSONValue, _ what: String) throws -> Element {
        var found: Element?
        try wait(for: "\(what), displayed") {
            found = try displayed(how)
            return found != nil
        }
        guard let found else { throw BrowserFailure(description: "no \(what)") }
        return found
    }

    /// Returns the first displayed element now; nil if there is none.
    private func displayed(_ how: JSONValue) throws -> Element? {
        try driver.post("/elements", how, as: [Found].self).lazy.map { Element(browser: self, id: $0.id) }
            .first { try $0.isDisplayed }
    }

    /// Returns whether a link or a button with this text is displayed now.
    func isDisplayed(_ text: String) throws -> Bool {
        try displayed(Found.xpath("//*[self::a or self::button][normalize-space(.)=\(Found.quoted(text))]")) != nil
    }

    private func first(_ how: JSONValue, _ what: String) throws -> Element {
        var found: Found?
        try wait(for: what) {
            found = try driver.post("/element", how, as: Found.self)
            return true
        }
        guard let found else { throw BrowserFailure(description: "no \(what)") }
        return Element(browser: self, id: found.id)
    }
}

// MARK: - Reading the page

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

// MARK: - Failures

/// A failure to control the browser, with its reason.
struct BrowserFailure: Error, CustomStringConvertible {
    /// The protocol's error code, such as `no such element`.
    var code = ""
    var description: String

    /// Whether waiting cannot resolve the failure.
    var isFinal: Bool { ["invalid selector", "invalid session id", "no such window"].contains(code) }
}
