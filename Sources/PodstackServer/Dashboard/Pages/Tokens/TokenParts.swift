import PodstackAPI

/// Whether a token works, and what should be seen to.
struct TokenBadges: Component {
    let health: TokenHealth
    /// A new secret was made, and is not used yet.
    let isWaiting: Bool

    init(_ token: TokenRecord, now: Int64) {
        health = TokenHealth(token, now: now)
        isWaiting = health.state == .active && token.pending.map { !$0.hasLapsed(at: now) } ?? false
    }

    var body: some HTML {
        switch health.state {
        case .active: Element("span", .class("badge good")) { "active" }
        case .expired: Element("span", .class("badge")) { "expired" }
        case .revoked: Element("span", .class("badge bad")) { "revoked" }
        }
        for warning in health.warnings {
            " "
            Element("span", .class("badge warn")) { warning }
        }
        if isWaiting {
            " "
            Element("span", .class("badge")) { "new secret not used yet" }
        }
    }
}

struct ScopeList: Component {
    let scopes: [Scope]
    /// Nil for all of them.
    var most: Int?

    var body: some HTML {
        if scopes == [.all] {
            "Full access"
        } else {
            for (place, scope) in scopes.prefix(most ?? .max).enumerated() {
                if place > 0 { " " }
                Element("code") { scope.description }
            }
            if let most, scopes.count > most { " and \(scopes.count - most) more" }
        }
    }
}

struct ProjectList: Component {
    /// Nil for all projects.
    let ids: [String]?
    /// By id; those that are not there are gone, or not to be seen any more.
    let names: [String: String]
    /// Nil for all of them.
    var most: Int?

    var body: some HTML {
        if let ids {
            ids.prefix(most ?? .max).map { names[$0] ?? "\($0) (no longer yours)" }.joined(separator: ", ")
            if let most, ids.count > most { " and \(ids.count - most) more" }
        } else {
            "All"
        }
    }
}

/// When, and where it is known, from where.
struct LastUse: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        if let time = token.lastUsedAt {
            Time(time, now: now)
            if let address = token.lastUsedFrom {
                " "
                Element("span", .class("address")) { "from \(address)" }
            }
        } else {
            "Never"
        }
    }
}

struct Expiry: Component {
    let token: TokenRecord
    let now: Int64

    var body: some HTML {
        if let end = token.expiresAt { Time(end, now: now) } else { "Never" }
    }
}
