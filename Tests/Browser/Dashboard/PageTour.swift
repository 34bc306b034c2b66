import Foundation
import PodstackAPI
import PodstackTestSupport
import Synchronization

@testable import PodstackServer

/// A visit to every page of the dashboard: with content, empty, and after an invalid form.
///
/// It is used to check the pages and to take their screenshots.
final class PageTour {
    static let email = "ada@example.com"
    static let password = "a horse, a battery and a staple"
    /// A fixed time, because badges count days and screenshots should not differ from day to day.
    static let start: Int64 = 1_809_941_400

    let browser: Browser
    let server: EmbeddedServer
    let clock = ManualClock(start)
    /// The methods and paths of the visited pages, as in the log, in which long IDs are an ellipsis.
    private(set) var visited: Set<String> = []
    private let folder: TemporaryDirectory
    private let seen: (_ page: String, _ status: Int) throws -> Void
    private let lines = Lines()

    private final class Lines: Sendable { let text = Mutex("") }

    /// Starts a server for the tour.
    ///
    /// `seen` is called at each page, with the name of the page and the status that it must have.
    init(_ browser: Browser, seen: @escaping (_ page: String, _ status: Int) throws -> Void) throws {
        self.browser = browser
        self.seen = seen
        folder = try TemporaryDirectory()
        let (clock, lines) = (clock, lines)
        let now: @Sendable () -> Int64 = { clock.now }
        server = try EmbeddedServer(directory: folder.file("data"), now: now) { line in
            lines.text.withLock { $0 += String(decoding: line, as: UTF8.self) }
        }
    }

    func visitAll() throws {
        try visitWelcomeAndSignIn()
        try visitTokens()
        try visitTokenDetails()
        try visitProjects()
        try visitDevice()
        try visitAuditLog()
        try visitAccount()
    }

    // MARK: Navigation

    func open(_ path: String) throws { try browser.open(server.url + path) }

    /// Waits for a page and reports it.
    func look(_ page: String, _ heading: String, status: Int = 200) throws {
        try browser.waitForPage(heading)
        // The response to a form has the URL of the form, which may not be a page.
        if let path = URL(string: try browser.url)?.path, status == 200 { visited.insert("GET \(path)") }
        try seen(page, status)
    }

    /// Returns all requests of the browser.
    func requests() throws -> Set<String> {
        struct Line: Decodable {
            var event: String
            var method: String?
            var path: String?
        }
        let text = lines.text.withLock { $0 }
        let sent = try text.split(separator: "\n").map { try APICoding.decode(Line.self, from: Array($0.utf8)) }
        return visited.union(sent.filter { $0.event == "request" }.map { "\($0.method ?? "") \($0.path ?? "")" })
    }

    // MARK: Setup

    /// Calls the API, and throws unless it succeeds.
    @discardableResult
    func call(
        _ method: String, _ path: String, _ body: [String: JSONValue]? = nil, token: String? = nil
    ) throws -> [String: JSONValue] {
        let text = try body.map { String(decoding: try APICoding.encode($0), as: UTF8.self) }
        var headers = [("Content-Type", "application/json"), ("User-Agent", "podstack-swift/0.1.0 (Linux x86_64)")]
        if let token { headers.append(("Authorization", "Bearer \(token)")) }
        let response = try RawHTTP(port: server.port).request(method, path, headers: headers, body: text)
        guard (200..<300).contains(response.status) else {
            throw BrowserFailure(description: "\(method) \(path) failed: \(response.body)")
        }
        return response.body.isEmpty
            ? [:] : try APICoding.decode([String: JSONValue].self, from: Array(response.body.utf8))
    }

    /// Advances the clock, and signs in again because the session has ended.
    func pass(days: Int64) throws {
        clock.set(clock.now + days * 86_400)
        try open("/account/tokens")
        try browser.signIn(email: Self.email)
        try browser.waitForPage("API Tokens")
    }
}
