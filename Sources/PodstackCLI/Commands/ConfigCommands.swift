import Podstack
import PodstackCommandLine
import PodstackSystem

/// `podstack config`: the settings, and the profiles of the credentials file.
///
/// For `config check`, see ``ConfigCheck``; for `set-profile` and `get-profile`, ``ProfileCommands``.
enum ConfigCommands {
    static let all: [Command] = [explain, show, get, set, unset, reset, path]

    // Suggestions, because names in capitals are accepted too, and `api_token` has its own error.
    private static let key = Argument("KEY", summary: ProfileKey.names, values: .suggestions(ProfileKey.settable))

    static let explain = Command(
        "config", "explain", summary: "Show every setting, its source, and the sources that it shadows.",
        examples: ["podstack config explain", "podstack config explain --profile work -o json"]
    ) { invocation in
        let configuration = try invocation.configuration()
        try invocation.write(SettingsReport(configuration)) { SettingsReport.text(configuration) }
        for warning in configuration.warnings { invocation.warn(warning) }
        guard let error = configuration.tokenError else { return .success }
        ErrorReport(error).write(to: invocation.context.standardError, format: invocation.format)
        return .notAuthenticated
    }

    static let path = Command(
        "config", "path", summary: "Show the path of the credentials file.", examples: ["podstack config path"]
    ) { invocation in
        let path = try CredentialsFile.path(invocation.context.environment)
        try invocation.write(["path": path]) { path }
        return .success
    }

    // MARK: - Keys of a profile

    static let get = Command(
        "config", "get", summary: "Show a key from a profile.", arguments: [key],
        examples: ["podstack config get project_id", "podstack config get api_endpoint --profile work"]
    ) { invocation in
        let key = try ProfileKey(invocation.arguments.positional[0]).key
        let file = try invocation.credentialsFile()
        guard let value = file.value(key, profile: invocation.profileName) else {
            throw CommandError(message: "\(file.path): [\(invocation.profileName)] has no \(key.rawValue)")
        }
        try invocation.write([key.rawValue: value]) { TerminalText.printable(value) }
        return .success
    }

    static let set = Command(
        "config", "set", summary: "Set a key in a profile.",
        arguments: [key, Argument("VALUE", summary: "the new value of the key")],
        examples: ["podstack config set api_endpoint https://podstack.example.com --profile work"]
    ) { invocation in
        let key = try ProfileKey(invocation.arguments.positional[0])
        let value = invocation.arguments.positional[1]
        try ProfileKey.check(value, for: key.key)
        try invocation.changeProfile { file, profile in
            try key.checkKeyring(of: profile, in: file)
            try file.set(key.key, to: value, profile: profile)
        }
        return .success
    }

    static let unset = Command(
        "config", "unset", summary: "Remove a key from a profile.", arguments: [key],
        examples: ["podstack config unset project_id"]
    ) { invocation in
        let key = try ProfileKey(invocation.arguments.positional[0])
        try invocation.changeProfile { file, profile in
            try key.checkKeyring(of: profile, in: file)
            try file.remove(key.key, profile: profile)
        }
        return .success
    }

    // MARK: - Reset

    static let reset = Command(
        "config", "reset", summary: "Reduce a profile to its token and the endpoint of that token.",
        flags: [Flag("all", summary: "remove the whole profile, with its token and its comments")],
        examples: ["podstack config reset", "podstack config reset --profile old --all"]
    ) { invocation in
        let file = try CredentialsFile(changing: CredentialsFile.path(invocation.context.environment))
        let profile = invocation.profileName
        try file.checkHas(profile)
        let place = TerminalText.printable("[\(profile)] in \(file.path)")
        if invocation.arguments.has("all") {
            try invocation.confirm("Remove the whole profile \(place), with its token?")
            // Before the profile, which names the entry of the keyring.
            let hadToken = try await StoredToken(invocation).remove() != nil
            try invocation.changeProfile { file, profile in
                // Otherwise every command would look for a profile that no longer exists.
                if file.selectedProfile.hasBytes(of: profile) {
                    try file.select(profile: CredentialsFile.defaultProfile)
                }
                try file.remove(profile: profile)
            }
            invocation.inform("Removed \(place)\(hadToken ? "; its token stays valid until it is revoked" : "")")
            return .success
        }
        let (removed, kept) = keysToReset(file, profile)
        guard !removed.isEmpty else {
            invocation.inform("\(place) has nothing to reset")
            return .success
        }
        let names = removed.map(\.rawValue).joined(separator: " and ")
        try invocation.confirm("Remove \(names) of \(place)?")
        try invocation.changeProfile { file, profile in
            for key in removed { try file.remove(key, profile: profile) }
        }
        let rest = kept.isEmpty ? "" : "; kept \(kept.map(\.rawValue).joined(separator: " and "))"
        invocation.inform("Removed \(names) of \(place)\(rest)")
        return .success
    }

    /// Returns the keys that a reset removes, and those that it keeps.
    private static func keysToReset(
        _ file: CredentialsFile, _ profile: String
    ) -> (removed: [CredentialsFile.Key], kept: [CredentialsFile.Key]) {
        func has(_ key: CredentialsFile.Key) -> Bool { file.value(key, profile: profile)?.isEmpty == false }
        var kept: [CredentialsFile.Key] = [.apiToken, .pendingAPIToken]
        // Without a stored token, the command is the source of the token.
        if !has(.apiToken) { kept += [.credentialProcess, .credentialStoreProcess] }
        // Without its endpoint, the token would be sent to another service by the next command.
        if kept.contains(where: has) { kept.append(.apiEndpoint) }
        let existing = CredentialsFile.Key.allCases.filter { file.value($0, profile: profile) != nil }
        return (existing.filter { !kept.contains($0) }, existing.filter(kept.contains))
    }

