import PodstackAPI

/// The entries of a page with links to other pages.
struct AuditTable: Component {
    let query: AuditLogQuery
    let page: AuditLogPage

    var body: some HTML {
        DataTable(
            "Audit log entries, newest first",
            [
                Column("Time", style: "clock-column"), "User", Column("Action", style: "action-column"), "Resource",
                Column("Project", style: "project-column"), Column("Details", style: "details-column"),
            ], style: "log", id: "entries"
        ) {
            AuditRows(events: page.events, projectNames: page.projectNames)
        }
        if page.events.isEmpty || page.isSearchedInPart {
            Element("p", .class("card empty"), .id("no-entries")) { emptyText }
        }
        Element("div", .class("bar pager")) {
            if let number = page.newer {
                LinkButton("Newer entries", .quiet, to: link(("after", String(number))))
            }
            if let number = page.older {
                LinkButton("Older entries", .quiet, to: link(("before", String(number))))
            }
        }
    }

    private var emptyText: String {
        if page.isSearchedInPart {
            let direction = if case .after = query.position { "Newer" } else { "Older" }
            return "\(AuditFilter.maxSearched) entries were searched. \(direction) entries may match too: continue, "
                + "or filter by date, action or user."
        }
        return query.typed.isEmpty ? "There are no entries yet." : "No entries match these filters."
    }

    private func link(_ position: (name: String, value: String)) -> Link {
        Link("/audit-log", query: query.fields() + [position])
    }
}

/// The state of the live updates, or the link to the newest entries, and the link to the CSV file.
struct AuditListLinks: Component {
    let query: AuditLogQuery
    let page: AuditLogPage

    var body: some HTML {
        if query.position == .newest {
            Element("p", .id("live"), .class("hint"), .role("status"), .data("data-stream", stream.text)) {
                Element("noscript") { "Reload the page to see new entries." }
            }
        } else {
            Element("a", .class("standalone"), .href(Link("/audit-log", query: query.fields()))) {
                "Back to the newest entries"
            }
        }
        Element("p", .class("hint export")) {
            Element("a", .class("standalone"), .href(Link("/audit-log.csv", query: query.typed))) { "Export as CSV" }
            if page.exceedsExport {
                " (only the newest of these entries, at most \(AuditLogPages.exportLimit); "
                "filter by date to export the rest)"
            }
        }
    }

    private var stream: Link {
        Link("/audit-log/events", query: query.typed + [("after", String(page.newest))])
    }
}

// MARK: - Rows

/// The rows of a page, with a row before the entries of each day.
///
/// They are written one by one, because a list would copy each of them several times.
struct AuditRows: HTML {
    let events: [AuditRecord]
    let projectNames: [String: String]

    func write(to output: inout HTMLOutput) {
        var day: Int64?
        for event in events {
            let eventDay = event.createdAt / 86_400
            if day != eventDay { AuditDay(time: event.createdAt).write(to: &output) }
            day = eventDay
            AuditRow(event: event, projectNames: projectNames).write(to: &output)
        }
    }
}

/// The row before the entries of a day in UTC.
///
/// The script replaces these rows if it displays times in the viewer's zone.
private struct AuditDay: Component {
    let time: Int64

    var body: some HTML {
        FixedElement(
            "<tr role=\"row\" class=\"day\"><th role=\"rowheader\" colspan=\"6\" scope=\"rowgroup\">", "</th></tr>"
        ) {
            CivilDate.parts(of: time).date
        }
    }
}

/// An entry of the audit log as two rows, in the table and in the stream of new entries.
///
/// The second row has the details. The style sheet displays it while the `details` element in the first row is open, so
/// that the columns do not move. Browsers without `:has()` always display it.
struct AuditRow: Component {
    let event: AuditRecord
    /// The names of the viewer's projects, by ID.
    let projectNames: [String: String]

