import Podstack

extension Command {
    static let configShow = Command(
        words: ["config", "show"],
        summary: "Show what the credentials file holds, or one profile of it; of tokens only the prefix."
    ) { invocation in
        try invocation.arguments.nothing()
        let file = try CredentialsFile(path: CredentialsFile.path(invocation.context.environment))
        let names = try shown(file, invocation.arguments.value("profile"))
        let used = invocation.isProfileHidden ? nil : invocation.profileName
        let stored = StoredSettings(file, profiles: names, used: used)
        try invocation.write(stored) { stored.text }
        if !file.isThere {
            invocation.note(Table.printable("\(file.path) is not there yet; podstack auth login makes it"))
        } else if let reason = invocation.reasonForNoProfile {
            invocation.note("\(reason); podstack config explain shows what counts")
        }
        return .done
    }

    private static func shown(_ file: CredentialsFile, _ profile: String?) throws -> [String] {
        guard let profile else { return file.profileNames }
        try file.checkHas(profile)
        return [profile]
    }
}

/// What a credentials file holds, without its secrets.
private struct StoredSettings: Encodable {
    var path: String
    /// The profile that counts when none is named.
    var usedProfile: String?
    var profiles: [String: [String: String]]
    /// In the order of the file.
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
                file.value(key, profile: name).map { (key.rawValue, Self.shown($0, of: key)) }
            }
            // A misspelt name of a key may have a token behind it.
            let unknown = file.unknownKeys.filter { $0.profile == name }.map { (Arguments.shown($0.key), "…") }
            profiles[name] = Dictionary(settings + unknown) { first, _ in first }
            let mark = name == used ? "*" : ""
            rows += (settings + unknown).map { [mark, name, $0.0, $0.1] }
            if settings.isEmpty, unknown.isEmpty { rows.append([mark, name, "", ""]) }
        }
    }

    var text: String { Table.text(["USED", "PROFILE", "SETTING", "VALUE"], rows) }

    private static func shown(_ value: String, of key: CredentialsFile.Key) -> String {
        switch key {
        case .apiToken, .pendingAPIToken: APIToken(value).description
        // What is neither may be anything, and be it a token in the wrong line.
        case .projectID, .apiEndpoint:
            value.hasPrefix("podstack_") || (try? ProfileKey.check(value, for: key)) == nil ? "…" : value
        case .credentialProcess, .credentialStoreProcess:
            value.split(separator: " ", maxSplits: 1).enumerated()
                .map { $0 == 0 ? String($1) : "…" }.joined(separator: " ")
        }
    }
}
