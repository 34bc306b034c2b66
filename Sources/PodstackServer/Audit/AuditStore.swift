/// The conditions that the events of a list meet.
///
/// A condition that is nil matches every event.
struct AuditFilter: Sendable, Equatable {
    /// The account whose log is read, unless ``projectID`` is set.
    var accountID: String
    /// The project whose log is read in place of the account's.
    ///
    /// The caller checks that the project may be read.
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
}

extension AuditFilter {
    /// Creates a filter for a log within a caller's grant, without further conditions.
    init(_ grant: Grant, projectID: String?) {
        self.init(accountID: grant.accountID, projectID: projectID, allowedProjectIDs: grant.projectIDs)
    }

    /// The largest number of events that one request searches, because it may find none in them.
    ///
    /// Two workers search for all accounts. One is busy for about half a second then.
    static let maxSearched = 200_000

    /// The events among which the database searches for those that match, as it has no index of them; nil if it has one.
    ///
    /// Conditions of time remain: a search begins with the first event that meets them.
    var searched: AuditFilter? {
        var searched = AuditFilter(accountID: accountID, projectID: projectID)
        (searched.since, searched.until) = (since, until)
        if projectID == nil {
            // One index serves a query.
            if user == nil { searched.action = action } else { searched.user = user }
        }
        return searched == self ? nil : searched
    }
}

/// The events on one side of a number, in their order from there: a log, or the rest of one.
enum AuditRange: Sendable {
    case before(Int64)
    case after(Int64)

    static let all = AuditRange.before(.max)

    /// Returns the range that follows an event of this one.
    func following(_ number: Int64) -> AuditRange {
        switch self {
        case .before: .before(number)
        case .after: .after(number)
        }
    }
}

/// The events of a page of a log, in the order of its range.
struct AuditPage: Sendable {
    var events: [AuditRecord] = []
    /// The event after which the next page begins; nil if no event follows.
    ///
    /// If the page ends because enough events were searched, this is the last of them, whether it matches or not.
    var end: AuditEventPosition?
}

/// The position of an event in its log.
struct AuditEventPosition: Sendable, Equatable {
    var number: Int64
    var id: String
}

/// The audit log in the database.
enum AuditStore {
    /// An event with the hashes that are stored beside it.
    struct Row: Sendable {
        var event: AuditRecord
        var previousHash: AuditChain.Hash
        var hash: AuditChain.Hash
    }

    private static let columns: SQL = """
        account_id, number, id, created_at, action, resource_type, resource_id, resource_name, project_id, user_id, \
        user_email, token_id, address, user_agent, details, previous_hash, hash
        """

    // MARK: - Events

    static func insert(_ row: Row, in connection: any DatabaseConnection) throws {
        let event = row.event
        try connection.execute(
            """
            INSERT INTO audit_events (\(columns))
            VALUES (\(event.accountID), \(event.number), \(event.id), \(event.createdAt), \(event.action),
                \(event.resourceType), \(event.resourceID), \(event.resourceName), \(event.projectID),
                \(event.userID), \(event.userEmail), \(event.tokenID), \(event.address), \(event.userAgent),
                \(event.details), \(row.previousHash), \(row.hash))
            """)
    }

    /// Returns the first events of a range that match a filter, through the event with a number if one is given.
    static func list(
        _ filter: AuditFilter, limit: Int, _ range: AuditRange = .all, through end: Int64? = nil,
        in connection: any DatabaseConnection
    ) throws -> [AuditRecord] {
        try connection.query(
            """
            SELECT \(columns) FROM audit_events WHERE \(condition(filter, range, end)) \(order(range))
            LIMIT \(Int64(limit))
            """
        ).map { try row($0).event }
    }

    /// Returns a page of the events of a range that match a filter.
    ///
    /// It has no more events after they have `maxBytes` bytes together, and none from beyond the first
    /// ``AuditFilter/maxSearched`` events that have to be searched.
    static func page(
        _ filter: AuditFilter, limit: Int, _ range: AuditRange, maxBytes: Int, in connection: any DatabaseConnection
    ) throws -> AuditPage {
        let search = try end(ofSearch: filter, range, in: connection)
        // Read in parts, so that no more events are read than a page of large ones holds.
        let partCount = 50
        var (page, bytes, rest) = (AuditPage(), 0, range)
        while true {
            let wanted = min(partCount, limit + 1 - page.events.count)
            let found = try list(filter, limit: wanted, rest, through: search?.number, in: connection)
            for event in found {
                if page.events.count == limit || bytes >= maxBytes {
                    page.end = page.events.last.map { AuditEventPosition(number: $0.number, id: $0.id) }
                    return page
                }
                page.events.append(event)
                bytes += event.size
                rest = rest.following(event.number)
            }
            if found.count < wanted {
                page.end = search
                return page
            }
        }
    }

