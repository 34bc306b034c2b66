import PodstackAPI

/// The page `/device`, on which a viewer approves or denies a program that displays a code.
///
/// Source: RFC 8628, sections 3.3 and 5.
struct DevicePages: Sendable {
    private let services: Services
    /// The codes that each session tries, valid or not.
    ///
    /// A decision counts twice: once for the page, once for its form.
    private let sessionAttempts: RateLimiter<String>
    /// The codes that each network tries.
    private let networkAttempts: RateLimiter<ClientAddress>

    init(_ services: Services) {
        self.services = services
        sessionAttempts = RateLimiter(RateLimit(name: "user-code", count: 10), elapsed: services.elapsed)
        networkAttempts = RateLimiter(RateLimit(name: "user-code", count: 30), elapsed: services.elapsed)
    }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        switch exchange.request.query("done") {
        case "approved": return approved(exchange)
        case "denied": return denied(exchange)
        default: break
        }
        guard let code = exchange.request.query("code"), !code.isEmpty else { return codeForm(exchange, code: "") }
        return try requestPage(code, exchange)
    }

    // MARK: Decisions

    @Sendable func approve(_ exchange: PageExchange) throws -> Response {
        try decide(exchange, done: "approved") { try services.devices.approve($0, by: $1, in: $2) }
    }

    @Sendable func deny(_ exchange: PageExchange) throws -> Response {
        try decide(exchange, done: "denied") { try services.devices.deny($0, by: $1, in: $2) }
    }

    private func decide(
        _ exchange: PageExchange, done: String, _ decision: (String, UserRecord, Change) throws -> DeviceRequest
    ) throws -> Response {
        let user = try exchange.signedIn().user
        let code = exchange.form["code"]
        if let response = try tooManyAttempts(exchange, code) { return response }
        do {
            _ = try exchange.change(with: services.changes, requiring: .credential) {
                try decision(code, user, $0)
            }
        } catch DomainError.noMatch(.device, _) {
            return try requestPage(code, exchange, isCounted: true)
        } catch DomainError.quotaExceeded(let excess) {
            return try requestPage(code, exchange, isCounted: true, excess: excess)
        }
        return .redirect(Link("/device", query: [("done", done)]))
    }

    private func tooManyAttempts(_ exchange: PageExchange, _ code: String) throws -> Response? {
        let verdicts = [
            sessionAttempts.take(try exchange.signedIn().id),
            networkAttempts.take(exchange.request.address.network),
        ]
        guard let verdict = verdicts.first(where: { !$0.isAllowed }) else { return nil }
        let seconds = verdict.retryAfter
        var response = codeForm(
            exchange, code: String(code.prefix(20)),
            problem: RetryText.sentence("Too many codes were tried.", seconds: seconds), status: 429)
        response.set("Retry-After", String(seconds))
        return response
    }

    // MARK: Pages

    /// Returns the page about the request behind a code.
    ///
    /// - Parameters:
    ///   - code: The code as it was typed.
    ///   - exchange: The request for the page.
    ///   - isCounted: Whether the attempt is already counted against the limits.
    ///   - excess: The limit that prevented the approval, if any.
    /// - Returns: The page about the request, or the form with the reason why there is none.
    /// - Throws: A database failure.
    private func requestPage(
        _ code: String, _ exchange: PageExchange, isCounted: Bool = false, excess: QuotaExcess? = nil
    ) throws -> Response {
        if !isCounted, let response = try tooManyAttempts(exchange, code) { return response }
        switch try services.database.read({ try services.devices.find(code, now: exchange.now, in: $0) }) {
        case .pending(let request):
            return DeviceRequestPage(
                request: request, code: UserCode.parse(code) ?? "", exchange: exchange, excess: excess
            ).response()
        case .decided:
            return codeForm(
                exchange, code: "",
                problem: "This code has already been approved or denied. To connect another program, start there "
                    + "and enter its code here.", status: 409)
        case .expired:
            return codeForm(
                exchange, code: "", problem: "This code has expired. Start again in the program to get a new code.",
                status: 410)
        case .unknown:
            return codeForm(
                exchange, code: String(code.prefix(20)),
                problem: "No program is waiting for this code. Check that it has all 8 letters that the program shows.",
                status: 404)
        }
    }

    private func codeForm(_ exchange: PageExchange, code: String, problem: String? = nil, status: Int = 200)
        -> Response
    {
        Document("Connect a program", for: exchange) {
            if let problem { Notice(.problem, problem) }
            Element("form", .class("card"), .method("get"), .action(Link("/device"))) {
                Element("p") {
                    "Enter the code that the program shows. You can review what it asks for before you approve it."
                }
                Field(
                    "Code", name: "code", value: code, hint: "8 letters, such as WDJB-MJHT.", .autocomplete("off"),
                    .autocapitalize("characters"), .spellcheck(false), .maxLength(20), .flag("required"),
                    .flag("autofocus"))
                Button("Continue")
            }
        }.response(status: status)
    }

    private func approved(_ exchange: PageExchange) -> Response {
        Document("Approved", for: exchange) {
            Notice(.done, "The program receives its token within a few seconds.")
            Element("p") { "Return to the program. You can close this page." }
            Element("p") {
                "The token appears under "
                Element("a", .href(Link("/account/tokens"))) { "API Tokens" }
                " with the name of the program. Revoke it there when you no longer need it."
            }
        }.response()
    }

    private func denied(_ exchange: PageExchange) -> Response {
        Document("Denied", for: exchange) {
            Notice(.done, "The program does not get access. You can close this page.")
            Element("p") {
                "If you did not start this, another person may have tried to get access to your account. Your account "
                "has not changed."
            }
        }.response()
    }
}

