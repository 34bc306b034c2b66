import PodstackAPI

/// `/device`: where somebody decides about the program that showed them a code. Source: RFC 8628, sections 3.3 and 5.
struct DevicePages: Sendable {
    private let service: Service
    /// Codes that are tried, right or wrong: whoever decides about one tries it twice.
    private let ofSession = RateLimiter<String>(RateLimit(name: "user-code", count: 10))
    private let ofNeighbourhood = RateLimiter<ClientAddress>(RateLimit(name: "user-code", count: 30))

    init(_ service: Service) { self.service = service }

    @Sendable func show(_ visit: Visit) throws -> Response {
        switch visit.request.query("done") {
        case "approved": return approved(visit)
        case "denied": return denied(visit)
        default: break
        }
        guard let code = visit.request.query("code"), !code.isEmpty else { return ask(visit, code: "") }
        return try about(code, visit)
    }

    @Sendable func approve(_ visit: Visit) throws -> Response {
        try decide(visit, done: "approved") { try service.devices.approve($0, by: $1, in: $2) }
    }

    @Sendable func deny(_ visit: Visit) throws -> Response {
        try decide(visit, done: "denied") { try service.devices.deny($0, by: $1, in: $2) }
    }

    private func decide(
        _ visit: Visit, done: String, _ decision: (String, DeviceService.User, Change) throws -> DeviceRequest
    ) throws -> Response {
        let user = try visit.signedIn().user
        let code = visit.form["code"]
        if let refusal = try tooMany(visit, code) { return refusal }
        do {
            _ = try service.changes.make(by: try visit.actor(), at: visit.now) { try decision(code, user, $0) }
        } catch DomainError.noMatch(.device, _) {
            return try about(code, visit, isCounted: true)
        } catch DomainError.quotaExceeded(let excess) {
            return try about(code, visit, isCounted: true, quota: ErrorResponse(DomainError.quotaExceeded(excess)))
        }
        return .redirect(Link("/device", query: [("done", done)]))
    }

    private func about(
        _ code: String, _ visit: Visit, isCounted: Bool = false, quota: ErrorResponse? = nil
    ) throws -> Response {
        if !isCounted, let refusal = try tooMany(visit, code) { return refusal }
        switch try service.database.read({ try service.devices.find(code, now: visit.now, in: $0) }) {
        case .pending(let request):
            return DeviceRequestView(request: request, code: UserCode.parse(code) ?? "", visit: visit, quota: quota)
                .response()
        case .decided:
            return ask(
                visit, code: "", problem: "That code was used already: somebody has approved or denied it.", status: 409
            )
        case .expired:
            return ask(
                visit, code: "", problem: "That code is too old. Start again in the program, which shows another.",
                status: 410)
        case .unknown:
            return ask(
                visit, code: String(code.prefix(20)),
                problem: "No program waits with that code. Check that you typed all 8 letters as they are shown.",
                status: 404)
        }
    }

    private func tooMany(_ visit: Visit, _ code: String) throws -> Response? {
        let verdicts = [
            ofSession.take(try visit.signedIn().id, now: visit.now),
            ofNeighbourhood.take(visit.request.address.neighbourhood, now: visit.now),
        ]
        guard let verdict = verdicts.first(where: { !$0.isAllowed }) else { return nil }
        let seconds = verdict.retryAfter
        var response = ask(
            visit, code: String(code.prefix(20)),
            problem: TryAgain.sentence("Too many codes were tried.", after: seconds), status: 429)
        response.set("Retry-After", String(seconds))
        return response
    }

    private func ask(_ visit: Visit, code: String, problem: String? = nil, status: Int = 200) -> Response {
        Document("Connect a program", for: visit) {
            if let problem { Notice(.problem, problem) }
            Element("form", .class("card narrow"), .method("get"), .action(Link("/device"))) {
                Element("p") {
                    "A program that runs where there is no browser shows you a code. Type it in here to see what the "
                    "program asks for."
                }
                Field(
                    "Code", name: "code", value: code, hint: "8 letters, such as WDJB-MJHT.", .autocomplete("off"),
                    .autocapitalize("characters"), .spellcheck(false), .maxLength(20), .flag("required"),
                    .flag("autofocus"))
                Element("button", .type("submit")) { "Continue" }
            }
        }.response(status: status)
    }

    private func approved(_ visit: Visit) -> Response {
        Document("Approved", for: visit) {
            Notice(.done, "The program gets its token the next time it asks, in a few seconds.")
            Element("p") { "Go back to it; you can close this page." }
            Element("p") {
                "The token is then listed under "
                Element("a", .href(Link("/account/tokens"))) { "API Tokens" }
                ", by the name of the program. Revoke it there when you do not need it any more."
            }
        }.response()
    }

    private func denied(_ visit: Visit) -> Response {
        Document("Denied", for: visit) {
            Notice(.done, "The program gets nothing. You can close this page.")
            Element("p") {
                "If you did not start it, somebody may have wanted you to let them in. Nothing has happened to your "
                "account."
            }
        }.response()
    }
}
