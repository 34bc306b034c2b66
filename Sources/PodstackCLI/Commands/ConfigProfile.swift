import Podstack

extension Command {
    static let configGetProfile = Command(
        words: ["config", "get-profile"], summary: "Show which profile counts when a program names none."
    ) { invocation in
        try invocation.arguments.nothing()
        let name = invocation.profileName
        let answer = ["profile": name, "origin": origin(invocation)]
        try invocation.write(answer) { Table.printable(name) }
        let file = try CredentialsFile(path: CredentialsFile.path(invocation.context.environment))
        if let reason = invocation.reasonForNoProfile {
            invocation.note(reason)
        } else if !file.isThere {
            invocation.note(Table.printable("\(file.path) is not there yet; podstack auth login makes it"))
        } else if !file.profileNames.contains(name) {
            invocation.note(Table.printable("\(file.path) has no such profile; podstack config show lists them"))
        }
        return .done
    }

    static let configSetProfile = Command(
        words: ["config", "set-profile"],
        summary:
            "Print the line that makes a profile the one of your shell: eval \"$(podstack config set-profile P)\".",
        usage: "P",
        flags: [
            .init(
                name: "shell", value: "SHELL", summary: "bash, zsh, sh or fish; that of $SHELL unless said",
                takes: .words(["bash", "zsh", "sh", "fish"]))
        ],
        takes: [.profiles, .anything]
    ) { invocation in
        let profile = try invocation.arguments.only("the profile P")
        guard invocation.arguments.value("profile") == nil else {
            throw UsageError("the profile is named twice: leave --profile out")
        }
        let environment = invocation.context.environment
        let file = try CredentialsFile(path: CredentialsFile.path(environment))
        try file.checkHas(profile)
        let shell = try invocation.arguments.choice("shell", of: ["bash", "zsh", "sh", "fish"])
        let isFish = (shell ?? environment["SHELL"] ?? "").hasSuffix("fish")
        let line = ShellLine.setting(PodstackEnvironment.Variable.profile.rawValue, to: profile, isFish: isFish)
        try invocation.write(["profile": profile, "line": line]) { line }
        if !file.holdsToken(profile) {
            let advice = "podstack auth login --profile \(profile) stores one"
            invocation.warn(Table.printable("[\(profile)] in \(file.path) has no token; \(advice)"))
        }
        if let variable = ClientConfiguration.variableHoldingToken(environment) {
            invocation.warn("\(variable) is set and comes before every profile: unset \(variable)")
        }
        if invocation.context.isOutputShown {
            invocation.note(
                "No program can change the shell that started it: type the line above there. "
                    + "In the shell's start file it lasts.")
        }
        return .done
    }

    private static func origin(_ invocation: Invocation) -> String {
        if invocation.arguments.value("profile") != nil { return "--profile" }
        let variable = PodstackEnvironment.Variable.profile.rawValue
        let isSet = invocation.context.environment[variable]?.contains { !$0.isWhitespace } == true
        return isSet ? variable : "default"
    }
}

extension CredentialsFile {
    fileprivate func holdsToken(_ profile: String) -> Bool {
        [.apiToken, .credentialProcess].contains { value($0, profile: profile)?.isEmpty == false }
    }
}