    /// Returns the last event of a page with the first events of a range that match a filter; nil if none follows it.
    ///
    /// Like a page, it ends after ``AuditFilter/maxSearched`` events that have to be searched.
    static func end(
        ofPage limit: Int, _ filter: AuditFilter, _ range: AuditRange = .all, in connection: any DatabaseConnection
    ) throws -> AuditEventPosition? {
        let search = try end(ofSearch: filter, range, in: connection)
        return try end(of: limit, filter, range, through: search?.number, in: connection) ?? search
    }

    /// Returns the last event that one request may search; nil if it may search the whole range.
    private static func end(
        ofSearch filter: AuditFilter, _ range: AuditRange, in connection: any DatabaseConnection
    ) throws -> AuditEventPosition? {
        guard let searched = filter.searched else { return nil }
        return try end(of: AuditFilter.maxSearched, searched, range, through: nil, in: connection)
    }

    /// Returns the last of a number of events that match a filter; nil if none follows it.
    private static func end(
        of count: Int, _ filter: AuditFilter, _ range: AuditRange, through end: Int64?,
        in connection: any DatabaseConnection
    ) throws -> AuditEventPosition? {
        let rows = try connection.query(
            """
            SELECT number, id FROM audit_events WHERE \(condition(filter, range, end)) \(order(range))
            LIMIT 2 OFFSET \(Int64(count - 1))
            """)
        guard rows.count == 2 else { return nil }
        return AuditEventPosition(number: try rows[0].integer("number"), id: try rows[0].text("id"))
    }

    private static func condition(_ filter: AuditFilter, _ range: AuditRange, _ end: Int64?) -> SQL {
        var parts = [condition(filter)]
        switch range {
        case .before(let number):
            parts.append("number < \(number)")
            if let end { parts.append("number >= \(end)") }
        case .after(let number):
            parts.append("number > \(number)")
            if let end { parts.append("number <= \(end)") }
        }
        return SQL.joined(parts, by: " AND ")
    }

    private static func order(_ range: AuditRange) -> SQL {
        switch range {
        case .before: "ORDER BY number DESC"
        case .after: "ORDER BY number"
        }
    }

    /// Returns the rows of an account in the order of its chain.
    static func rows(
        of accountID: String, after number: Int64, limit: Int, in connection: any DatabaseConnection
    ) throws -> [Row] {
        try connection.query(
            """
            SELECT \(columns) FROM audit_events WHERE account_id = \(accountID) AND number > \(number)
            ORDER BY number LIMIT \(Int64(limit))
            """
        ).map(row)
    }

    /// Returns how many events of an account have a number up to a given one.
    static func count(of accountID: String, until number: Int64, in connection: any DatabaseConnection) throws -> Int64
    {
        try connection.query(
            "SELECT COUNT(*) AS events FROM audit_events WHERE account_id = \(accountID) AND number <= \(number)"
        ).first?.integer("events") ?? 0
    }

    /// Returns the newest rows of all accounts between two times, both exclusive.
    static func newestRows(
        after start: Int64, before end: Int64, limit: Int, in connection: any DatabaseConnection
    ) throws -> [Row] {
        try connection.query(
            """
            SELECT \(columns) FROM audit_events WHERE created_at > \(start) AND created_at < \(end)
            ORDER BY created_at DESC LIMIT \(Int64(limit))
            """
        ).map(row)
    }

    static func remove(of accountID: String, through number: Int64, in connection: any DatabaseConnection) throws {
        try connection.execute("DELETE FROM audit_events WHERE account_id = \(accountID) AND number <= \(number)")
    }

    private static func row(_ row: DatabaseRow) throws -> Row {
        Row(
            event: AuditRecord(
                accountID: try row.text("account_id"), number: try row.integer("number"), id: try row.text("id"),
                createdAt: try row.integer("created_at"), action: try row.text("action"),
                resourceType: try row.text("resource_type"), resourceID: try row.optionalText("resource_id"),
                resourceName: try row.optionalText("resource_name"), projectID: try row.optionalText("project_id"),
                userID: try row.optionalText("user_id"), userEmail: try row.optionalText("user_email"),
                tokenID: try row.optionalText("token_id"), address: try row.optionalText("address"),
                userAgent: try row.optionalText("user_agent"), details: try row.text("details")),
            previousHash: try row.blob("previous_hash"), hash: try row.blob("hash"))
    }

    // MARK: - Filters

