import PodstackAPI

/// What the address of the audit log's page asks for.
struct AuditQuery: Sendable {
    enum Place: Sendable, Equatable {
        /// The newest, to which what is new is added by itself.
        case newest
        /// Those before, or after, the one of that number.
        case before(Int64)
        case after(Int64)
    }

    static let standardLimit = 30
    static let mostEntries = 1000

    /// The fields that were filled in, as they were typed.
    let typed: [(name: String, value: String)]
    /// What is wrong with them; nil when nothing is.
    let mistake: FieldErrors?
    let filter: AuditFilter
    let place: Place
    let limit: Int
    /// Whose log it is, in place of the account's.
    let projectID: String?

    /// - Parameter reach: Of the grant of who looks; the account is that of the project, if one is named.
    init(_ request: Request, reach: (_ projectID: String?) throws -> Grant) throws {
        // A field that was left empty asks for nothing.
        var request = request
        request.query.removeAll { $0.value.isEmpty }
        var reader = QueryReader(
            request, known: AuditFilter.parameters + ["project", "limit", "before", "after"])
        projectID = request.query("project")
        filter = AuditFilter(
            &reader, of: try reach(projectID), projectID: projectID,
            since: { text throws(InvalidValue) in try Self.day(text) },
            until: { text throws(InvalidValue) in try Self.day(text) + 86_400 })
        limit =
            reader.take("limit") { text throws(InvalidValue) in
                guard let number = Int(text), (1...Self.mostEntries).contains(number) else {
                    throw InvalidValue("must be a number from 1 to \(Self.mostEntries)")
                }
                return number
            } ?? Self.standardLimit
        let before = reader.take("before", Self.number)
        let after = reader.take("after", Self.number)
        place = before.map(Place.before) ?? after.map(Place.after) ?? .newest
        typed = request.query.filter { AuditFilter.parameters.contains($0.name) || $0.name == "project" }
        mistake = try Self.mistake(reader)
    }

    /// Where a stream begins.
    var number: Int64? { if case .after(let number) = place { number } else { nil } }

    /// Where there is no form to tell what is wrong.
    func checked() throws -> AuditQuery {
        if let mistake { throw DomainError.invalid(mistake) }
        return self
    }

    var problems: FieldProblems { mistake.map(FieldProblems.init) ?? FieldProblems() }

    func typed(_ name: String) -> String { typed.first { $0.name == name }?.value ?? "" }

    /// What other pages of the same list are asked for with.
    func fields() -> [(name: String, value: String)] {
        typed + (limit == Self.standardLimit ? [] : [("limit", String(limit))])
    }

    /// Mistakes in fields are told there; any other address was not made by these pages.
    private static func mistake(_ reader: QueryReader) throws -> FieldErrors? {
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

    /// Its first second in UTC.
    private static func day(_ text: String) throws(InvalidValue) -> Int64 {
        guard let time = Calendar.time(ofDay: text) else { throw InvalidValue("must be a day such as 2027-01-31") }
        return time
    }
}
