import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An event as the service keeps it, but for its hashes.
struct AuditRecord: Sendable, Equatable {
    var accountID: String
    /// Counts the events of the account, from 1.
    var number: Int64
    var id: String
    /// Seconds since 1970.
    var createdAt: Int64
    var action: String
    var resourceType: String
    var resourceID: String?
    var resourceName: String?
    var projectID: String?
    var userID: String?
    var userEmail: String?
    var tokenID: String?
    var address: String?
    var userAgent: String?
    /// JSON, as it was hashed.
    var details: String

    var shown: AuditEvent {
        let details = try? APICoding.decode([String: JSONValue].self, from: Array(details.utf8))
        return AuditEvent(
            id: id, createdAt: Date(createdAt), action: action, resourceType: resourceType, resourceID: resourceID,
            resourceName: resourceName, projectID: projectID, userID: userID, userEmail: userEmail, tokenID: tokenID,
            ipAddress: address, userAgent: userAgent, details: details ?? [:])
    }
}
