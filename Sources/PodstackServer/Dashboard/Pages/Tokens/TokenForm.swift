import PodstackAPI
import PodstackCryptography

/// What was typed into the form of a new token.
struct TokenForm {
    /// What most tokens are for; or any scopes.
    enum Access: String, CaseIterable {
        case full, read, ci, custom

        var label: String {
            switch self {
            case .full: "Full access"
            case .read: "Read only"
            case .ci: "CI"
            case .custom: "Custom"
            }
        }

        var hint: String {
            switch self {
            case .full: "Everything that you may do yourself."
            case .read: "Looks at everything, changes nothing."
            case .ci: "Starts and stops pods, and sees your projects."
            case .custom: "Only what you tick."
            }
        }

        /// Nil when they are ticked one by one.
        var scopes: [String]? {
            switch self {
            case .full: ["*"]
            case .read: Scope.resources.map { "\($0):read" }
            case .ci: ["pods:*", "projects:read"]
            case .custom: nil
            }
        }
    }

    enum Expiry: Equatable {
        case days(Int)
        case never, date

        static let choices = TokenExpiry.choices.map(Expiry.days) + [.never, .date]

        var text: String {
            switch self {
            case .days(let days): String(days)
            case .never: "never"
            case .date: "date"
            }
        }
    }

    /// Of the token to be: chosen when the form was made, so that one form makes one token however often it is sent.
    var id: String
    var name = ""
    var expiry: Expiry? = .days(30)
    var date = ""
    var access: Access? = .full
    var scopes: Set<String> = []
    var isForAllProjects: Bool? = true
    var projectIDs: [String] = []

    /// A new one.
    init() {
        var generator = SecureGenerator()
        id = TokenFormat.makeID(using: &generator)
    }

    init(_ form: Form) {
        id = form["id"]
        name = form["name"]
        expiry = Expiry.choices.first { $0.text == form["expiry"] }
        date = form["date"]
        access = Access(rawValue: form["access"])
        scopes = Set(form.all("scope"))
        isForAllProjects = ["all": true, "chosen": false][form["projects"]]
        projectIDs = form.all("project")
    }

    /// Throws everything that is wrong with it. What contradicts itself is: a restriction that is overlooked would make
    /// a token that can do more than was wanted.
    func request(now: Int64) throws(FieldProblems) -> TokenRequest {
        var problems = FieldProblems()
        var values = TokenRequest.Values(name: name)
        switch expiry {
        case .days(let days): values.expiry = .days(days)
        case .never: values.expiry = .never
        case .date where date.isEmpty: problems.add("a date is missing", to: "expires_at")
        case .date where Calendar.time(ofDay: date) == nil:
            problems.add("must be a date such as 2027-01-31", to: "expires_at")
        case .date: values.expiry = Timestamp.parse("\(date)T23:59:59Z").map(TokenExpiry.at) ?? .serviceDefault
        case nil: problems.add("choose how long the token lives", to: "expires_at")
        }
        if expiry != nil, expiry != .date, !date.isEmpty {
            problems.add(
                "a date is filled in, but another choice was made: choose “on a date”, or empty it", to: "expires_at")
        }
        switch access {
        case .custom where scopes.isEmpty: problems.add("tick at least one box", to: "scopes")
        case .custom: values.scopes = Self.ordered(scopes)
        case let preset?: values.scopes = preset.scopes ?? []
        case nil: problems.add("choose what the token may do", to: "scopes")
        }
        if let access, access != .custom, !scopes.isEmpty {
            problems.add(
                "boxes are ticked, but \(access.label) was chosen: choose Custom, or untick them", to: "scopes")
        }
        switch isForAllProjects {
        case true?: values.projectIDs = nil
        case false? where projectIDs.isEmpty: problems.add("tick at least one project", to: "project_ids")
        case false?: values.projectIDs = projectIDs
        case nil: problems.add("choose the projects", to: "project_ids")
        }
        if isForAllProjects == true, !projectIDs.isEmpty {
            problems.add(
                "projects are ticked, but all projects were chosen: choose one or the other", to: "project_ids")
        }
        do {
            let request = try TokenRequest(values, at: now)
            guard problems.isEmpty else { throw problems }
            return request
        } catch let found as FieldProblems {
            throw found
        } catch DomainError.invalid(let errors) {
            throw problems.merging(FieldProblems(errors))
        } catch {
            throw problems
        }
    }

    /// As it is shown again: what was contradictory is open to be seen.
    var shownAgain: TokenForm {
        var form = self
        if !scopes.isEmpty { form.access = .custom }
        if !date.isEmpty { form.expiry = .date }
        if !projectIDs.isEmpty { form.isForAllProjects = false }
        return form
    }

    /// In the order of the form; what is no scope last, to be refused.
    private static func ordered(_ scopes: Set<String>) -> [String] {
        let known = Scope.resources.flatMap { resource in Scope.actions.map { "\(resource):\($0)" } }
        return known.filter(scopes.contains) + scopes.subtracting(known).sorted()
    }
}
