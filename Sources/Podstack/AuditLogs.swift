import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Who did what, and when: 90 days of it.
public struct AuditLogs: Sendable {
    let pipeline: Pipeline

    /// Newest first; of each filter that is not nil only what fits.
    ///
    /// - Parameters:
    ///   - action: As `token_created`.
    ///   - resourceType: As `token`.
    ///   - user: The id or the address of who did it.
    ///   - since: From this time on.
    ///   - until: Before this time.
    ///   - text: What some field of it contains.
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