// MARK: - The request of a program

/// The page that describes a program's request, with what helps the viewer to recognize it.
private struct DeviceRequestPage {
    let request: DeviceRequest
    /// The code as the program displays it.
    let code: String
    let exchange: PageExchange
    /// The limit that prevented the approval, if any.
    let excess: QuotaExcess?

    func response() -> Response {
        Document("A program asks for access to your account", for: exchange) {
            if let excess {
                Element("p", .class("notice problem"), .role("alert")) {
                    "Your account has reached its limit of \(counted(excess.limit, "active token")). Revoke one under "
                    Element("a", .href(Link("/account/tokens"))) { "API Tokens" }
                    ", then return to this page. The program waits until \(CivilDate.text(of: request.expiresAt))."
                }
            }
            Card {
                Element("p", .class("request")) {
                    Element("strong") { request.clientName }
                    " will be able to:"
                }
                Element("ul", .class("request")) {
                    for scope in request.scopes ?? [.all] { RequestedScope(scope: scope) }
                }
                Element("dl") {
                    Fact("Projects") { "All your projects, including ones that you join later" }
                    Fact("Expires") {
                        "After \(TokenService.defaultLifetimeSeconds / 86_400) days, unless you revoke the token earlier"
                    }
                    Fact("Code") { Element("code", .class("user-code")) { code } }
                    Fact("Address") { DeviceAddress(request: request, viewerAddress: exchange.request.address) }
                    Fact("Client") { UserAgent.name(request.userAgent) }
                    Fact("Requested") { TimeElement(request.createdAt) }
                }
            }
            Element("div", .class("decision")) {
                Element("form", .method("post"), .action(Link("/device/approve"))) {
                    FormKeyField(exchange)
                    VoidElement("input", .type("hidden"), .name("code"), .value(code))
                    Choice(
                        .checkbox, "I started this myself, and the program shows exactly this code.", name: "confirmed",
                        value: "yes", isChosen: false, .flag("required"))
                    Element("p", .class("buttons")) {
                        Button("Approve")
                        // The form of the other decision, so that the two buttons stand beside each other.
                        Button("Deny", .quiet, .formAction(Link("/device/deny")), .flag("formnovalidate"))
                    }
                }
            }
        }.response(status: excess == nil ? 200 : 409)
    }
}

private struct DeviceAddress: Component {
    let request: DeviceRequest
    let viewerAddress: ClientAddress

    private var isSameNetwork: Bool {
        ClientAddress(request.address)?.network == viewerAddress.network
    }

    var body: some HTML {
        "\(request.address) "
        if isSameNetwork { Badge("your network") } else { Badge("not your network", .warning) }
    }
}

private struct RequestedScope: Component {
    let scope: Scope

    var body: some HTML {
        Element("li") {
            "\(scope.displayText) "
            Element("code") { scope.description }
        }
    }
}
