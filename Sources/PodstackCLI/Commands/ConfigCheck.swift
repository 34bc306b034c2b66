import Podstack

extension Command {
    static let configCheck = Command(
        words: ["config", "check"],
        summary:
            "Look for mistakes in the credentials file: misspelt keys, profiles without a token, rights of others.",
        flags: [.init(name: "fix", summary: "take the rights of others away")]
    ) { invocation in
        try invocation.arguments.nothing()
        let path = try CredentialsFile.path(invocation.context.environment)
        if invocation.arguments.has("fix"), try CredentialsFile.restrict(path: path) {
            invocation.note("Only you can read \(path) now")
        }
        let file = try CredentialsFile(path: path)
        let findings = file.isThere ? findings(in: file) : missing(file, invocation.context.environment)
        let report = Report(path: path, isThere: file.isThere, profiles: file.profileNames, findings: findings)
        try invocation.write(report) {
            let lines = findings.isEmpty ? [inOrder(file)] : findings
            return lines.map { Table.printable($0) }.joined(separator: "\n")
        }
        return findings.isEmpty ? .done : .failure
    }

    private static func inOrder(_ file: CredentialsFile) -> String {
        guard file.isThere else { return "\(file.path) is not there yet; \(firstStep)" }
        return switch file.profileNames.count {
        case 0: "\(file.path): no profiles; podstack auth login makes one"
        case 1: "\(file.path): 1 profile, nothing to mend"
        case let count: "\(file.path): \(count) profiles, nothing to mend"
        }
    }

    private static let firstStep = "podstack auth login makes it"

    /// Nobody needs a file; but a name of one that is not there may be misspelt.
    private static func missing(_ file: CredentialsFile, _ environment: PodstackEnvironment) -> [String] {
        let variable = PodstackEnvironment.Variable.credentialsFile.rawValue
        guard environment[variable]?.contains(where: { !$0.isWhitespace }) == true else { return [] }
        return ["\(file.path) is not there, but \(variable) names it; \(firstStep)"]
    }

    private struct Report: Encodable {
        var path: String
        var isThere: Bool
        var profiles: [String]
        var findings: [String]

        private enum CodingKeys: String, CodingKey {
            case path, profiles, findings
            case isThere = "is_there"
        }
    }

    private static func findings(in file: CredentialsFile) -> [String] {
        var findings = file.unknownKeys.map {
            "\(file.path):\($0.line): [\($0.profile)] has an unknown key \(Arguments.shown($0.key))"
        }
        for profile in file.profileNames {
            func has(_ key: CredentialsFile.Key) -> Bool { file.value(key, profile: profile)?.isEmpty == false }
            if !has(.apiToken), !has(.credentialProcess) {
                findings.append("\(file.path): [\(profile)] has no api_token")
            }
            if has(.apiToken), has(.credentialProcess) {
                findings.append("\(file.path): [\(profile)] has an api_token, so its credential_process is never run")
            }
            if has(.credentialStoreProcess), !has(.credentialProcess) {
                findings.append(
                    "\(file.path): [\(profile)] has a credential_store_process, but no credential_process beside it")
            }
            for key in [CredentialsFile.Key.apiEndpoint, .projectID] {
                guard let value = file.value(key, profile: profile), !value.isEmpty else { continue }
                do { try ProfileKey.check(value, for: key) } catch {
                    findings.append("\(file.path): [\(profile)] has an \(key.rawValue) that cannot be used")
                }
            }
            if has(.pendingAPIToken) {
                findings.append("\(file.path): [\(profile)] has a rotation that was not finished; rotate it again")
            }
        }
        if let rights = file.rightsOfOthers {
            findings.append("\(file.path): others can \(rights) it; \"podstack config check --fix\" keeps it to you")
        }
        return findings
    }
}
