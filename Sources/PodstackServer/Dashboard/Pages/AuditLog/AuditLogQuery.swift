import PodstackAPI

/// The query of the audit log's page: the filter and the position in the list.
struct AuditLogQuery: Sendable {
    /// A position in the list of entries, by their numbers.
    enum Position: Sendable, Equatable {
        /// The newest entries. New ones are added while the page is open.
        case newest
        case before(Int64)
        case after(Int64)
    }

    static let defaultLimit = 30
    static let maximumLimit = 1000

    /// The fields that are filled in, as they were typed.
    let typed: [(name: String, value: String)]
    /// The problems of the fields; nil if there are none.
    let errors: FieldErrors?
    let filter: AuditFilter
    let position: Position
    let limit: Int
    /// The project whose log is displayed, or nil for the log of the viewer's account.
    let projectID: String?

    /// Reads the query of a request.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - grant: Returns the viewer's grant, or throws if the viewer may not read the log of the project. Without a
    ///     project, the log is that of the viewer's account.
    /// - Throws: ``DomainError`` for every problem that the page cannot display at a field.
    init(_ request: Request, grant: (_ projectID: String?) throws -> Grant) throws {
        // Browsers also send the fields that are empty.
        var request = request
        request.query.removeAll { $0.value.isEmpty }
        var reader = QueryReader(
            request, known: AuditFilter.parameters + ["project", "limit", "before", "after"])
        projectID = request.query("project")
        filter = AuditFilter(
            &reader, of: try grant(projectID), projectID: projectID,
            since: { text throws(InvalidValue) in try Self.day(text) },
            until: { text throws(InvalidValue) in try Self.day(text) + 86_400 })
        limit =
            reader.take("limit") { text throws(InvalidValue) in
                guard let number = Int(text), (1...Self.maximumLimit).contains(number) else {
                    throw InvalidValue("must be a number from 1 to \(Self.maximumLimit)")
                }
                return number
            } ?? Self.defaultLimit
        let before = reader.take("before", Self.number)
        let after = reader.take("after", Self.number)
        position = before.map(Position.before) ?? after.map(Position.after) ?? .newest
        typed = request.query.filter { AuditFilter.parameters.contains($0.name) || $0.name == "project" }
        errors = try Self.fieldErrors(reader)
    }

    /// The entries from which the page is taken.
    var range: AuditRange {
        switch position {
        case .newest: .all
        case .before(let number): .before(number)
        case .after(let number): .after(number)
        }
    }

    /// The number of the entry after which a stream starts.
    var after: Int64? { if case .after(let number) = position { number } else { nil } }

    /// Returns the query, or throws its errors where no form can display them.
    func validated() throws -> AuditLogQuery {
        if let errors { throw DomainError.invalid(errors) }
        return self
    }

    var problems: FieldProblems { errors.map(FieldProblems.init) ?? FieldProblems() }

    func typed(_ name: String) -> String { typed.first { $0.name == name }?.value ?? "" }

    /// Returns the query for the other pages of the same list.
    func fields() -> [(name: String, value: String)] {
        typed + (limit == Self.defaultLimit ? [] : [("limit", String(limit))])
    }

    /// Returns the problems that the form displays.
    ///
    /// Throws the others, which the form cannot cause.
    private static func fieldErrors(_ reader: QueryReader) throws -> FieldErrors? {
        do {
            try reader.finish()
            return nil
        } catch DomainError.invalid(let errors) {
            guard errors.messages.keys.allSatisfy({ ["since", "until"].contains($0) }) else {
                throw DomainError.invalid(errors)
            }
            return errors
        }
    }

    private static func number(_ text: String) throws(InvalidValue) -> Int64 {
        guard let number = Int64(text), number >= 0 else { throw InvalidValue("must be the number of an entry") }
        return number
    }

    /// Returns the first second of a day in UTC.
    private static func day(_ text: String) throws(InvalidValue) -> Int64 {
        guard let date = CivilDate(text), date.secondsSince1970 >= 0 else {
            throw InvalidValue("must be a date such as 2027-01-31")
        }
        return date.secondsSince1970
    }
}

// MARK: - Filter form

/// The form that filters the entries: the common filters in one line, and the rest behind a summary.
struct AuditFilterForm: Component {
    let query: AuditLogQuery
    /// The entries; nil if the query is invalid.
    let page: AuditLogPage?

    var body: some HTML {
        Element("form", .class("filters"), .method("get"), .action(Link("/audit-log")), .role("search")) {
            Element("div", .class("filter-line")) {
                Field("Search", name: "q", value: query.typed("q"), .type("search"), .placeholder("Name or ID"))
                Field("User", name: "user", value: query.typed("user"), .placeholder("Email or usr_…"))
                SelectField("Action", name: "action", value: query.typed("action"), actions)
                DayField(label: "From", name: "since", query: query)
                DayField(label: "To", name: "until", query: query)
                Button("Apply", .quiet)
            }
            if let id = query.projectID { VoidElement("input", .type("hidden"), .name("project"), .value(id)) }
            if query.limit != AuditLogQuery.defaultLimit {
                VoidElement("input", .type("hidden"), .name("limit"), .value(String(query.limit)))
            }
            Element("div", .class("filter-rest")) {
                Element("details", query.typed("resource_type").isEmpty ? [] : [.flag("open")]) {
                    Element("summary") { "More filters" }
                    Element("div", .class("filter-line")) {
                        SelectField(
                            "Resource type", name: "resource_type", value: query.typed("resource_type"), types,
                            hint: "Dates and times of filters are in UTC.")
                    }
                }
                if let id = query.projectID {
                    Element("span", .class("hint")) {
                        "Only the project "
                        ShortID(id: id)
                    }
                }
                if !query.typed.isEmpty {
                    Element("a", .class("standalone"), .href(Link("/audit-log"))) { "Clear filters" }
                }
                if let page { AuditListLinks(query: query, page: page) }
            }
        }
    }

    private var actions: [SelectField.Option] {
        options(AuditAction.allCases.map { ($0.rawValue, AuditText.action($0)) }, all: "All actions", "action")
    }

    private var types: [SelectField.Option] { options(AuditText.resourceTypes, all: "All types", "resource_type") }

    /// Returns the options of a list, with the chosen value if it is not among them.
    private func options(
        _ known: [(String, String)], all: String, _ name: String
    ) -> [SelectField.Option] {
        let chosen = query.typed(name)
        let isKnown = chosen.isEmpty || known.contains { $0.0 == chosen }
        return [("", all)] + known.map { (value: $0.0, text: $0.1) } + (isKnown ? [] : [(chosen, chosen)])
    }
}

private struct DayField: Component {
    let label: String
    let name: String
    let query: AuditLogQuery

    var body: some HTML {
        // A date field cannot contain an invalid date: that value was not typed but part of a URL.
        Field(
            label, name: name, value: query.problems[name] == nil ? query.typed(name) : "",
            problem: query.problems[name], .type("date"))
    }
}
