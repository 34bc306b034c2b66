import PodstackTransport

/// The checks of the values of settings, which are the same wherever a value is used, stored or inspected.
package enum SettingCheck {
    typealias Source = ClientConfiguration.Source

    // MARK: - Values

    /// Returns the ID of a project without the whitespace around it.
    ///
    /// - Parameters:
    ///   - text: The value of the setting.
    ///   - source: The source of the value, which an error names.
    /// - Returns: The ID.
    /// - Throws: ``ConfigurationError`` when no project can have this ID.
    package static func projectID(
        _ text: String, from source: ClientConfiguration.Source
    ) throws(ConfigurationError) -> String {
        let trimmed = text.trimmingWhitespace()
        guard !trimmed.isEmpty, trimmed.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw ConfigurationError(
                message: "The project from \(source) is empty or contains characters that no project ID has",
                about: source)
        }
        try refuseToken(in: trimmed, insteadOf: "the ID of a project", from: source)
        return trimmed
    }

    /// Throws ``ConfigurationError`` when a value contains a token, which would end up in requests, names and messages.
    static func refuseToken(
        in text: String, insteadOf expected: String, from source: Source
    ) throws(ConfigurationError) {
        guard TokenRedaction.isTokenContained(in: text) else { return }
        throw tokenFound(insteadOf: expected, from: source)
    }

    static func tokenFound(insteadOf expected: String, from source: Source) -> ConfigurationError {
        ConfigurationError(
            message: "\(source) contains an API token in place of \(expected)",
            hint: "Pass the token as \(Source.argument("apiToken:")), or set PODSTACK_API_TOKEN", about: source)
    }

    static func proxy(_ text: String, from source: Source) throws(ConfigurationError) {
        try refuseToken(in: String(ProxyAddress.host(of: text)), insteadOf: "the address of a proxy", from: source)
        guard let problem = ProxyAddress.problem(text) else { return }
        throw ConfigurationError(message: "The proxy from \(source) \(problem)", about: source)
    }

    // MARK: - Profiles

    /// Returns what a client would reject in a profile, each as a sentence without its period.
    ///
    /// - Parameters:
    ///   - name: The name of the profile.
    ///   - file: The file that contains the profile.
    /// - Returns: The problems, in the order of the keys.
    package static func problems(of name: String, in file: CredentialsFile) -> [Wording] {
        guard let profile = file.profile(name) else { return [] }
        var problems: [Wording] = []
        for key in CredentialsFile.Key.allCases {
            guard let entry = profile.entry(key) else { continue }
            let source = profile.source(entry)
            do { try check(entry, key, of: profile, from: source) } catch let error as any PodstackError {
                problems.append(error.wordings.message)
            } catch {}
            let suspicion = key == .apiToken || key == .pendingAPIToken ? APIToken(entry.value).suspicion : nil
            if let suspicion { problems.append("\(source): the service will reject \(key.rawValue). \(suspicion)") }
        }
        return problems
    }

    private static func check(
        _ entry: Profile.Entry, _ key: CredentialsFile.Key, of profile: Profile, from source: Source
    ) throws {
        switch key {
        case .apiToken, .pendingAPIToken: _ = try ErrorMapping.usable(APIToken(entry.value), from: source)
        case .projectID: _ = try projectID(entry.value, from: source)
        case .apiEndpoint: _ = try APIEndpoint(entry.value, from: source)
        case .profile: try refuseToken(in: entry.value, insteadOf: "the name of a profile", from: source)
        case .credentialProcess, .credentialStoreProcess:
            guard CommandWords.split(entry.value)?.isEmpty == false else {
                throw ConfigurationError(
                    message: "\(source): \(key.rawValue) is empty or has a quote that is not closed")
            }
            guard profile.mayRunCommands else {
                throw ErrorMapping.unsafeCommand(profile.processSource(entry), path: profile.path)
            }
        }
    }
}
