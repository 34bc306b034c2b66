/// One profile of a credentials file.
struct Profile: Sendable {
    typealias Entry = INIDocument.Entry

    var name: String
    var path: String
    var entries: [Entry]
    /// To its file; nil for none.
    var rightsOfOthers: String?
    /// The file belongs to the user and nobody else can write it.
    var mayRunCommands: Bool

    /// One that is empty counts as not there.
    func entry(_ key: CredentialsFile.Key) -> Entry? {
        entries.first { $0.key == key.rawValue && !$0.value.isEmpty }
    }

    var holdsToken: Bool { entry(.apiToken) != nil || entry(.credentialProcess) != nil }

    func source(_ entry: Entry) -> ClientConfiguration.Source { .profile(name, path: path, line: entry.line) }
    func processSource(_ entry: Entry) -> ClientConfiguration.Source { .process(name, path: path, line: entry.line) }
}