    var body: some HTML {
        FixedElement("<tr role=\"row\">", "</tr>") {
            FixedElement("<td role=\"cell\" data-label=\"Time\">", "</td>") { ClockTime(seconds: event.createdAt) }
            FixedElement("<td role=\"cell\" data-label=\"User\">", "</td>") { user }
            FixedElement("<td role=\"cell\" data-label=\"Action\">", "</td>") {
                AuditBadge(action: event.action, resource: event.resourceType)
            }
            FixedElement("<td role=\"cell\" data-label=\"Resource\">", "</td>") {
                if let name = event.resourceName { FixedElement("<span class=\"resource\">", "</span> ") { name } }
                if let resourceID { ShortID(id: resourceID) }
            }
            FixedElement("<td role=\"cell\" data-label=\"Project\">", "</td>") {
                if let id = event.projectID { AuditProject(id: id, name: projectNames[id]) }
            }
            FixedElement(
                "<td role=\"cell\" class=\"more\"><details><summary>Details",
                "<span class=\"visually-hidden\"> in the next row</span></summary></details></td>"
            ) {}
        }
        FixedElement("<tr role=\"row\" class=\"details\"><td role=\"cell\" colspan=\"6\"><dl>", "</dl></td></tr>") {
            for detail in AuditDetailsReader.read(event.details) { AuditDetail(detail: detail) }
            if let resourceID { AuditID(name: "Resource ID", id: resourceID) }
            if let id = event.projectID { AuditID(name: "Project ID", id: id) }
            if let id = event.tokenID { AuditID(name: "Token", id: "podstack_" + id) }
            AuditFact(name: "Address", value: event.address)
            AuditFact(name: "Client", value: event.userAgent)
            AuditID(name: "Entry ID", id: event.id)
        }
    }

    private var resourceID: String? {
        event.resourceType == "token" ? event.resourceID.map { "podstack_" + $0 } : event.resourceID
    }

    private var user: String {
        if let email = event.userEmail { return email }
        if event.address == nil { return "The operator" }
        return event.tokenID == nil ? "Not signed in" : "Unknown user"
    }
}

/// The time of day in UTC of an entry, whose date is in a row above it and in the title.
private struct ClockTime: Component {
    let seconds: Int64

    var body: some HTML {
        let (date, clock) = CivilDate.parts(of: seconds)
        FixedElement("<time class=\"clock\" datetime=\"", "</time>") {
            date
            "T"
            clock
            FixedElement("Z\" title=\"", "\">") {
                date
                " "
                clock
                " UTC"
            }
            clock
        }
    }
}

/// An ID of which the middle is left out if it is longer than a token's prefix, with the whole ID as its title.
struct ShortID: Component {
    let id: String

    var body: some HTML {
        FixedElement("<code title=\"", "</code>") {
            FixedElement("", "\">") { id }
            if id.utf8.count > 18 {
                // Three short texts, which take no memory of their own.
                String(id.prefix(8))
                "…"
                String(id.suffix(4))
            } else {
                id
            }
        }
    }
}

private struct AuditBadge: Component {
    let action: String
    let resource: String

    var body: some HTML {
        let text = AuditText.action(action, on: resource)
        Element("span", .class(text.badge)) { text.text }
    }
}

private struct AuditProject: Component {
    let id: String
    let name: String?

    var body: some HTML {
        if let name {
            Element("a", .href(Link("/projects", id))) { name }
        } else {
            ShortID(id: id)
        }
    }
}

private struct AuditDetail: Component {
    let detail: AuditDetailsReader.Detail

    var body: some HTML {
        FixedElement("<dt>", "</dt>") { AuditText.fieldName(detail.name) }
        FixedElement("<dd>", "</dd>") {
            if let old = detail.old {
                FixedElement("<del>", "</del>") { old }
                " → "
                FixedElement("<ins>", "</ins>") { detail.new }
            } else {
                detail.new
            }
        }
    }
}

private struct AuditFact: Component {
    let name: String
    let value: String?

    var body: some HTML {
        if let value {
            FixedElement("<dt>", "</dt>") { name }
            FixedElement("<dd>", "</dd>") { value }
        }
    }
}

/// A whole ID, to which the script adds a button that copies it.
private struct AuditID: Component {
    let name: String
    let id: String

    var body: some HTML {
        FixedElement("<dt>", "</dt>") { name }
        FixedElement("<dd><code>", "</code></dd>") { id }
    }
}

// MARK: - Stream

/// Encodes entries of the audit log as server-sent events that contain the rows of the table.
///
/// Source: HTML, section 9.2.6.
enum AuditStreamMessages {
    static func encode(_ events: [AuditRecord], _ projectNames: [String: String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for event in events {
            var output = HTMLOutput(capacity: 1 << 10)
            AuditRow(event: event, projectNames: projectNames).write(to: &output)
            bytes += Array("id: \(event.number)\n".utf8)
            // Both characters end a line in a server-sent event.
            let lines = output.bytes.split(omittingEmptySubsequences: false) {
                $0 == UInt8(ascii: "\n") || $0 == UInt8(ascii: "\r")
            }
            for line in lines { bytes += Array("data: ".utf8) + line + [UInt8(ascii: "\n")] }
            bytes.append(UInt8(ascii: "\n"))
        }
        return bytes
    }
}

// MARK: - Words

/// Words for the actions and resources of the audit log.
enum AuditText {
    static let resourceTypes = [
        ("token", "Token"), ("project", "Project"), ("member", "Member"), ("user", "User"), ("device", "Device"),
        ("pod", "Pod"), ("volume", "Volume"), ("wallet", "Balance"),
    ]

