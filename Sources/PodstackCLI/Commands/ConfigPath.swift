import Podstack

extension Command {
    static let configPath = Command(words: ["config", "path"], summary: "Show where the credentials file is.") {
        invocation in
        try invocation.arguments.nothing()
        let path = try CredentialsFile.path(invocation.context.environment)
        try invocation.write(["path": path]) { path }
        return .done
    }
}
