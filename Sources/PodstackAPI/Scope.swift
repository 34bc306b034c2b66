/// A permission of a token: `resource:action`, `resource:*` or `*`.
public struct Scope: Hashable, Sendable, LosslessStringConvertible {
    public static let resources = ["projects", "members", "pods", "tokens", "audit-logs"]
    public static let actions = ["create", "read", "update", "delete"]

    /// Everything.
    public static let all = Scope(resource: nil, action: nil)
    public static let tokensRead = Scope(resource: "tokens", action: "read")
    public static let tokensCreate = Scope(resource: "tokens", action: "create")
    public static let tokensUpdate = Scope(resource: "tokens", action: "update")
    public static let tokensDelete = Scope(resource: "tokens", action: "delete")
    public static let projectsRead = Scope(resource: "projects", action: "read")
    public static let projectsCreate = Scope(resource: "projects", action: "create")
    public static let projectsUpdate = Scope(resource: "projects", action: "update")
    public static let projectsDelete = Scope(resource: "projects", action: "delete")
    public static let membersRead = Scope(resource: "members", action: "read")
    public static let membersCreate = Scope(resource: "members", action: "create")
    public static let membersUpdate = Scope(resource: "members", action: "update")
    public static let membersDelete = Scope(resource: "members", action: "delete")
    public static let auditLogsRead = Scope(resource: "audit-logs", action: "read")

    /// Nil stands for every resource.
    public let resource: String?
    /// Nil stands for every action.
    public let action: String?

    private init(resource: String?, action: String?) {
        self.resource = resource
        self.action = action
    }

    /// Nil when `description` is not a scope that the API knows.
    public init?(_ description: String) {
        if description == "*" {
            self = .all
            return
        }
        let parts = description.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, Self.resources.contains(parts[0]) else { return nil }
        guard parts[1] == "*" || Self.actions.contains(parts[1]) else { return nil }
        self.init(resource: parts[0], action: parts[1] == "*" ? nil : parts[1])
    }

    public var description: String {
        guard let resource else { return "*" }
        return resource + ":" + (action ?? "*")
    }

    /// Whether who holds this scope may do everything that `other` allows.
    public func covers(_ other: Scope) -> Bool {
        (resource == nil || resource == other.resource) && (action == nil || action == other.action)
    }
}

extension Sequence<Scope> {
    /// Whether one of these scopes covers `wanted`.
    public func allows(_ wanted: Scope) -> Bool { contains { $0.covers(wanted) } }
}