    /// The actions by name, created once because a page can have a thousand entries.
    private static let actions = Dictionary(uniqueKeysWithValues: AuditAction.allCases.map { ($0.rawValue, $0) })
    private static let names = Dictionary(uniqueKeysWithValues: resourceTypes)

    /// Returns a text such as `Project created`, with the CSS classes for the importance of the event.
    static func action(_ action: String, on resource: String) -> (text: String, badge: String) {
        guard let known = actions[action] else { return (action, "badge") }
        let text =
            switch known {
            case .create: (names[resource] ?? resource) + " created"
            case .update: (names[resource] ?? resource) + " changed"
            case .delete: (names[resource] ?? resource) + " deleted"
            default: self.action(known)
            }
        return (text, badge(known))
    }

    /// Returns a text such as `Token created`.
    static func action(_ action: AuditAction) -> String {
        switch action {
        case .create: "Created"
        case .update: "Changed"
        case .delete: "Deleted"
        case .userCreated: "User created"
        case .userDisabled: "User disabled"
        case .userEnabled: "User enabled"
        case .userRemoved: "User removed"
        case .operatorAdded: "Operator added"
        case .operatorRemoved: "Operator removed"
        case .signInLinkCreated: "Sign-in link created"
        case .tokenCreated: "Token created"
        case .tokenUpdated: "Token changed"
        case .tokenRotated: "Token rotated"
        case .tokenRevoked: "Token revoked"
        case .memberAdded: "Member added"
        case .memberInvited: "Member invited"
        case .invitationAccepted: "Invitation accepted"
        case .invitationDeclined: "Invitation declined"
        case .memberLeft: "Member left"
        case .memberRemoved: "Member removed"
        case .memberActivated: "Member activated"
        case .memberDeactivated: "Member deactivated"
        case .permissionsChanged: "Permissions changed"
        case .login: "Signed in"
        case .logout: "Signed out"
        case .loginFailed: "Sign-in failed"
        case .passwordChosen: "Password set"
        case .passwordChanged: "Password changed"
        case .sessionRevoked: "Session ended"
        case .deviceApproved: "Device approved"
        case .deviceDenied: "Device denied"
        case .rotatedTokenUsed: "Old secret used"
        case .start: "Started"
        case .stop: "Stopped"
        case .restart: "Restarted"
        case .limitReached: "Limit reached"
        case .budgetReached: "Budget reached"
        case .podOrphaned: "Unknown pod removed"
        case .walletCredited: "Balance changed"
        }
    }

    private static func badge(_ action: AuditAction) -> String {
        switch action {
        case .loginFailed, .rotatedTokenUsed, .podOrphaned: "badge bad"
        case .delete, .userDisabled, .userRemoved, .operatorAdded, .operatorRemoved, .tokenRevoked, .memberRemoved,
            .memberLeft, .memberDeactivated,
            .deviceDenied, .limitReached, .budgetReached:
            "badge warn"
        case .create, .userCreated, .userEnabled, .tokenCreated, .memberAdded, .invitationAccepted, .memberActivated,
            .deviceApproved:
            "badge good"
        default: "badge"
        }
    }

    /// Returns a text such as `Expires at` for `expires_at`.
    static func fieldName(_ key: String) -> String {
        // The address of the program that requested access; the entry has the address of the viewer.
        if key == "address" { return "Requested from" }
        return spaced(key)
    }

    private static func spaced(_ key: String) -> String {
        String(
            unsafeUninitializedCapacity: key.utf8.count,
            initializingUTF8With: { bytes in
                var count = 0
                for byte in key.utf8 {
                    let isFirstOfWord = count == 0 && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    bytes[count] =
                        isFirstOfWord ? byte & ~0x20 : byte == UInt8(ascii: "_") ? UInt8(ascii: " ") : byte
                    count += 1
                }
                return count
            })
    }
}
