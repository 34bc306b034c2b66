import PodstackAPI
import PodstackCommandLine

/// The scopes that a user gives to a command, with an option or as an answer on a terminal.
enum ScopeInput {
    /// Every scope, for completion and suggestions.
    static let words =
        ["*"] + Scope.resources.flatMap { resource in (["*"] + Scope.actions).map { "\(resource):\($0)" } }

    /// The description of all scopes, for the hint of an error.
    static let hint =
        "A scope is * or RESOURCE:ACTION. Resources: \(Scope.resources.joined(separator: ", ")). "
        + "Actions: \(actions)"

    private static let actions = Scope.actions.joined(separator: ", ") + " or *"

    /// Returns the scopes of a repeatable flag, which must not be misspelled; nil when it is not given.
    ///
    /// A resource that is like no known one is left to the service, which may be newer than this program.
    static func scopes(ofFlag flag: String, _ arguments: Arguments) throws(UsageError) -> [String]? {
        guard let texts = arguments.all(flag) else { return nil }
        var scopes: [String] = []
        for text in texts {
            let items = words(of: text)
            guard !items.isEmpty else {
                throw UsageError("--\(flag) is empty: give a scope, such as projects:read", hint: hint)
            }
            scopes += items
        }
        for scope in scopes {
            guard let problem = problem(of: scope), problem.isCertain else { continue }
            throw UsageError("--\(flag): \(problem.text)", hint: hint)
        }
        return scopes
    }

    /// Returns the scopes of an answer; throws when one of them is unknown.
    static func scopes(ofAnswer answer: String) throws(UsageError) -> [String] {
        let scopes = words(of: answer)
        for scope in scopes { if let problem = problem(of: scope) { throw UsageError(problem.text) } }
        return scopes
    }

    /// The scopes as a question shows them: one resource in each row.
    static var table: String {
        let width = Scope.resources.map(\.count).max() ?? 0
        let rows = Scope.resources.map { resource in
            "  \(resource)\(String(repeating: " ", count: width - resource.count + 2))\(Scope.actions.joined(separator: ", "))"
        }
        let head = "A scope is a resource and an action, such as projects:read, or projects:* for all actions:"
        return ([head] + rows).joined(separator: "\n") + "\n"
    }

    private static func words(of text: String) -> [String] {
        text.unicodeScalars.split { $0 == "," || $0.properties.isWhitespace }.map { String(Substring($0)) }
    }

    /// Returns what is wrong with a scope, and whether no service can accept it; nil for a known scope.
    private static func problem(of scope: String) -> (text: String, isCertain: Bool)? {
        guard !words.contains(scope) else { return nil }
        let shown = "\"\(Arguments.displayed(scope))\""
        let near = Suggestion.nearest(to: scope, among: words)
        let suggestion = near.map { "; did you mean \"\($0)\"?" } ?? ""
        let parts = scope.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            // The name of a resource alone.
            let resource = parts.first.flatMap { part in
                Scope.resources.contains(part) ? part : Suggestion.nearest(to: part, among: Scope.resources)
            }
            let example = near == nil ? resource.map { "; did you mean \"\($0):read\" or \"\($0):*\"?" } : nil
            return ("\(shown) is not a scope, such as projects:read\(example ?? suggestion)", true)
        }
        if Scope.resources.contains(parts[0]) {
            return ("unknown action in \(shown): use \(actions)\(suggestion)", true)
        }
        return ("unknown scope \(shown)\(suggestion)", near != nil)
    }
}
