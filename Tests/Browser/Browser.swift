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
        struct Made: Decodable { var handle: String }
        let created = try driver.post("/window/new", ["type": "tab"], as: Made.self)
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
        throw BrowserFailure(description: "waited in vain for \(what) at \(place)\(last)")
    }
}
