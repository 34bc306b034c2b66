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

/// The form that filters the entries.
struct AuditFilterForm: Component {
    let query: AuditLogQuery

    var body: some HTML {
        Element("form", .class("card filters"), .method("get"), .action(Link("/audit-log")), .role("search")) {
            Field("Search", name: "q", value: query.typed("q"), .type("search"), .placeholder("Name or ID"))
            Selection(
                label: "Action", name: "action", all: "All actions", options: actions, chosen: query.typed("action"))
            Selection(
                label: "Resource type", name: "resource_type", all: "All types", options: AuditText.resourceTypes,
                chosen: query.typed("resource_type"))
            Field("User", name: "user", value: query.typed("user"), .placeholder("Email or usr_…"))
            DayField(label: "From", name: "since", query: query)
            DayField(label: "To", name: "until", query: query)
            if let id = query.projectID { VoidElement("input", .type("hidden"), .name("project"), .value(id)) }
            if query.limit != AuditLogQuery.defaultLimit {
                VoidElement("input", .type("hidden"), .name("limit"), .value(String(query.limit)))
            }
            Element("div", .class("filter-actions")) {
                Element("button", .type("submit")) { "Apply" }
                if !query.typed.isEmpty { Element("a", .href(Link("/audit-log"))) { "Clear filters" } }
                if let id = query.projectID {
                    Element("span", .class("hint")) {
                        "Only the project "
                        Element("code") { id }
                    }
                }
                Element("span", .class("hint")) { "Dates and times are in UTC." }
            }
        }
    }

    private var actions: [(String, String)] { AuditAction.allCases.map { ($0.rawValue, AuditText.action($0)) } }
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

/// A labeled selection of one option or of all.
private struct Selection: Component {
    let label: String
    let name: String
    let all: String
    let options: [(value: String, text: String)]
    let chosen: String

    var body: some HTML {
        Element("div", .class("field")) {
            Element("label", .for(name)) { label }
            Element("select", .id(name), .name(name)) {
                Element("option", .value("")) { all }
                for option in options + unknown {
                    Element("option", .value(option.value), .flag("selected", if: option.value == chosen)) {
                        option.text
                    }
                }
            }
        }
    }

    /// The chosen value as an option of its own if it is not among the options.
    private var unknown: [(value: String, text: String)] {
        chosen.isEmpty || options.contains { $0.value == chosen } ? [] : [(chosen, chosen)]
    }
}
