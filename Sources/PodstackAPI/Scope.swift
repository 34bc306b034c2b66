/// A permission of a token: `resource:action`, `resource:*` or `*`.
public struct Scope: Hashable, Sendable, LosslessStringConvertible {
    /// The resources that a scope can name.
    public static let resources = ["projects", "members", "pods", "tokens", "audit-logs"]
    /// The actions that a scope can name.
    public static let actions = ["create", "read", "update", "delete"]

    /// `*`: every action on every resource.
    public static let all = Scope(resource: nil, action: nil)
    /// `tokens:read`.
    public static let tokensRead = Scope(resource: "tokens", action: "read")
    /// `tokens:create`.
    public static let tokensCreate = Scope(resource: "tokens", action: "create")
    /// `tokens:update`.
    public static let tokensUpdate = Scope(resource: "tokens", action: "update")
    /// `tokens:delete`.
    public static let tokensDelete = Scope(resource: "tokens", action: "delete")
    /// `projects:read`.
    public static let projectsRead = Scope(resource: "projects", action: "read")
    /// `projects:create`.
    public static let projectsCreate = Scope(resource: "projects", action: "create")
    /// `projects:update`.
    public static let projectsUpdate = Scope(resource: "projects", action: "update")
    /// `projects:delete`.
    public static let projectsDelete = Scope(resource: "projects", action: "delete")
    /// `members:read`.
    public static let membersRead = Scope(resource: "members", action: "read")
    /// `members:create`.
    public static let membersCreate = Scope(resource: "members", action: "create")
    /// `members:update`.
    public static let membersUpdate = Scope(resource: "members", action: "update")
    /// `members:delete`.
    public static let membersDelete = Scope(resource: "members", action: "delete")
    /// `audit-logs:read`.
    public static let auditLogsRead = Scope(resource: "audit-logs", action: "read")

    /// The resource; nil for all.
    public let resource: String?
    /// The action; nil for all.
    public let action: String?

    private init(resource: String?, action: String?) {
        self.resource = resource
        self.action = action
    }

    /// Parses a scope; nil if the API has no such scope.
    ///
    /// - Parameter description: The scope, such as `projects:create`.
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

    /// The scope as the API writes it, such as `projects:create`.
    public var description: String {
        guard let resource else { return "*" }
        return resource + ":" + (action ?? "*")
    }

    /// Returns whether this scope allows everything that another one allows.
    ///
    /// - Parameter other: The other scope.
    /// - Returns: Whether this scope includes the other one.
    public func covers(_ other: Scope) -> Bool {
        (resource == nil || resource == other.resource) && (action == nil || action == other.action)
    }
}

extension Sequence<Scope> {
    /// Returns whether one of these scopes covers another one.
    ///
    /// - Parameter wanted: The scope that an action requires.
    /// - Returns: Whether the action is allowed.
    public func allows(_ wanted: Scope) -> Bool { contains { $0.covers(wanted) } }
}