    private static func condition(_ filter: AuditFilter) -> SQL {
        var parts: [SQL] = []
        if let projectID = filter.projectID {
            parts.append("project_id = \(projectID)")
        } else {
            parts.append("account_id = \(filter.accountID)")
        }
        if let ids = filter.allowedProjectIDs { parts.append("project_id IN (\(list: ids))") }
        if let action = filter.action { parts.append("action = \(action)") }
        if let type = filter.resourceType { parts.append("resource_type = \(type)") }
        // One column each, so that an index has the events: an ID has no @, and an address always has one.
        if let user = filter.user {
            parts.append(user.contains("@") ? "LOWER(user_email) = LOWER(\(user))" : "user_id = \(user)")
        }
        if let since = filter.since { parts.append("created_at >= \(since)") }
        if let until = filter.until { parts.append("created_at < \(until)") }
        if let text = filter.text {
            let columns: [SQL] = ["action", "resource_id", "resource_name", "user_email", "address"]
            let pattern = "%\(escaped(text))%"
            // The database lowercases both sides, because it alone defines which letters have another case.
            let matches = columns.map { column -> SQL in "LOWER(\(column)) LIKE LOWER(\(pattern)) ESCAPE '\\'" }
            parts.append("(\(SQL.joined(matches, by: " OR ")))")
        }
        return SQL.joined(parts, by: " AND ")
    }

    /// Escapes the characters that have a meaning in a LIKE pattern.
    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { $0 += "%_\\".contains($1) ? "\\\($1)" : "\($1)" }
    }

    // MARK: - Accounts and their chains

    /// Returns the accounts that have events, or had some.
    static func accountIDs(in connection: any DatabaseConnection) throws -> [String] {
        try connection.query(
            "SELECT account_id FROM audit_events UNION SELECT account_id FROM audit_chains ORDER BY account_id"
        ).map { try $0.text("account_id") }
    }

    /// Returns the accounts that have neither events nor a chain.
    ///
    /// The creation of an account is its first event, and its chain stays when that is removed because of its age.
    static func accountIDsWithoutLog(in connection: any DatabaseConnection) throws -> [String] {
        try connection.query(
            """
            SELECT id FROM accounts a WHERE NOT EXISTS (SELECT 1 FROM audit_chains c WHERE c.account_id = a.id)
                AND NOT EXISTS (SELECT 1 FROM audit_events e WHERE e.account_id = a.id)
            ORDER BY id
            """
        ).map { try $0.text("id") }
    }

    /// Returns the number of all events that were ever written, those that were removed because of their age included.
    static func countEver(in connection: any DatabaseConnection) throws -> Int64 {
        let rows = try connection.query(
            "SELECT CAST(COALESCE(SUM(last_number), 0) AS BIGINT) AS events FROM audit_chains")
        return try rows.first?.integer("events") ?? 0
    }

    /// Returns some of the accounts whose events are chained.
    static func accountIDs(limit: Int, in connection: any DatabaseConnection) throws -> [String] {
        try connection.query("SELECT account_id FROM audit_chains ORDER BY account_id LIMIT \(Int64(limit))")
            .map { try $0.text("account_id") }
    }

    /// Returns accounts that have events from before a time: those of the oldest events, up to a number of events.
    static func accountIDs(
        withEventsUntil time: Int64, limit: Int, in connection: any DatabaseConnection
    ) throws -> [String] {
        try connection.query(
            """
            SELECT DISTINCT account_id FROM (
                SELECT account_id FROM audit_events WHERE created_at <= \(time) ORDER BY created_at LIMIT \(Int64(limit))
            ) AS oldest
            """
        ).map { try $0.text("account_id") }
    }

    /// Returns the number of the newest event of each account that has one.
    static func newest(of accountIDs: [String], in connection: any DatabaseConnection) throws -> [String: Int64] {
        let rows = try connection.query(
            "SELECT account_id, last_number FROM audit_chains WHERE account_id IN (\(list: accountIDs))")
        return Dictionary(try rows.map { (try $0.text("account_id"), try $0.integer("last_number")) }) { first, _ in
            first
        }
    }

    static func ends(
        of accountID: String, in connection: any DatabaseConnection
    ) throws -> (ends: AuditChain.Ends, seal: AuditChain.Hash)? {
        try connection.query(
            """
            SELECT first_number, first_hash, last_number, last_hash, seal FROM audit_chains
            WHERE account_id = \(accountID)
            """
        ).first.map { row in
            let ends = AuditChain.Ends(
                accountID: accountID, first: try row.integer("first_number"), firstHash: try row.blob("first_hash"),
                last: try row.integer("last_number"), lastHash: try row.blob("last_hash"))
            return (ends, try row.blob("seal"))
        }
    }

    static func setEnds(
        _ ends: AuditChain.Ends, seal: AuditChain.Hash, in connection: any DatabaseConnection
    ) throws {
        let updated = try connection.execute(
            """
            UPDATE audit_chains SET first_number = \(ends.first), first_hash = \(ends.firstHash),
                last_number = \(ends.last), last_hash = \(ends.lastHash), seal = \(seal)
            WHERE account_id = \(ends.accountID)
            """)
        guard updated == 0 else { return }
        try connection.execute(
            """
            INSERT INTO audit_chains (account_id, first_number, first_hash, last_number, last_hash, seal)
            VALUES (\(ends.accountID), \(ends.first), \(ends.firstHash), \(ends.last), \(ends.lastHash), \(seal))
            """)
    }
}
