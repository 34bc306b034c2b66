import Podstack
import PodstackCommandLine

/// `podstack config check`: finds mistakes in the credentials file.
enum ConfigCheck {
    static let command = Command(
        "config", "check",
        summary:
            "Check the credentials file for misspelled keys, values that a client rejects, and access by other users.",
        flags: [Flag("fix", summary: "remove the access of other users")],
        examples: ["podstack config check", "podstack config check --fix"]
    ) { invocation in
        let environment = invocation.context.environment
        let path = try CredentialsFile.path(environment)
        if invocation.arguments.has("fix"), try CredentialsFile.restrict(path: path) {
            invocation.inform("Only you can read \(path) now")
        }
        let file = try CredentialsFile(path: path)
        let findings = file.isThere ? findings(in: file) : findingsWithoutFile(file, environment)
        let report = Report(path: path, exists: file.isThere, profiles: file.profileNames, findings: findings)
        try invocation.write(report) {
            let lines = findings.isEmpty ? [summary(file)] : findings
            return lines.map { TerminalText.printable($0) }.joined(separator: "\n")
        }
        return findings.isEmpty ? .success : .failure
    }

    /// Returns the sentence for a file without findings.
    private static func summary(_ file: CredentialsFile) -> String {
        guard file.isThere else { return file.missingText }
        let count = file.profileNames.count
        guard count > 0 else { return "\(file.path): no profiles; podstack auth login creates one" }
        let loggedOut = file.profileNames.count { !hasToken($0, file) }
        let note = loggedOut == 0 ? "" : ", \(loggedOut) without a token"
        return "\(file.path): \(count) \(count == 1 ? "profile" : "profiles")\(note), no problems"
    }

    private static func isLikeToken(_ key: String) -> Bool {
        let keys = [CredentialsFile.Key.apiToken, .credentialProcess].map(\.rawValue)
        return Suggestion.nearest(to: key, among: keys) != nil
    }

    private static func hasToken(_ profile: String, _ file: CredentialsFile) -> Bool {
        [.apiToken, .credentialProcess].contains { file.value($0, profile: profile)?.isEmpty == false }
    }

    /// Returns the findings for a missing file, which is a mistake only when a variable names it.
    private static func findingsWithoutFile(_ file: CredentialsFile, _ environment: PodstackEnvironment) -> [String] {
        let variable = PodstackEnvironment.Variable.credentialsFile.rawValue
        guard environment.value(of: variable) != nil else { return [] }
        return ["\(file.path) does not exist, but \(variable) names it; podstack auth login creates it"]
    }

    private struct Report: Encodable {
        var path: String
        var exists: Bool
        var profiles: [String]
        var findings: [String]

        private enum CodingKeys: String, CodingKey {
            case path, profiles, findings
            case exists = "is_there"
        }
    }

    private static func findings(in file: CredentialsFile) -> [String] {
        var findings = file.unknownKeys.map {
            "\(file.path):\($0.line): [\($0.profile)] has an unknown key \(Arguments.displayed($0.key))"
        }
        for profile in file.profileNames {
            func has(_ key: CredentialsFile.Key) -> Bool { file.value(key, profile: profile)?.isEmpty == false }
            func find(_ problem: String) { findings.append("\(file.path): [\(profile)] has \(problem)") }
            if TokenRedaction.isTokenContained(in: profile) { find("a token in its name") }
            // A profile without a token is what a logout leaves, unless a misspelled key was meant to be the token.
            if !hasToken(profile, file), !has(.profile),
                file.unknownKeys.contains(where: { $0.profile == profile && isLikeToken($0.key) })
            {
                find("no api_token")
            }
            if let name = file.value(.profile, profile: profile), !file.hasProfile(name) {
                find("the key profile, which selects a profile that does not exist")
            }
            if has(.apiToken), has(.credentialProcess) { find("an api_token, so its credential_process is never run") }
            if has(.credentialStoreProcess), !has(.credentialProcess) {
                find("a credential_store_process, but no credential_process")
            }
            findings += SettingCheck.problems(of: profile, in: file).map(\.onCommandLine)
            if has(.pendingAPIToken) { find("an unfinished rotation; rotate the token again") }
        }
        if let rights = file.rightsOfOthers {
            findings.append(
                "\(file.path): others can \(rights) it; \"podstack config check --fix\" removes their access")
        }
        return findings
    }
}
