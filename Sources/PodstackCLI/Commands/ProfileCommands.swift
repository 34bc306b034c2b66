import Podstack
import PodstackCommandLine
import PodstackSystem

/// `podstack config set-profile` and `get-profile`: the profile that is used when none is named.
enum ProfileCommands {
    static let all: [Command] = [setProfile, getProfile]

    static let getProfile = Command(
        "config", "get-profile", summary: "Show the profile that is used when none is named.",
        examples: ["podstack config get-profile"]
    ) { invocation in
        let name = invocation.profileName
        try invocation.write(["profile": name, "origin": origin(invocation)]) { TerminalText.printable(name) }
        let file = try invocation.credentialsFile()
        if let reason = invocation.reasonForNoProfile {
            invocation.inform(reason)
        } else if !file.isThere {
            invocation.inform(file.missingText)
        } else if !file.hasProfile(name) {
            invocation.inform(
                TerminalText.printable(
                    "\(file.path) does not have this profile; podstack config show lists the profiles"))
        }
        return .success
    }

    private static func origin(_ invocation: Invocation) -> String {
        if invocation.arguments.value("profile") != nil { return "--profile" }
        let variable = PodstackEnvironment.Variable.profile.rawValue
        if invocation.context.environment.value(of: variable) != nil { return variable }
        guard invocation.profileName != CredentialsFile.defaultProfile else { return "default" }
        // The key `profile`, which podstack auth switch sets.
        let path = (try? CredentialsFile.path(invocation.context.environment)) ?? ""
        return "\(path) [\(CredentialsFile.defaultProfile)]"
    }

    static let setProfile = Command(
        "config", "set-profile",
        summary: "Print the line that selects a profile in your shell: eval \"$(podstack config set-profile P)\".",
        arguments: [
            Argument(
                "P", summary: "the name of the profile", values: .listed(CompletionCommands.profiles))
        ],
        flags: [
            Flag(
                "shell", value: "SHELL", summary: "bash, zsh, sh or fish (default: the shell in $SHELL)",
                values: .choices(["bash", "zsh", "sh", "fish"]))
        ],
        examples: [Example("eval \"$(podstack config set-profile work)\"", "for the current shell")]
    ) { invocation in
        let profile = invocation.arguments.positional[0]
        guard invocation.arguments.value("profile") == nil else {
            throw UsageError("--profile names a second profile: leave it out")
        }
        let environment = invocation.context.environment
        let file = try invocation.credentialsFile()
        try file.checkHas(profile)
        let isFish = (invocation.arguments.value("shell") ?? environment.value(of: "SHELL") ?? "").hasSuffix("fish")
        let variable = PodstackEnvironment.Variable.profile.rawValue
        let line =
            isFish
            ? "set -gx \(variable) \(ShellQuotes.fish(profile))" : "export \(variable)=\(ShellQuotes.posix(profile))"
        try invocation.write(["profile": profile, "line": line]) { line }
        if ![.apiToken, .credentialProcess].contains(where: { file.value($0, profile: profile)?.isEmpty == false }) {
            invocation.warn(
                TerminalText.printable(
                    "[\(profile)] in \(file.path) has no token; podstack auth login --profile \(profile) stores one"))
        }
        if let variable = ClientConfiguration.variableHoldingToken(environment) {
            invocation.warn("\(variable) is set and overrides every profile: unset \(variable)")
        }
        if invocation.context.isOutputTerminal {
            invocation.inform(
                "A program cannot change its shell: run the line above there, or add it to the start file of the shell."
            )
        }
        return .success
    }
}
