/// One profile of a credentials file.
struct Profile: Sendable {
    struct Entry: Sendable {
        var value: String
        var line: Int
    }

    var name: String
    var path: String
    var entries: [String: Entry]

    var apiToken: Entry? { present(.apiToken) }
    var projectID: Entry? { present(.projectID) }
    var apiEndpoint: Entry? { present(.apiEndpoint) }

    func source(_ entry: Entry) -> Source { .profile(name, path: path, line: entry.line) }

    var lacksToken: AuthenticationError {
        ErrorMapping.profile(name, problem: "has no api_token in", path: path, others: [])
    }

    private func present(_ key: CredentialsFile.Key) -> Entry? {
        guard let entry = entries[key.rawValue], !entry.value.isEmpty else { return nil }
        return entry
    }
}
