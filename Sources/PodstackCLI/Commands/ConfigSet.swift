import Podstack

extension Command {
    static let configSet = Command(
        words: ["config", "set"],
        summary: "Set project_id, api_endpoint, credential_process or credential_store_process of a profile.",
        usage: "KEY VALUE", takes: [ProfileKey.expected, .anything]
    ) { invocation in
        try invocation.arguments.nothing(after: 2)
        guard invocation.arguments.positional.count == 2 else { throw UsageError("KEY and VALUE are needed") }
        let key = try ProfileKey.settable(invocation.arguments.positional[0])
        try ProfileKey.check(invocation.arguments.positional[1], for: key)
        try invocation.changeProfile { file, profile in
            try ProfileKey.checkKeyring(of: profile, in: file, key)
            try file.set(key, to: invocation.arguments.positional[1], profile: profile)
        }
        return .done
    }

    static let configUnset = Command(
        words: ["config", "unset"], summary: "Remove a key of a profile.", usage: "KEY",
        takes: [ProfileKey.expected, .anything]
    ) { invocation in
        let key = try ProfileKey.settable(try invocation.arguments.only("KEY"))
        try invocation.changeProfile { file, profile in
            try ProfileKey.checkKeyring(of: profile, in: file, key)
            try file.remove(key, profile: profile)
        }
        return .done
    }

    static let configGet = Command(
        words: ["config", "get"], summary: "Show a key of a profile.", usage: "KEY",
        takes: [ProfileKey.expected, .anything]
    ) { invocation in
        let key = try ProfileKey.settable(try invocation.arguments.only("KEY"))
        let file = try CredentialsFile(path: CredentialsFile.path(invocation.context.environment))
        guard let value = file.value(key, profile: invocation.profileName) else {
            throw CommandError(message: "\(file.path): [\(invocation.profileName)] has no \(key.rawValue)")
        }
        try invocation.write([key.rawValue: value]) { Table.printable(value) }
        return .done
    }
}

enum ProfileKey {
    static let expected = Expected.words(
        [CredentialsFile.Key.projectID, .apiEndpoint, .credentialProcess, .credentialStoreProcess].map(\.rawValue))

    /// What a client would not use is not stored either.
    static func check(_ value: String, for key: CredentialsFile.Key) throws {
        switch key {
        case .apiEndpoint: _ = try APIEndpoint(value, from: .argument("VALUE"))
        case .projectID:
            guard !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw UsageError("a project id is not empty and has no white space")
            }
        default: break
        }
    }

    /// Nobody would find the token of a keyring any more.
    static func checkKeyring(of profile: String, in file: CredentialsFile, _ key: CredentialsFile.Key) throws {
        guard [.credentialProcess, .credentialStoreProcess].contains(key), Keyring.entry(of: profile, in: file) != nil
        else { return }
        throw CommandError(
            message: "\(file.path): [\(profile)] has its token in the keyring by this \(key.rawValue)",
            hint: "podstack auth logout removes the token and the key")
    }

    static func settable(_ name: String) throws(UsageError) -> CredentialsFile.Key {
        switch CredentialsFile.Key(rawValue: name.lowercased()) {
        case .apiToken?:
            throw UsageError(
                "a token is not shown, and not taken from the command line, which others can see",
                hint: "podstack auth login stores one, podstack auth logout removes it")
        case .pendingAPIToken?, nil:
            throw UsageError(
                "\"\(Arguments.shown(name))\" is none of project_id, api_endpoint, credential_process, "
                    + "credential_store_process")
        case let key?: return key
        }
    }
}
