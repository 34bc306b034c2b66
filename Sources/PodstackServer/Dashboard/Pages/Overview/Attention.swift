import PodstackAPI

/// Something that the viewer should look at.
struct AttentionItem: Sendable, Equatable {
    /// How urgent it is, most urgent first.
    enum Kind: Int, Sendable { case problem, warning, news }

    var kind: Kind
    /// The thing that it is about, such as the name of a token.
    var name: String
    /// The reason, as a sentence that follows the name.
    var text: String
    /// The text of the link.
    var action: String
    var link: Link
}

/// Finds what the viewer should look at: pods that failed, limits that were reached, tokens that end, and invitations.
struct Attention {
    /// The most items of one kind.
    static let limit = 5

    private(set) var items: [AttentionItem] = []

    /// The items in the order of their urgency.
    var ordered: [AttentionItem] {
        items.enumerated().sorted { ($0.element.kind.rawValue, $0.offset) < ($1.element.kind.rawValue, $1.offset) }
            .map(\.element)
    }

    mutating func add(_ invitations: [ReceivedInvitation]) {
        for each in invitations.prefix(Self.limit) {
            items.append(
                AttentionItem(
                    kind: .news, name: each.projectName, text: "\(Isolated.text(each.inviterEmail)) invites you.",
                    action: "Review invitation", link: Link("/projects")))
        }
    }

    /// Adds the pods that failed, or that reached a limit.
    mutating func add(_ pods: [Pod]) {
        let ended = pods.filter { pod in
            pod.status == .failed || pod.status == .stopped && pod.statusReason != nil
        }
        for pod in ended.prefix(Self.limit) {
            items.append(
                AttentionItem(
                    kind: pod.status == .failed ? .problem : .warning, name: pod.name,
                    text: PodWords.sentence(pod.statusReason ?? "The pod failed"), action: "View pod",
                    link: Link("/pods", pod.id)))
        }
    }

    /// Adds the active tokens that have warnings or more scopes than they use.
    mutating func add(_ tokens: [TokenRecord], now: Int64) {
        var count = 0
        // A pod's own token ends with the pod.
        for token in tokens where token.podID == nil && count < Self.limit {
            var texts = TokenHealth(token, now: now).warnings
            if ScopeAdvice(for: token, now: now) != nil { texts.append("has scopes that it never uses") }
            guard !texts.isEmpty else { continue }
            count += 1
            items.append(
                AttentionItem(
                    kind: .warning, name: token.name, text: PodWords.capitalized(texts.joined(separator: ", ")) + ".",
                    action: "View token", link: Link("/account/tokens", token.publicID)))
        }
    }

    /// Adds the budgets that have reached a share of their amount in the current period.
    mutating func add(_ notices: [BudgetReport]) {
        for notice in notices.prefix(Self.limit) {
            let link =
                switch notice.subject {
                case .token(let key): Link("/account/tokens", TokenKey.tokenID(of: key))
                case .project(let id): Link("/projects", id)
                case .account: Link("/usage")
                }
            items.append(
                AttentionItem(
                    kind: notice.percent >= 100 ? .problem : .warning, name: notice.name,
                    text: "Has used \(notice.percent) percent of its budget of \(notice.limit.text).",
                    action: notice.subject.kind == .token ? "View token" : "View project", link: link))
        }
    }

    /// Adds an empty balance.
    mutating func add(_ wallet: WalletSummary) {
        guard wallet.balance <= .zero, wallet.credited > .zero || wallet.balance < .zero else { return }
        items.append(
            AttentionItem(
                kind: .problem, name: "Balance", text: "The balance is used up, so paid pods cannot start.",
                action: "View usage", link: Link("/usage")))
    }
}

/// A budget that has reached a share of its amount in the current period.
struct BudgetReport: Sendable {
    var subject: BillingStore.Subject
    var name: String
    var limit: SpendLimit
    /// 50, 80 or 100.
    var percent: Int
}

extension BudgetReport {
    /// Returns the budgets of an account that have reached a share in their current period, the most used first.
    static func all(of accountID: String, now: Int64, in connection: any DatabaseConnection) throws -> [BudgetReport] {
        try BillingStore.notices(ofAccount: accountID, limit: 100, in: connection).compactMap { notice in
            guard let limit = try BillingStore.spendLimit(of: notice.subject, in: connection),
                limit.periodStart(at: now) == notice.periodStart
            else { return nil }
            let (key, grouping): (String, Usage.Grouping) =
                switch notice.subject {
                case .account(let id): (id, .day)
                case .project(let id): (id, .project)
                case .token(let key): (key, .token)
                }
            let names = try BillingStore.names(of: [key], by: grouping, accountID: accountID, in: connection)
            guard let name = names[key] else { return nil }
            return BudgetReport(subject: notice.subject, name: name, limit: limit, percent: notice.percent)
        }.sorted { $0.percent > $1.percent }
    }
}
