import Synchronization

/// Somebody at the dashboard, as a browser without scripts sees it: keeps cookies, and sends forms with the key of the
/// page that was got last.
package final class PageVisitor: Sendable {
    package typealias Answer = RawHTTP.Answer

    private let known: RunningServer?
    private let port: UInt16
    private let state = Mutex(State())

    private struct State {
        var cookies: [String: String] = [:]
        var formKey: String?
        var origin = "http://localhost"
    }

    package init(_ server: RunningServer) {
        known = server
        port = server.server.port
    }

    /// Of a server in a process of its own, whose users have to be made there.
    package init(port: UInt16) {
        known = nil
        self.port = port
    }

    package var server: RunningServer {
        guard let known else { preconditionFailure("the server is in another process") }
        return known
    }

    /// Where the browser believes that its pages come from.
    package var origin: String {
        get { state.withLock { $0.origin } }
        set { state.withLock { $0.origin = newValue } }
    }

    /// By name.
    package var cookies: [String: String] {
        get { state.withLock { $0.cookies } }
        set { state.withLock { $0.cookies = newValue } }
    }

    /// Of the last page that had one.
    package var formKey: String? {
        get { state.withLock { $0.formKey } }
        set { state.withLock { $0.formKey = newValue } }
    }

    @discardableResult
    package func get(_ path: String, headers: [(String, String)] = []) throws -> Answer {
        try send("GET", path, headers: headers)
    }

    /// Sends a form as the browser does that showed the last page.
    ///
    /// - Parameters:
    ///   - fields: In order; a name may come more than once. The form's key is added unless it is among them.
    ///   - headers: Added to those of a browser; of the same name, instead of them.
    @discardableResult
    package func post(
        _ path: String, _ fields: KeyValuePairs<String, String> = [:], headers: [(String, String)] = []
    ) throws -> Answer {
        try post(path, fields.map { ($0.key, $0.value) }, headers: headers)
    }

    @discardableResult
    package func post(_ path: String, _ fields: [(String, String)], headers: [(String, String)] = []) throws -> Answer {
        var fields = fields
        if !fields.contains(where: { $0.0 == "form_key" }), let formKey { fields.append(("form_key", formKey)) }
        let body = fields.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.joined(separator: "&")
        let own = [
            ("Content-Type", "application/x-www-form-urlencoded"), ("Origin", origin),
            ("Sec-Fetch-Site", "same-origin"),
        ].filter { name, _ in !headers.contains { $0.0.lowercased() == name.lowercased() } }
        return try send("POST", path, headers: own + headers, body: body)
    }

    /// Goes where an answer leads.
    @discardableResult
    package func follow(_ answer: Answer) throws -> Answer {
        guard let location = answer.headers["location"] else {
            throw RawHTTP.Failure(reason: "an answer of \(answer.status) leads nowhere")
        }
        return try get(location)
    }

    /// Any request, with the cookies.
    package func send(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) throws -> Answer {
        let shown = cookies.map { "\($0.key)=\($0.value)" }.sorted().joined(separator: "; ")
        let answer = try RawHTTP(port: port).request(
            method, path, headers: headers + (shown.isEmpty ? [] : [("Cookie", shown)]), body: body)
        state.withLock { state in
            for cookie in answer.cookies { Self.keep(cookie, in: &state.cookies) }
            if let key = Self.formKey(in: answer.body) { state.formKey = key }
        }
        return answer
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
