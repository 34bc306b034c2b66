import PodstackAPI

/// The page `/`: what needs attention, what runs and what it costs.
struct OverviewPage: Sendable {
    /// The most pods, newest first, among which failed ones are looked for.
    private static let maximumPods = 100
    /// The most running pods and entries of the audit log on the page.
    fileprivate static let listed = 5

    private let services: Services

    init(_ services: Services) { self.services = services }

    @Sendable func show(_ exchange: PageExchange) throws -> Response {
        let session = try exchange.signedIn()
        let overview = try read(session, exchange.now)
        return Document("Overview", .overview, for: exchange) {
            if exchange.request.query("done") == "welcome" {
                Notice(.done, "Your password is saved, and you are signed in.")
            }
            if overview.isNew { FirstSteps(endpoint: exchange.endpoint) }
            AttentionList(items: overview.attention)
            WalletCards(wallet: overview.wallet)
            RunningPods(pods: overview.running, hasEngine: services.pods.link.engine != nil)
            RecentActivity(events: overview.events, now: exchange.now)
        }.response()
    }

    private func read(_ session: WebSession, _ now: Int64) throws -> Overview {
        let grant = session.user.grant
        let time = services.pods.now()
        let pods = try services.pods.list(
            PodStore.Selection(userID: session.user.id), PageRequest(limit: Self.maximumPods)
        ).page
        var selection = PodStore.Selection(userID: session.user.id)
        selection.status = .running
        let running = try services.pods.list(selection, PageRequest(limit: Self.listed + 1)).page
        let tokens = try services.tokens.list(
            accountID: grant.accountID, .active, PageRequest(limit: 100), now: now
        ).page.map(services.tokens.upToDate)
        let invitations = try services.members.invitations(grant, PageRequest(limit: Attention.limit), now: now).page
        let (wallet, budgets, events, hasEnded) = try services.database.read { connection in
            (
                try WalletSummary(of: session.user, services.pods.billing, now: time, in: connection),
                try BudgetReport.all(of: grant.accountID, now: time, in: connection),
                try AuditStore.list(AuditFilter(accountID: grant.accountID), limit: Self.listed, in: connection),
                try !TokenStore.list(
                    accountID: grant.accountID, .ended, now: now, limit: 1, after: nil, in: connection
                ).isEmpty
            )
        }
        var attention = Attention()
        attention.add(wallet)
        attention.add(pods)
        attention.add(budgets)
        attention.add(tokens, now: now)
        attention.add(invitations)
        return Overview(
            attention: attention.ordered, wallet: wallet, running: running,
            events: events, isNew: tokens.isEmpty && !hasEnded && pods.isEmpty)
    }
}

private struct Overview {
    var attention: [AttentionItem]
    var wallet: WalletSummary
    var running: [Pod]
    var events: [AuditRecord]
    /// Whether the account has never had a token and has no pods.
    var isNew: Bool
}

// MARK: - Components

/// The first steps of a new account.
private struct FirstSteps: Component {
    /// The endpoint that the command line has to be told; nil if it is the default.
    let endpoint: String?

    var body: some HTML {
        Card {
            Element("h2") { "Get started" }
            Element("p") {
                "Podstack runs containers for you. Create an API token first: with it, the command line and your programs "
                "create pods."
            }
            Element("p", .class("buttons")) { LinkButton("Create a token", to: Link("/account/tokens/new")) }
            Element("p", .class("hint")) { "Or sign in from a terminal:" }
            CodeBlock(
                (endpoint.map { "PODSTACK_API_ENDPOINT=\($0) " } ?? "") + "podstack auth login", id: "first-command",
                name: "the command")
        }
    }
}

private struct AttentionList: Component {
    let items: [AttentionItem]

    var body: some HTML {
        if !items.isEmpty {
            Element("h2") { "Needs attention" }
            Card {
                Element("ul", .class("attention")) {
                    for item in items {
                        Element("li") {
                            Element("span") {
                                switch item.kind {
                                case .problem: Badge("problem", .bad)
                                case .warning: Badge("warning", .warning)
                                case .news: Badge("invitation")
                                }
                                " "
                                Element("strong") { item.name }
                                " "
                                item.text
                            }
                            Element("a", .class("standalone"), .href(item.link)) {
                                item.action
                                Element("span", .class("visually-hidden")) { " \(Isolated.text(item.name))" }
                            }
                        }
                    }
                }
            }
        }
    }
}

private struct RunningPods: Component {
    let pods: [Pod]
    let hasEngine: Bool

    var body: some HTML {
        Element("div", .class("bar")) {
            Element("h2") { "Running pods" }
            if hasEngine { LinkButton("Create pod", .quiet, to: Link("/pods/new")) }
        }
        if pods.isEmpty {
            Element("p", .class("card empty")) { "No pod runs at the moment." }
        } else {
            DataTable("Running pods", ["Pod", "Image", "GPUs", .amount("Cost"), .amount("Per hour")]) {
                for pod in pods.prefix(OverviewPage.listed) {
                    Row {
                        RowTitle { Element("a", .href(Link("/pods", pod.id))) { pod.name } }
                        Cell("Image") { pod.image }
                        Cell("GPUs") { pod.gpuType.map { "\(pod.gpuCount) × \($0)" } ?? "" }
                        AmountCell("Cost") { pod.cost.displayText }
                        AmountCell("Per hour") { pod.pricePerHour.description }
                    }
                }
            }
            if pods.count > OverviewPage.listed {
                MoreLink(link: Link("/pods", query: [("status", "running")]), text: "All running pods")
            }
        }
    }
}

/// The latest entries of the audit log, without their details.
private struct RecentActivity: Component {
    let events: [AuditRecord]
    let now: Int64

    var body: some HTML {
        Element("div", .class("bar")) {
            Element("h2") { "Recent activity" }
            Element("p") { Element("a", .class("standalone"), .href(Link("/audit-log"))) { "Audit log" } }
        }
        Card {
            Element("ul", .class("attention")) {
                for event in events {
                    Element("li") {
                        Element("span") {
                            Element("strong") { AuditText.action(event.action, on: event.resourceType).text }
                            if let name = event.resourceName { " \(Isolated.text(name))" }
                            if let email = event.userEmail, email != event.resourceName {
                                Element("span", .class("secondary")) { "by \(email)" }
                            }
                        }
                        Element("span") { TimeElement(event.createdAt, now: now) }
                    }
                }
            }
        }
    }
}