    // MARK: - Show

    static let show = Command(
        "config", "show", summary: "Show the credentials file or one of its profiles, with redacted tokens.",
        examples: ["podstack config show", "podstack config show --profile work"]
    ) { invocation in
        let file = try invocation.credentialsFile()
        var names = file.profileNames
        if let profile = invocation.arguments.value("profile") {
            try file.checkHas(profile)
            names = [profile]
        }
        let reason = invocation.reasonForNoProfile
        let stored = StoredSettings(file, profiles: names, used: reason == nil ? invocation.profileName : nil)
        try invocation.write(stored) { stored.text }
        if !file.isThere {
            invocation.inform(file.missingText)
        } else if let reason {
            invocation.inform("\(reason); podstack config explain shows the settings in use")
        }
        return .success
    }
}

extension CredentialsFile {
    /// The sentence for a file that does not exist.
    var missingText: String {
        TerminalText.printable("\(path) does not exist yet; podstack auth login creates it")
    }
}

/// The contents of a credentials file, without its secrets.
private struct StoredSettings: Encodable {
    var path: String
    /// The profile that is used when none is named.
    var usedProfile: String?
    var profiles: [String: [String: String]]
    /// The cells of the table, in the order of the file.
    private var rows: [[String]] = []

    private enum CodingKeys: String, CodingKey {
        case path, profiles
        case usedProfile = "used_profile"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(path, forKey: .path)
        try container.encode(usedProfile, forKey: .usedProfile)
        try container.encode(profiles, forKey: .profiles)
    }

    init(_ file: CredentialsFile, profiles names: [String], used: String?) {
        path = file.path
        usedProfile = used
        profiles = [:]
        for name in names {
            let settings = CredentialsFile.Key.allCases.compactMap { key in
                file.value(key, profile: name).map { (key.rawValue, Self.redacted($0, of: key)) }
            }
            // The value of a misspelled key may be a token.
            let unknown = file.unknownKeys.filter { $0.profile == name }.map { (Arguments.displayed($0.key), "…") }
            profiles[name] = Dictionary(settings + unknown) { first, _ in first }
            let mark = name == used ? "*" : ""
            rows += (settings + unknown).map { [mark, name, $0.0, $0.1] }
            if settings.isEmpty, unknown.isEmpty { rows.append([mark, name, "", ""]) }
        }
    }

    var text: String { Table.text(["USED", "PROFILE", "SETTING", "VALUE"], rows) }

    private static func redacted(_ value: String, of key: CredentialsFile.Key) -> String {
        switch key {
        case .apiToken, .pendingAPIToken: APIToken(value).description
        // An invalid value may be anything, such as a token under the wrong key.
        case .projectID, .apiEndpoint:
            value.hasPrefix(bytes: "podstack_") || (try? ProfileKey.check(value, for: key)) == nil ? "…" : value
        case .profile: value
        case .credentialProcess, .credentialStoreProcess:
            value.split(byte: " ", maxSplits: 1).enumerated()
                .map { $0 == 0 ? String($1) : "…" }.joined(separator: " ")
        }
    }
}

/// A key of a profile that `config get`, `set` and `unset` accept: every key except those with a token.
struct ProfileKey {
    let key: CredentialsFile.Key

    static let settable = [
        CredentialsFile.Key.projectID, .apiEndpoint, .credentialProcess, .credentialStoreProcess,
    ].map(\.rawValue)

    static let names = settable.joined(separator: ", ")

    init(_ name: String) throws(UsageError) {
        let key = CredentialsFile.Key(rawValue: name.lowercased())
        if key == .apiToken {
            throw UsageError(
                "KEY: api_token cannot be shown, or set on the command line, which others can see",
                hint: "podstack auth login stores a token, podstack auth logout removes it")
        }
        guard let key, Self.settable.contains(key.rawValue) else {
            throw UsageError("KEY: unknown key \"\(Arguments.displayed(name))\": use one of \(Self.names)")
        }
        self.key = key
    }

    /// Throws when a client would reject the value.
    static func check(_ value: String, for key: CredentialsFile.Key) throws {
        switch key {
        case .apiEndpoint:
            if let problem = APIEndpoint.problem(in: value) { throw UsageError("\(key.rawValue) \(problem)") }
        case .projectID:
            guard !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw UsageError("VALUE: invalid project ID: use printable ASCII characters without spaces")
            }
        case .credentialProcess, .credentialStoreProcess:
            guard CommandWords.split(value)?.isEmpty == false else {
                throw UsageError("\(key.rawValue) is empty or has a quote that is not closed")
            }
        case .apiToken, .pendingAPIToken, .profile: break
        }
    }

    /// Throws when the key belongs to a token in the keyring, which would become unreachable.
    func checkKeyring(of profile: String, in file: CredentialsFile) throws {
        guard [.credentialProcess, .credentialStoreProcess].contains(key), Keyring.entry(of: profile, in: file) != nil
        else { return }
        throw CommandError(
            message: "\(file.path): [\(profile)] has its token in the keyring, and \(key.rawValue) accesses it",
            hint: "podstack auth logout removes the token and the key")
    }
}
