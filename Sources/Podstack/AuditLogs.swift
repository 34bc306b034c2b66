public import PodstackAPI

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The audit log: the changes of the last 90 days, and the users and tokens behind them.
public struct AuditLogs: Sendable {
    let pipeline: Pipeline

    /// Returns the events that match all filters, newest first.
    ///
    /// - Parameters:
    ///   - action: The action, such as `token_created`; nil for all.
    ///   - resourceType: The kind of resource, such as `token`; nil for all.
    ///   - user: The ID or the email address of a user; nil for all.
    ///   - since: The earliest time, inclusive; nil for no limit.
    ///   - until: The latest time, exclusive; nil for no limit.
    ///   - text: A text that one of the event's fields contains; nil for all.
    /// - Returns: The events, which are loaded as they are needed.
    public func list(
        action: String? = nil, resourceType: String? = nil, user: String? = nil, since: Date? = nil,
        until: Date? = nil, containing text: String? = nil
    ) -> Paged<AuditEvent> {
        let filters = [
            ("action", action), ("resource_type", resourceType), ("user", user),
            ("since", since.map(Timestamp.format)), ("until", until.map(Timestamp.format)), ("q", text),
        ]
        return Paged(
            pipeline: pipeline, path: "/v1/audit-logs",
            query: filters.compactMap { name, value in value.map { (name: name, value: $0) } })
    }
}
