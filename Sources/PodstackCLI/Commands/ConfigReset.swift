import Podstack

extension Command {
    static let configReset = Command(
        words: ["config", "reset"],
        summary: "Make a profile what a login leaves: its token and the service that the token is for, nothing else.",
        flags: [.init(name: "all", summary: "remove the whole profile, its token and its comments too")]
    ) { invocation in
        try invocation.arguments.nothing()
        let file = try CredentialsFile(changing: CredentialsFile.path(invocation.context.environment))
        let profile = invocation.profileName
        try file.checkHas(profile)
        let place = Table.printable("[\(profile)] in \(file.path)")
        if invocation.arguments.has("all") {
            try invocation.confirm("Remove the whole profile \(place), its token too?")
            // What the keyring holds for it would be found by nobody.
            let hadToken = try await StoredToken(invocation).remove() != nil
            try invocation.changeProfile { try $0.remove(profile: $1) }
            invocation.note("Removed \(place)\(hadToken ? "; its token stays valid until it is revoked" : "")")
            return .done
        }
        let (removed, kept) = settings(of: file, profile)
        guard !removed.isEmpty else {
            invocation.note("\(place) has nothing to reset")
            return .done
        }
        let names = removed.map(\.rawValue).joined(separator: " and ")
        try invocation.confirm("Remove \(names) of \(place)?")
        try invocation.changeProfile { file, profile in
            for key in removed { try file.remove(key, profile: profile) }
        }
        let rest = kept.isEmpty ? "" : "; kept \(kept.map(\.rawValue).joined(separator: " and "))"
        invocation.note("Removed \(names) of \(place)\(rest)")
        return .done
    }

    /// A token without its service would be taken to another one with the next call.
    private static func settings(
        of file: CredentialsFile, _ profile: String
    ) -> (removed: [CredentialsFile.Key], kept: [CredentialsFile.Key]) {
        func has(_ key: CredentialsFile.Key) -> Bool { file.value(key, profile: profile)?.isEmpty == false }
        var kept: [CredentialsFile.Key] = [.apiToken, .pendingAPIToken]
        // Where there is no other, the command is the token.
        if !has(.apiToken) { kept += [.credentialProcess, .credentialStoreProcess] }
        if kept.contains(where: has) { kept.append(.apiEndpoint) }
        let there = CredentialsFile.Key.allCases.filter { file.value($0, profile: profile) != nil }
        return (there.filter { !kept.contains($0) }, there.filter(kept.contains))
    }
}
