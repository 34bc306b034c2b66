/// The conditions that the events of a list meet. A condition that is nil matches every event.
struct AuditFilter: Sendable, Equatable {
    /// The account whose log is read, unless ``projectID`` is set.
    var accountID: String
    /// The project whose log is read in place of the account's. The caller checks that the project may be read.
    var projectID: String?
    /// The only projects whose events are returned: those of a token that is restricted to some projects.
    var allowedProjectIDs: [String]?
    var action: String?
    var resourceType: String?
    /// A user's ID or email address.
    var user: String?
    /// The first second of the events, in seconds since 1970.
    var since: Int64?
    /// The first second after the events.
    var until: Int64?
    /// Text that the action, the resource, the user's email address or the client address contains, in any case.
    var text: String?

    /// Creates a filter for a log within a caller's grant, without further conditions.
    init(_ grant: Grant, projectID: String?) {
        accountID = grant.accountID
        allowedProjectIDs = grant.projectIDs
        self.projectID = projectID
    }
}
