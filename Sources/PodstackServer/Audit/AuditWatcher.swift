/// Somebody who watches the audit log.
struct AuditWatcher: Sendable {
    var sessionID: String
    /// Whose log it is.
    var accountID: String
    var filter: AuditFilter
    /// The number of the last event that is known already.
    var after: Int64
    /// Whether it is still allowed.
    var mayWatch: @Sendable (any DatabaseConnection) throws -> Bool
    /// Events as they are sent, oldest first.
    var messages: @Sendable ([AuditRecord], any DatabaseConnection) throws -> [UInt8]
}
