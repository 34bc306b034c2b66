import PodstackAPI

/// Some of the scopes that name one resource and one action, in 64 bits.
struct ScopeSet: OptionSet, Sendable {
    /// Databases hold the places of these: another resource goes to the end, and none ever leaves.
    private static let resources = ["projects", "members", "pods", "tokens", "audit-logs"]
    private static let actions = ["create", "read", "update", "delete"]

    var rawValue: Int64
    init(rawValue: Int64) { self.rawValue = rawValue }

    /// All that `scope` covers.
    init(_ scope: Scope) {
        rawValue = 0
        for (place, resource) in Self.resources.enumerated() where scope.resource.map({ $0 == resource }) ?? true {
            for (offset, action) in Self.actions.enumerated() where scope.action.map({ $0 == action }) ?? true {
                rawValue |= 1 << Int64(place * Self.actions.count + offset)
            }
        }
    }

    /// Each of them.
    var scopes: [Scope] {
        Self.resources.enumerated().flatMap { place, resource in
            Self.actions.enumerated().compactMap { offset, action in
                rawValue & 1 << Int64(place * Self.actions.count + offset) != 0
                    ? Scope("\(resource):\(action)") : nil
            }
        }
    }
}
