import Podstack

extension Invocation {
    /// The profile that a command is about.
    var profileName: String {
        arguments.value("profile") ?? CredentialsFile.ambientProfileName(context.environment)
    }

    /// Whether nothing reads the profile, since nobody names it and a token in the environment comes before it.
    var isProfileHidden: Bool { reasonForNoProfile != nil }

    var reasonForNoProfile: String? {
        guard arguments.value("profile") == nil else { return nil }
        return ClientConfiguration.variableHoldingToken(context.environment).map {
            "\($0) is set, so no profile is used"
        }
    }

    func changeProfile(_ change: (inout CredentialsFile, String) throws -> Void) throws {
        var file = try CredentialsFile(changing: CredentialsFile.path(context.environment))
        try change(&file, profileName)
        try file.save()
    }
}

extension CredentialsFile {
    /// Throws when there is no such profile.
    func checkHas(_ profile: String) throws {
        guard !profileNames.contains(profile) else { return }
        let message = "\(path) has no profile \"\(Arguments.shown(profile))\""
        guard !profileNames.isEmpty else {
            throw CommandError(message: message, hint: "podstack auth login --profile P makes one")
        }
        throw CommandError(message: message, hint: "Those that it has: \(profileNames.joined(separator: ", "))")
    }
}
