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
        let findings = findings(in: file)
        let report = Report(path: path, profiles: file.profileNames, findings: findings)
        try invocation.write(report) {
            findings.isEmpty
                ? "\(path): \(count(file)), nothing to mend"
                : findings.map { Table.printable($0) }.joined(separator: "\n")
        }
        return findings.isEmpty ? .done : .failure
    }

    private static func count(_ file: CredentialsFile) -> String {
        switch file.profileNames.count {
        case 0: "no profiles"
        case 1: "1 profile"
        case let count: "\(count) profiles"
        }
    }

    private struct Report: Encodable {
        var path: String
        var profiles: [String]
        var findings: [String]
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
