import Foundation
import PodstackAPI
import PodstackTestSupport
import Synchronization

@testable import PodstackServer

/// A visit to every page of the dashboard: with content, empty, and after an invalid form.
///
/// It is used to check the pages and to take their screenshots. A page that only differs from an earlier one by a sentence is
/// passed without a look: what forms do is the subject of the other tests.
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
        server = try EmbeddedServer(
            directory: folder.file("data"), settings: ServiceSettings(), engine: TourEngine(clock: clock), now: now,
            elapsed: { clock.elapsed },
            log: { line in lines.text.withLock { $0 += String(decoding: line, as: UTF8.self) } })
    }

    func visitAll() throws {
        try visitWelcomeAndSignIn()
        try visitTokens()
        try visitTokenDetails()
        try visitProjects()
        try visitDevice()
        try visitPods()
        try visitUsage()
        try visitAuditLog()
        try visitPeople()
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

// MARK: - Signing in

extension PageTour {
    func visitWelcomeAndSignIn() throws {
        let link = try server.signInLink(nil)
        try open(link)
        try look("welcome", "Create the first account")
        // The link itself only redirects.
        visited.insert("GET \(link)")
        try browser.fill("Email", Self.email)
        try browser.fill("Password", Self.password)
        try browser.fill("Confirm password", "another one, by mistake")
        try browser.press("Create account")
        try look("welcome-wrong", "Create the first account", status: 422)
        try browser.choosePassword(Self.password)
        try browser.press("Create account")
        try look("overview-new", "Overview")
        try open("/account/tokens")
        try look("tokens-none", "API Tokens")
        try open("/audit-log?action=project.delete")
        try open(link)
        try look("welcome-over", "This link no longer works", status: 410)

        try open("/")
        try browser.press("Sign out")
        try look("sign-in", "Sign in")
        try browser.signIn(email: Self.email, password: "forgotten")
        try look("sign-in-wrong", "Sign in", status: 422)
        for _ in 0..<5 { try browser.signIn(email: Self.email, password: "forgotten") }
        try look("sign-in-too-often", "Sign in", status: 429)
        clock.set(clock.now + 60)

        try server.addUser("grace@example.com")
        try open(try server.signInLink(Self.email))
        try look("welcome-again", "Choose your password")
        try browser.choosePassword(Self.password)
        try browser.press("Save and sign in")
        try browser.waitForPage("Overview")
        try open("/account/tokens")
        try browser.waitForPage("API Tokens")
    }

    func visitAccount() throws {
        try signInElsewhere()
        try open("/account/sign-in")
        try look("account", "Security")
        try browser.fill("Current password", "not this one")
        try browser.fill("New password", Self.password + "!")
        try browser.fill("Confirm new password", Self.password + "!")
        try browser.press("Change password")
        try look("account-wrong", "Security", status: 422)
        try browser.leave { try browser.find("td form button").click() }
        try browser.waitForPage("Security")
        try signInElsewhere()
        try browser.reload()
        try browser.press("Sign out everywhere else")
        try look("account-alone", "Security")
        try browser.fill("Current password", Self.password)
        try browser.fill("New password", Self.password + "!")
        try browser.fill("Confirm new password", Self.password + "!")
        try browser.press("Change password")
        try look("account-changed", "Security")

        try open("/account/nowhere")
        try look("not-found", "Not found", status: 404)
        try open("/help")
        try look("help", "Help")
        try open("/status")
        try look("status", "Status")
        try open("/sign-out")
        try look("wrong-method", "No page here", status: 405)
        try open("/account/sign-in")
        try browser.execute("for (const each of document.querySelectorAll('[name=form_key]')) each.value = 'old'")
        try browser.press("Sign out")
        try look("refused", "Access denied", status: 403)
    }

    /// Begins a session of the viewer in another browser.
    private func signInElsewhere() throws {
        let elsewhere = try RawHTTP(port: server.port)
        let page = try elsewhere.request("GET", "/sign-in")
        let key = page.body.split(separator: "name=\"form_key\" value=\"").last?.prefix { $0 != "\"" } ?? ""
        let form = "form_key=\(key)&email=ada%40example.com&password=\(Self.password.replacing(" ", with: "+"))"
        _ = try elsewhere.request(
            "POST", "/sign-in",
            headers: [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Cookie", String(page.cookies.first?.prefix { $0 != ";" } ?? "")),
                ("User-Agent", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:138.0) Gecko/20100101 Firefox/138.0"),
            ], body: form)
    }
}

// MARK: - Tokens

extension PageTour {
    func visitTokens() throws {
        try browser.follow("Create Token")
        try look("token-new", "Create a token")
        try browser.choose("Custom")
        try browser.select("Expires", "On a date…")
        try look("token-new-custom", "Create a token")
        // The browser accepts a name of spaces; the service does not.
        try browser.fill("Name", "  ")
        try browser.press("Create token")
        try look("token-new-wrong", "Create a token", status: 422)
        try open("/account/tokens/new")
        try browser.fillTokenForm("Training cluster, nightly")
        try browser.press("Create token")
        try look("token-created", "Token created")
        try browser.reload()
        try look("token-created-already", "Token already created", status: 409)

        let own = try server.createToken(Self.email, name: "Terraform", expiresAt: clock.now + 200 * 86_400)
        let project = try call("POST", "/v1/projects", ["name": "Speech recognition"], token: own)
        let id = project["id"]?.stringValue ?? ""
        try createToken("Laptop", ["expires_in_days": 180, "scopes": .array(["projects:read", "pods:*"])], with: own)
        try createToken(
            "CI of speech-recognition",
            ["expires_in_days": 90, "scopes": .array(["pods:*"]), "project_ids": .array([.string(id)])], with: own)
        try pass(days: 24)
        try call("GET", "/v1/projects", token: own)
        try createToken("Pasted into a chat", ["expires_in_days": 7], with: own, revoked: true)
        try createToken("A short one", ["expires_in_days": 7], with: own)
        try open("/account/tokens")
        try look("tokens", "API Tokens")
        try browser.follow("Create Token")
        try look("token-new-full", "Create a token")
        try pass(days: 70)
        try call("GET", "/v1/tokens", token: own)
        try open("/account/tokens")
        try look("tokens-later", "API Tokens")
    }

    private func createToken(
        _ name: String, _ fields: [String: JSONValue], with token: String, revoked: Bool = false
    ) throws {
        // Gives each token its own position in the list.
        clock.set(clock.now + 60)
        let created = try call(
            "POST", "/v1/tokens", fields.merging(["name": .string(name)]) { $1 }, token: token)
        guard revoked, let secret = created["token"]?.stringValue else { return }
        try call("DELETE", "/v1/tokens/self", token: secret)
    }

    func visitTokenDetails() throws {
        try browser.follow("Terraform")
        try look("token", "Terraform")
        try browser.fill("Name", String(repeating: "long ", count: 60))
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try look("token-wrong-name", "Terraform", status: 422)
        try browser.fill("Name", "Terraform of production")
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try browser.waitForPage("Terraform of production")
        let long = String(repeating: "terraform-of-production-", count: 4)
        try browser.fill("Name", long)
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try look("token-long-name", long)
        try open("/account/tokens")
        try look("tokens-long-name", "API Tokens")
        try browser.follow(long)
        try browser.fill("Name", "Terraform of production")
        try browser.leave { try browser.find("form[action$='/name'] button").click() }
        try browser.press("Keep only these scopes")
        try look("token-fewer-scopes", "Terraform of production")
        try browser.press("Rotate")
        try look("token-rotated", "New secret")
        try browser.reload()
        try look("token-rotated-already", "Token already rotated", status: 409)
        try browser.follow("API Tokens")
        try look("tokens-done", "API Tokens")
        try browser.follow("Laptop")
        try browser.follow("Revoke token…")
        try look("token-revoke", "Revoke “Laptop”?")
        try browser.press("Revoke token")
        try browser.waitForPage("API Tokens")
        try browser.follow("Pasted into a chat")
        try look("token-ended", "Pasted into a chat")
    }
}

// MARK: - Projects

extension PageTour {
    func visitProjects() throws {
        try browser.follow("Projects")
        try look("projects", "Projects")
        try browser.fill("Name", "  ")
        try browser.press("Create project")
        try look("projects-wrong", "Projects", status: 422)
        try browser.fill("Name", "Weather models")
        try browser.fill("Description", "Forecasts for the coast.\nAsk Grace before anything big.")
        try browser.press("Create project")
        try look("project-created", "Weather models")
        try browser.fill("Email", "nobody@example.com")
        try browser.press("Invite")
        try look("project-wrong-member", "Weather models", status: 422)
        try browser.fill("Email", "grace@example.com")
        try browser.press("Invite")
        try look("project-member-invited", "Weather models")
        let grace = TestClient(port: server.port, try server.createToken("grace@example.com"))
        let graceID = try grace.whoami().decoded(User.self).id
        let invited = URL(string: try browser.url)?.path ?? ""
        try grace.send("POST", "/v1\(invited)/members/\(graceID)/accept")
        try visitInvitations(from: grace)
        try open(invited)
        try browser.fill("Name", "  ")
        try browser.press("Save")
        try look("project-wrong", "Weather models", status: 422)
        try browser.fill("Name", "Weather models, coast")
        try browser.press("Save")
        try browser.waitForPage("Weather models, coast")
        let project = try browser.url.prefix { $0 != "?" }
        try visitMembers()
        try browser.open(project + "/delete")
        try look("project-delete", "Delete “Weather models, coast”?")
        try browser.press("Delete project")
        try look("projects-deleted", "Projects")
        try browser.find("th a[href]:has(+ .badge)").click()
        try look("project-default", "default")
        try browser.open(try browser.url + "/delete")
        try look("project-delete-not", "“default” cannot be deleted")
    }

    /// Visits the viewer's invitations, and accepts, leaves and declines.
    private func visitInvitations(from inviter: TestClient) throws {
        let project = try inviter.send("POST", "/v1/projects", #"{"name": "Ocean"}"#).decoded(Project.self)
        func invite() throws {
            try inviter.send(
                "POST", "/v1/projects/\(project.id)/members", #"{"email": "\#(Self.email)", "role": "admin"}"#)
            try open("/projects")
        }
        try invite()
        try look("projects-invitation", "Projects")
        try browser.press("Accept the invitation to Ocean")
        try look("project-joined", "Ocean")
        try browser.follow("Leave…")
        try look("project-leave", "Leave “Ocean”?")
        try browser.press("Leave project")
        try browser.waitForPage("Projects")
        try invite()
        try browser.press("Decline the invitation to Ocean")
        try look("projects-declined", "Projects")
    }

    /// Visits the pages of members, starting and ending at the page of a project with two members.
    private func visitMembers() throws {
        try browser.follow("Change \(Self.email)")
        try browser.choose("User: selected permissions")
        try browser.press("Save")
        try look("member-last-admin", Self.email, status: 409)
        try browser.back()
        try browser.back()
        try browser.follow("Change grace@example.com")
        try look("member", "grace@example.com")
        try browser.choose("create")
        try browser.press("Save")
        try look("member-changed", "grace@example.com")
        try browser.press("Deactivate")
        try look("member-deactivated", "grace@example.com")
        try browser.press("Activate")
        try browser.waitForPage("grace@example.com")
        try browser.follow("Remove…")
        try look("member-remove", "Remove grace@example.com?")
        try browser.press("Remove member")
        try browser.waitForPage("Weather models, coast")
    }
}

// MARK: - Devices

extension PageTour {
    func visitDevice() throws {
        try open("/device")
        try look("device", "Connect a program")
        try browser.fill("Code", "ABCD-EFGH")
        try browser.press("Continue")
        try look("device-wrong", "Connect a program", status: 404)
        let code = try requestCode(["projects:read", "pods:*"])
        try browser.fill("Code", code.lowercased())
        try browser.press("Continue")
        try look("device-request", "A program asks for access to your account")
        try browser.choose("I started this myself, and the program shows exactly this code.")
        try browser.press("Approve")
        try look("device-approved", "Approved")
        try open("/device?code=\(code)")
        try look("device-used", "Connect a program", status: 409)
        let other = try requestCode(nil)
        try open("/device?code=\(other)")
        try browser.press("Deny")
        try look("device-denied", "Denied")
        let late = try requestCode(nil)
        clock.set(clock.now + DeviceRequest.lifetimeSeconds)
        try open("/device?code=\(late)")
        try look("device-over", "Connect a program", status: 410)
        for _ in 0..<10 { try open("/device?code=ABCD-EFGH") }
        try look("device-too-often", "Connect a program", status: 429)
    }

    /// Starts a request and returns the code that the program shows.
    private func requestCode(_ scopes: [JSONValue]?) throws -> String {
        var fields: [String: JSONValue] = ["client_name": "podstack on gpu-17"]
        if let scopes { fields["scopes"] = .array(scopes) }
        return try call("POST", "/v1/device/code", fields)["user_code"]?.stringValue ?? ""
    }
}

// MARK: - Audit log

extension PageTour {
    func visitAuditLog() throws {
        try browser.follow("Audit log")
        try look("audit-log", "Audit log")
        try browser.find("#entries summary").click()
        try look("audit-log-details", "Audit log")
        try open("/audit-log?limit=5")
        try browser.follow("Older entries")
        try look("audit-log-older", "Audit log")
        try open("/audit-log?q=no%20such%20thing")
        try look("audit-log-none", "Audit log")
        try open("/audit-log?since=yesterday")
        try look("audit-log-wrong", "Audit log", status: 422)
    }
}

// MARK: - People

extension PageTour {
    func visitPeople() throws {
        try server.setOperator(Self.email)
        try open("/people")
        try look("people", "People")
        try browser.follow("Invite a person")
        try look("person-new", "Invite a person")
        try browser.fill("Email", Self.email)
        try browser.press("Create account")
        try look("person-new-wrong", "Invite a person", status: 409)
        let guest = "margaret.hamilton@engineering.example.com"
        try browser.fill("Email", guest)
        try browser.fill("Name", "Margaret Hamilton")
        try browser.press("Create account")
        try look("person-invited", "Person invited")
        try browser.follow("Done")
        try look("person", guest)
        try browser.follow("Create a new link…")
        try look("person-renew-link", "Create a new link for \(guest)?")
        try browser.press("Create a new link")
        try look("person-link", "New sign-in link")
        try browser.follow("Done")
        for (action, question, page) in [
            ("Disable", "Disable \(guest)?", "disable"), ("Enable", "Enable \(guest)?", "enable"),
            ("Make operator", "Make \(guest) an operator?", "make-operator"),
            ("Remove operator role", "Remove the operator role of \(guest)?", "remove-operator"),
        ] {
            try browser.waitForPage(guest)
            try browser.follow(action + "…")
            try look("person-\(page)", question)
            try browser.press(action)
        }
        try look("person-changed", guest)
        try open("/people")
        try browser.follow("grace@example.com")
        try look("person-active", "grace@example.com")
        try browser.follow("Remove…")
        try look("person-remove", "Remove grace@example.com?")
        try browser.fill("Email", "nobody@example.com")
        try browser.press("Show the effects")
        try look("person-remove-wrong", "Remove grace@example.com?", status: 422)
        try browser.fill("Email", guest)
        try browser.press("Show the effects")
        try look("person-remove-transfer", "Remove grace@example.com?")
        try browser.press("Remove user")
        try look("people-removed", "People")
        try browser.follow(Self.email)
        try look("person-own", Self.email)
        try browser.follow("Remove operator role…")
        try browser.press("Remove operator role")
        try look("person-last-operator", Self.email, status: 409)
        try open("/people?q=zzz")
        try look("people-none", "People")
    }
}

// MARK: - Routes

extension PageTour {
    /// The method and the pattern of a route.
    struct Address: CustomStringConvertible {
        let method: Substring
        let pattern: [Substring]

        var description: String { "\(method) /" + pattern.joined(separator: "/") }

        /// Returns whether the route matches a request, which is a method and a path.
        func matches(_ request: String) -> Bool {
            let words = request.split(separator: " ")
            guard words.count == 2, words[0] == method else { return false }
            return PathPattern.parameters(of: words[1].split(separator: "/")[...], in: pattern) != nil
        }
    }

    /// Routes that are not pages: files, streams and parts of pages.
    private static let noPages = [
        "GET /assets/{name}", "GET /audit-log.csv", "GET /audit-log/events", "GET /usage.csv", "GET /pods/live",
        "GET /pods/{id}/live", "GET /pods/{id}/log",
    ]

    /// Returns the routes of all pages and forms.
    static func routes(of service: Service) -> [Address] {
        service.dashboard.routes.map { Address(method: $0.method[...], pattern: $0.pattern) }
            .filter { !noPages.contains($0.description) }
    }
}
