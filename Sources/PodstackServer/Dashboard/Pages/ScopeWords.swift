import PodstackAPI

/// What a scope allows, for people.
enum ScopeWords {
    private static let verbs = ["create": "Create", "read": "See", "update": "Change", "delete": "Delete"]
    private static let things = [
        "projects": "projects", "members": "members of projects", "pods": "pods", "tokens": "API tokens",
        "audit-logs": "the audit log",
    ]

    static func of(_ scope: Scope) -> String {
        guard let resource = scope.resource else { return "Everything that you may do yourself" }
        let thing = things[resource] ?? resource
        guard let action = scope.action else { return "Everything with \(thing)" }
        return "\(verbs[action] ?? action) \(thing)"
    }
}
