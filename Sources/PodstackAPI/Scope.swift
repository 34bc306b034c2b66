/// A permission of a token: `resource:action`, `resource:*` or `*`.
///
/// ```swift
/// let scopes: [Scope] = [.tokensRead, .pods(.create), "projects:read"]
/// ```
public struct Scope: APIName, LosslessStringConvertible {
    /// The resources that a scope can name.
    public static let resources = ["projects", "members", "pods", "tokens", "audit-logs", "volumes", "billing"]
    /// The actions that a scope can name.
    public static let actions = ["create", "read", "update", "delete"]

    /// `*`: every action on every resource.
    public static let all = Scope(rawValue: "*")
    /// `tokens:read`.
    public static let tokensRead = Scope(rawValue: "tokens:read")
    /// `tokens:create`.
    public static let tokensCreate = Scope(rawValue: "tokens:create")
    /// `tokens:update`.
    public static let tokensUpdate = Scope(rawValue: "tokens:update")
    /// `tokens:delete`.
    public static let tokensDelete = Scope(rawValue: "tokens:delete")
    /// `projects:read`.
    public static let projectsRead = Scope(rawValue: "projects:read")
    /// `projects:create`.
    public static let projectsCreate = Scope(rawValue: "projects:create")
    /// `projects:update`.
    public static let projectsUpdate = Scope(rawValue: "projects:update")
    /// `projects:delete`.
    public static let projectsDelete = Scope(rawValue: "projects:delete")
    /// `members:read`.
    public static let membersRead = Scope(rawValue: "members:read")
    /// `members:create`.
    public static let membersCreate = Scope(rawValue: "members:create")
    /// `members:update`.
    public static let membersUpdate = Scope(rawValue: "members:update")
    /// `members:delete`.
    public static let membersDelete = Scope(rawValue: "members:delete")
    /// `pods:read`.
    public static let podsRead = Scope(rawValue: "pods:read")
    /// `pods:create`.
    public static let podsCreate = Scope(rawValue: "pods:create")
    /// `pods:update`.
    public static let podsUpdate = Scope(rawValue: "pods:update")
    /// `pods:delete`.
    public static let podsDelete = Scope(rawValue: "pods:delete")
    /// `audit-logs:read`.
    public static let auditLogsRead = Scope(rawValue: "audit-logs:read")

    /// `volumes:read`.
    public static let volumesRead = Scope(rawValue: "volumes:read")
    /// `volumes:create`.
    public static let volumesCreate = Scope(rawValue: "volumes:create")
    /// `volumes:delete`.
    public static let volumesDelete = Scope(rawValue: "volumes:delete")
    /// `billing:read`.
    public static let billingRead = Scope(rawValue: "billing:read")

    // MARK: Scopes of a resource

    /// An action on a resource.
    public struct Action: APIName {
        /// The name of the action, or `*`.
        public let rawValue: String

        /// Creates an action, known or unknown.
        ///
        /// - Parameter rawValue: The name of the action.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// `create`.
        public static let create = Action(rawValue: "create")
        /// `read`.
        public static let read = Action(rawValue: "read")
        /// `update`.
        public static let update = Action(rawValue: "update")
        /// `delete`.
        public static let delete = Action(rawValue: "delete")
        /// `*`: every action.
        public static let all = Action(rawValue: "*")
    }

    /// Returns the scope of an action on projects.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `projects:read`.
    public static func projects(_ action: Action) -> Scope { Scope(resource: "projects", action: action.rawValue) }

    /// Returns the scope of an action on members.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `members:read`.
    public static func members(_ action: Action) -> Scope { Scope(resource: "members", action: action.rawValue) }

    /// Returns the scope of an action on pods.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `pods:read`.
    public static func pods(_ action: Action) -> Scope { Scope(resource: "pods", action: action.rawValue) }

    /// Returns the scope of an action on tokens.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `tokens:read`.
    public static func tokens(_ action: Action) -> Scope { Scope(resource: "tokens", action: action.rawValue) }

    /// Returns the scope of an action on the audit log.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `audit-logs:read`.
    public static func auditLogs(_ action: Action) -> Scope { Scope(resource: "audit-logs", action: action.rawValue) }

    /// Returns the scope of an action on volumes.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `volumes:read`.
    public static func volumes(_ action: Action) -> Scope { Scope(resource: "volumes", action: action.rawValue) }

    /// Returns the scope of an action on the wallet and the usage.
    ///
    /// - Parameter action: The action.
    /// - Returns: The scope, such as `billing:read`.
    public static func billing(_ action: Action) -> Scope { Scope(resource: "billing", action: action.rawValue) }

    // MARK: Text

    /// The scope as the API writes it, such as `projects:create`.
    public let rawValue: String

    /// Creates a scope, known or unknown.
    ///
    /// The service rejects an unknown one with a ``ValidationError``. To check a text, use ``init(_:)``.
    ///
    /// - Parameter rawValue: The scope, such as `projects:create`.
    public init(rawValue: String) { self.rawValue = rawValue }

    private init(resource: String, action: String) { rawValue = "\(resource):\(action)" }

    /// Parses a scope; nil if the API has no such scope.
    ///
    /// - Parameter description: The scope, such as `projects:create`.
    public init?(_ description: String) {
        self.init(rawValue: description)
        guard description != "*" else { return }
        let parts = description.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, Self.resources.contains(parts[0]) else { return nil }
        guard parts[1] == "*" || Self.actions.contains(parts[1]) else { return nil }
    }

    /// The resource; nil for all.
    public var resource: String? {
        rawValue == "*"
            ? nil : rawValue.utf8.firstIndex(of: UInt8(ascii: ":")).map { String(rawValue[..<$0]) } ?? rawValue
    }

    /// The action; nil for all.
    public var action: String? {
        guard let colon = rawValue.utf8.firstIndex(of: UInt8(ascii: ":")) else { return rawValue == "*" ? nil : "" }
        let action = rawValue[rawValue.utf8.index(after: colon)...]
        return action == "*" ? nil : String(action)
    }

    /// Returns whether this scope allows everything that another one allows.
    ///
    /// - Parameter other: The other scope.
    /// - Returns: Whether this scope includes the other one.
    public func covers(_ other: Scope) -> Bool {
        // Compares bytes, because every request compares scopes.
        let (own, wanted) = (rawValue.utf8, other.rawValue.utf8)
        if own.elementsEqual("*".utf8) || own.elementsEqual(wanted) { return true }
        guard own.suffix(2).elementsEqual(":*".utf8) else { return false }
        return wanted.starts(with: own.dropLast())
    }
}

extension Sequence<Scope> {
    /// Returns whether one of these scopes covers another one.
    ///
    /// - Parameter wanted: The scope that an action requires.
    /// - Returns: Whether the action is allowed.
    public func allows(_ wanted: Scope) -> Bool { contains { $0.covers(wanted) } }
}
