import PodstackAPI

/// What a program asks for, with everything by which somebody can tell whether it is theirs.
struct DeviceRequestView {
    let request: DeviceRequest
    /// As the program shows it.
    let code: String
    let visit: Visit
    /// Why it could not be approved.
    let quota: ErrorResponse?

    func response() -> Response {
        Document("A program asks for access to your account", for: visit) {
            if let quota {
                Element("p", .class("notice problem"), .role("alert")) {
                    "\(quota.message). Do that under "
                    Element("a", .href(Link("/account/tokens"))) { "API Tokens" }
                    ", then come back to this page: the program waits until \(Calendar.text(of: request.expiresAt))."
                }
            }
            Notice(
                .warning,
                "Only continue if you started this yourself, on that machine, and it shows this very code. Whoever gets "
                    + "the token acts in your name.")
            Element("div", .class("card")) {
                Element("dl") {
                    Fact("Code") { Element("code", .class("user-code")) { code } }
                    Fact("Calls itself") { request.clientName }
                    Fact("Asks from") { DeviceOrigin(request: request, address: visit.request.address) }
                    Fact("With") { UserAgent.name(request.userAgent) }
                    Fact("Asked at") { Time(request.createdAt) }
                    Fact("May then") { GrantedScopes(scopes: request.scopes ?? [.all]) }
                    Fact("In projects") { "all that you have a role in, now or later" }
                    Fact("For how long") {
                        "\(TokenService.defaultLifetimeSeconds / 86_400) days, unless you revoke the token before"
                    }
                }
            }
            Element("div", .class("decision")) {
                Decision(link: Link("/device/approve"), label: "Approve", style: "", code: code, visit: visit)
                Decision(link: Link("/device/deny"), label: "Deny", style: "danger", code: code, visit: visit)
            }
        }.response(status: quota?.status ?? 200)
    }
}

private struct DeviceOrigin: Component {
    let request: DeviceRequest
    /// Where whoever decides is.
    let address: ClientAddress

    private var isHere: Bool { ClientAddress(request.address)?.neighbourhood == address.neighbourhood }

    var body: some HTML {
        "\(request.address) "
        if isHere {
            Element("span", .class("badge")) { "where you are too" }
        } else {
            Element("span", .class("badge warn")) { "another address than yours" }
        }
    }
}

private struct GrantedScopes: Component {
    let scopes: [Scope]

    var body: some HTML {
        Element("ul", .class("plain")) {
            for scope in scopes {
                Element("li") {
                    "\(ScopeWords.of(scope)) "
                    Element("code") { scope.description }
                }
            }
        }
    }
}

private struct Decision: Component {
    let link: Link
    let label: String
    let style: String
    let code: String
    let visit: Visit

    var body: some HTML {
        Element("form", .method("post"), .action(link)) {
            FormKeyField(visit)
            VoidElement("input", .type("hidden"), .name("code"), .value(code))
            Element("button", .type("submit"), .class(style)) { label }
        }
    }
}
