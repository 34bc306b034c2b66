internal import PodstackAPI
internal import PodstackServer
import Synchronization

/// A client of a server under test: it acts as the holder of a token, or as a browser without scripts.
///
/// With a token, it sends `Authorization`. It keeps cookies, and adds the form key of the last page to each form.
/// A client of a ``RunningServer`` calls the request handler in memory; pass a port, or a ``SocketTransport``, where the
/// socket matters.
package final class TestClient: Sendable {
    /// A password that the service accepts.
    package static let password = "a horse, a battery and a staple"

    private let known: RunningServer?
    private let transport: any TestTransport
    private let bearer: String?
    private let browser = Mutex(Browser())

    private struct Browser {
        var cookies: [String: String] = [:]
        var formKey: String?
        var origin = "http://localhost"
    }

    /// Creates a client that calls the server's request handler in memory.
    ///
    /// - Parameters:
    ///   - server: The server.
    ///   - token: The token of every request, or nil for none.
    ///   - transport: Another way to the server.
    package init(_ server: RunningServer, _ token: String? = nil, over transport: (any TestTransport)? = nil) {
        known = server
        bearer = token
        self.transport = transport ?? InMemoryTransport(server.server)
    }

    /// Creates a client of a server on a port of this machine, which may be another process.
    ///
    /// - Parameters:
    ///   - port: The port on loopback.
    ///   - token: The token of every request, or nil for none.
    ///   - keepsConnection: Whether requests follow each other on one connection.
    package init(port: UInt16, _ token: String? = nil, keepsConnection: Bool = false) {
        known = nil
        bearer = token
        transport = SocketTransport(port: port, keepsConnection: keepsConnection)
    }

    /// Creates a server, a token of its user, and a client with that token.
    package convenience init(
        clock: ManualClock? = nil, maxActiveTokens: Int = 5, maxProjects: Int = 100,
        token: (RunningServer) throws -> String = {
            try $0.createToken()
        }
    ) throws {
        let server = try RunningServer(clock: clock, maxActiveTokens: maxActiveTokens, maxProjects: maxProjects)
        self.init(server, try token(server))
    }

    package var server: RunningServer {
        guard let known else { preconditionFailure("the server is in another process") }
        return known
    }

    /// Returns a client of the same server with another token.
    package func with(_ token: String) -> TestClient { TestClient(server, token) }

    // MARK: - A token's holder

    package var token: String {
        guard let bearer else { preconditionFailure("the client has no token") }
        return bearer
    }

    /// The ID of the token.
    package var id: String { String(token.dropFirst(9).prefix(8)) }

    /// Sends a request with the token; a body is JSON.
    @discardableResult
    package func send(
        _ method: String, _ target: String, _ body: String? = nil, headers: [(String, String)] = []
    ) throws -> TestResponse {
        let isJSON = body != nil && !headers.contains { $0.0.lowercased() == "content-type" }
        return try request(
            method, target, headers: headers + (isJSON ? [("Content-Type", "application/json")] : []), body: body)
    }

    package func whoami() throws -> TestResponse { try send("GET", "/v1/auth/whoami") }

    /// Returns `ok`, or the code of the error, of a request with the token.
    package func tokenState() throws -> String { try whoami().code ?? "ok" }

    /// Returns a client with a new token that this client created.
    package func createToken(_ fields: String = "") throws -> TestClient {
        let response = try send("POST", "/v1/tokens", #"{"name": "made"\#(fields.isEmpty ? "" : ", ")\#(fields)}"#)
        return with(try response.decoded(CreatedToken.self).secret ?? "")
    }

    // MARK: - A browser

    /// The origin that the browser names for its pages.
    package var origin: String {
        get { browser.withLock { $0.origin } }
        set { browser.withLock { $0.origin = newValue } }
    }

    /// The cookies by name.
    package var cookies: [String: String] {
        get { browser.withLock { $0.cookies } }
        set { browser.withLock { $0.cookies = newValue } }
    }

    /// The form key of the last page that had one.
    package var formKey: String? {
        get { browser.withLock { $0.formKey } }
        set { browser.withLock { $0.formKey = newValue } }
    }

    @discardableResult
    package func get(_ target: String, headers: [(String, String)] = []) throws -> TestResponse {
        try request("GET", target, headers: headers, body: nil)
    }

    /// Sends a form, as a browser that displays the last page would.
    ///
    /// - Parameters:
    ///   - target: The encoded path and query.
    ///   - fields: The fields in order; a name may occur more than once. The form key is added unless it is among them.
    ///   - headers: Header fields, which replace those of the browser.
    /// - Returns: The response.
    /// - Throws: An error if there is no response.
    @discardableResult
    package func post(
        _ target: String, _ fields: KeyValuePairs<String, String> = [:], headers: [(String, String)] = []
    ) throws -> TestResponse {
        try post(target, fields.map { ($0.key, $0.value) }, headers: headers)
    }

    @discardableResult
    package func post(
        _ target: String, _ fields: [(String, String)], headers: [(String, String)] = []
    ) throws -> TestResponse {
        var fields = fields
        if !fields.contains(where: { $0.0 == "form_key" }), let formKey { fields.append(("form_key", formKey)) }
        let body = fields.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.joined(separator: "&")
        let own = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin),
            ("Sec-Fetch-Site", "same-origin"),
        ].filter { name, _ in !headers.contains { $0.0.lowercased() == name.lowercased() } }
        return try request("POST", target, headers: own + headers, body: body)
    }

    /// Gets the page that a response redirects to.
    @discardableResult
    package func follow(_ response: TestResponse) throws -> TestResponse {
        guard let location = response.headers["location"] else {
            throw RawHTTP.Failure(reason: "a response of \(response.status) has no Location")
        }
        return try get(location)
    }

    /// Sends a request with the token, the cookies and the given header fields only.
    package func request(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: String? = nil
    ) throws -> TestResponse {
        var headers = headers
        if let bearer { headers.append(("Authorization", "Bearer \(bearer)")) }
        let sent = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        if !sent.isEmpty { headers.append(("Cookie", sent)) }
        let response = try transport.send(method, target, headers: headers, body: body)
        browser.withLock { browser in
            for cookie in response.cookies { Self.keep(cookie, in: &browser.cookies) }
            if let key = Self.formKey(in: response.body) { browser.formKey = key }
        }
        return response
    }

    private static func keep(_ line: String, in cookies: inout [String: String]) {
        let parts = line.split(separator: ";").map { $0.drop { $0 == " " } }
        guard let pair = parts.first?.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false),
            pair.count == 2
        else { return }
        cookies[String(pair[0])] = parts.contains("Max-Age=0") ? nil : String(pair[1])
    }

    private static func formKey(in body: String) -> String? {
        body.firstRange(of: "name=\"form_key\" value=\"").map { String(body[$0.upperBound...].prefix { $0 != "\"" }) }
    }

    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: String(UnicodeScalar(byte))
            default: "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }.joined()
    }
}

