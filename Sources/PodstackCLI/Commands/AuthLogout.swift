import Podstack

extension Command {
    static let authLogout = Command(
        words: ["auth", "logout"],
        summary: "Remove the stored token of the profile; it stays valid until it is revoked."
    ) { invocation in
        try invocation.arguments.nothing()
        var file = try CredentialsFile(changing: CredentialsFile.path(invocation.context.environment))
        let profile = invocation.profileName
        guard file.value(.apiToken, profile: profile) != nil else {
            throw CommandError(message: "\(file.path) holds no token of the profile \"\(profile)\"")
        }
        try file.remove(.apiToken, profile: profile)
        try file.remove(.pendingAPIToken, profile: profile)
        try file.save()
        invocation.note("Removed the token of [\(profile)] from \(file.path)")
        return .done
    }
}
