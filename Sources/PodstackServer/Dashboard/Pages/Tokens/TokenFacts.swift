import PodstackAPI

/// Everything that is known of a token.
struct TokenFacts: Component {
    let token: TokenRecord
    let names: [String: String]
    let now: Int64

    var body: some HTML {
        Element("dl", .class("card facts")) {
            Fact("State") { TokenBadges(token, now: now) }
            Fact("Prefix") { Element("code") { TokenFormat.prefix(id: token.id) } }
            Fact("May do") { ScopeList(scopes: token.scopes) }
            Fact("Projects") { ProjectList(ids: token.projectIDs, names: names) }
            Fact("Created") { Time(token.createdAt) }
            if let revokedAt = token.revokedAt {
                Fact("Revoked") { Time(revokedAt, now: now) }
            } else {
                Fact(token.isExpired(at: now) ? "Expired" : "Expires") { Expiry(token: token, now: now) }
            }
            Fact("Last used") { LastUse(token: token, now: now) }
            if TokenHealth(token, now: now).state == .active {
                Fact("Rotate by") { Time(token.rotateBy, now: now) }
                if let rotatedAt = token.rotatedAt {
                    Fact("Secret") {
                        "no. \(token.generation), made "
                        Time(rotatedAt)
                    }
                }
                if let pending = token.pending, !pending.hasLapsed(at: now) {
                    Fact("New secret") {
                        "made "
                        Time(pending.generatedAt)
                        ", waits for its first use until "
                        Time(pending.lapsesAt)
                    }
                }
            }
        }
    }
}