// MARK: - Signing in

extension TestClient {
    /// Creates a client that has an account and is signed in.
    package convenience init(signedUpAt server: RunningServer) throws {
        self.init(server)
        try signUp()
    }

    /// Chooses a password by a one-time link, which signs in.
    ///
    /// - Parameters:
    ///   - email: The address of the user; the user is created if missing.
    ///   - password: The password to choose.
    /// - Returns: The response to the form.
    /// - Throws: An error if there is no response.
    @discardableResult
    package func signUp(
        email: String = RunningServer.email, password: String = TestClient.password
    ) throws -> TestResponse {
        let link: String
        do { link = try server.server.signInLink(email) } catch {
            try server.server.addUser(email)
            link = try server.server.signInLink(email)
        }
        return try choose(password, at: link)
    }

    /// Chooses a password on the page of a one-time link, which signs in.
    @discardableResult
    package func choose(
        _ password: String = TestClient.password, at link: String, email: String = ""
    ) throws -> TestResponse {
        try post(try openLink(link), ["email": email, "password": password, "repeated": password])
    }

    /// Opens a one-time link, and returns the target of its form; the link itself if it redirects nowhere.
    package func openLink(_ link: String) throws -> String {
        let response = try get(link)
        guard response.status == 303, let form = response.headers["location"] else { return link }
        try get(form)
        return form
    }

    @discardableResult
    package func signIn(
        email: String = RunningServer.email, password: String = TestClient.password,
        headers: [(String, String)] = []
    ) throws -> TestResponse {
        try get("/sign-in")
        return try post("/sign-in", ["email": email, "password": password], headers: headers)
    }

    package var isSignedIn: Bool {
        get throws { try get("/account/sign-in").status == 200 }
    }
}
