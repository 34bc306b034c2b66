import Foundation
import PodstackAPI
import PodstackTestSupport

/// A Chromium of a test's own, without a window, that reaches nothing beyond this machine. It ends with this value.
final class Browser {
    let driver: WebDriver
    /// For ``consoleProblems()``: Chromium tells each once.
    var seenProblems: [String] = []

    /// - Parameters:
    ///   - javaScript: Whether pages may run any; ``execute(_:_:as:)`` works without, too.
    ///   - dark: What pages are told of the person's preference.
    ///   - width: Of the page, in CSS pixels. Below 600 it is a phone, with a touch screen.
    ///   - height: Likewise.
    ///   - trustsAnyone: Whether any certificate will do.
    static func start(
        javaScript: Bool = true, dark: Bool = false, width: Int = 1280, height: Int = 900, trustsAnyone: Bool = false
    ) throws -> Browser {
        let capabilities = BrowserCapabilities(
            javaScript: javaScript, dark: dark, width: width, height: height, trustsAnyone: trustsAnyone)
        let browser = Browser(try WebDriver(capabilities.json))
        try browser.keepAnswers()
        return browser
    }

    private init(_ driver: WebDriver) { self.driver = driver }

    // MARK: Going places

    /// Returns when the page is loaded, whatever its status.
    func open(_ url: String) throws { try driver.post("/url", ["url": .string(url)]) }
    func back() throws { try driver.post("/back") }
    func forward() throws { try driver.post("/forward") }
    func reload() throws { try driver.post("/refresh") }

    var url: String { get throws { try driver.get("/url") } }
    var title: String { get throws { try driver.get("/title") } }
    /// What the page has become, as HTML. What the server sent is ``servedHTML()``.
    var source: String { get throws { try driver.get("/source") } }
    /// What a person reads on the page.
    var text: String { get throws { try find("body").text } }
    /// With which the server answered for the page.
    var status: Int {
        get throws { try execute("return performance.getEntriesByType('navigation')[0].responseStatus", as: Int.self) }
    }

    // MARK: Tabs

    /// Those that are open, in no order.
    var tabs: [String] { get throws { try driver.get("/window/handles") } }
    var tab: String { get throws { try driver.get("/window") } }

    /// Opens an empty one and goes on in it.
    @discardableResult
    func newTab() throws -> String {
        struct Made: Decodable { var handle: String }
        let made = try driver.post("/window/new", ["type": "tab"], as: Made.self)
        try switchTab(made.handle)
        return made.handle
    }

    func switchTab(_ tab: String) throws {
        try driver.post("/window", ["handle": .string(tab)])
        try keepAnswers()
    }

    /// Go on with ``switchTab(_:)``.
    func closeTab() throws { try driver.delete("/window") }

    // MARK: Waiting

    /// Polls for a minute. What `condition` throws is a no: a page may be on its way.
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
