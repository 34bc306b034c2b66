import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Which events a request of the audit log asks for.
struct AuditFilter: Sendable {
    private var accountID: String
    private var projectID: String?
    /// The projects that the token is good for, nil for all.
    private var only: [String]?
    private var action: String?
    private var resourceType: String?
    private var user: String?
    private var since: Int64?
    private var until: Int64?
    private var text: String?

    static let parameters = ["action", "resource_type", "user", "since", "until", "q"]
    typealias Mistake = FieldReader.Mistake

    /// The log is the account's, or else that of the one project that the request names, whose member the caller is.
    init(_ exchange: Exchange) throws {
        let token = try exchange.caller().token
        var reader = QueryReader(exchange.request, known: Self.parameters + ["limit", "cursor"])
        self.init(
            &reader, of: token.grant, projectID: exchange.request.header("x-project-id"), since: Self.time,
            until: Self.time)
        try reader.finish()
    }

    /// What is wrong is left to the reader to tell.
    ///
    /// - Parameters:
    ///   - projectID: Whose log it is, in place of the account's. That the caller may see it is not checked here.
    ///   - since: Reads a time, as does `until`: the first second that is asked for, and the first that is not.
    init(
        _ reader: inout QueryReader, of caller: Grant, projectID: String?,
        since: (String) throws(Mistake) -> Int64, until: (String) throws(Mistake) -> Int64
    ) {
        accountID = caller.accountID
        only = caller.projectIDs
        self.projectID = projectID
        action = reader.take("action") { $0 }
        resourceType = reader.take("resource_type") { $0 }
        user = reader.take("user") { $0 }
        self.since = reader.take("since", since)
        self.until = reader.take("until", until)
        text = reader.take("q") { $0 }
    }

    /// Standard SQL, with what goes in the place of each `?`.
    var condition: (sql: String, arguments: [DatabaseValue]) {
        var parts: [(String, [DatabaseValue])] = []
        if let projectID {
            parts.append(("project_id = ?", [.text(projectID)]))
        } else {
            parts.append(("account_id = ?", [.text(accountID)]))
        }
        if let only {
            let places = only.map { _ in "?" }.joined(separator: ", ")
            parts.append(("project_id IN (\(places))", only.map(DatabaseValue.text)))
        }
        if let action { parts.append(("action = ?", [.text(action)])) }
        if let resourceType { parts.append(("resource_type = ?", [.text(resourceType)])) }
        if let user {
            parts.append(("(user_id = ? OR LOWER(user_email) = LOWER(?))", [.text(user), .text(user)]))
        }
        if let since { parts.append(("created_at >= ?", [.integer(since)])) }
        if let until { parts.append(("created_at < ?", [.integer(until)])) }
        if let text {
            let columns = ["action", "resource_id", "resource_name", "user_email", "address"]
            // Both sides by the database: which letters have another case is for it alone to say.
            let matches = columns.map { "LOWER(\($0)) LIKE LOWER(?) ESCAPE '\\'" }.joined(separator: " OR ")
            let pattern = DatabaseValue.text("%\(Self.literal(text))%")
            parts.append(("(\(matches))", columns.map { _ in pattern }))
        }
        return (parts.map(\.0).joined(separator: " AND "), parts.flatMap(\.1))
    }

    /// `text` as it stands: what LIKE would take for a pattern is no pattern.
    private static func literal(_ text: String) -> String {
        text.reduce(into: "") { $0 += "%_\\".contains($1) ? "\\\($1)" : "\($1)" }
    }

    private static func time(_ text: String) throws(Mistake) -> Int64 {
        guard let date = Timestamp.parse(text), abs(date.timeIntervalSince1970) < 1e12 else {
            throw Mistake("must be a time such as 2027-01-31T12:00:00Z")
        }
        return Int64(date.timeIntervalSince1970.rounded(.up))
    }
}
