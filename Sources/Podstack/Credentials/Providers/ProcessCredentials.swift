/// What a command prints: `{"version": 1, "api_token": "…", "expires_at": "…"}`, the time optional.
public struct ProcessCredentials: CredentialProvider {
    let command: String
    let environment: Environment
    public let source: Source

    /// Runs the command: 30 seconds and 64 KiB at most. Throws ``ConfigurationError`` when it fails, with what it said
    /// on standard error.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        guard let words = CommandWords.split(command), !words.isEmpty else {
            throw ConfigurationError(message: "\(source) has a quote that is not closed, or no words")
        }
        // What a `.env` set must not choose the program that is run, or what it loads.
        let result = try await ChildProcess.run(words, environment: environment.allTrusted, of: source)
        return try CredentialProcessAnswer.credential(in: result, from: source)
    }
}

extension CredentialProvider where Self == ProcessCredentials {
    /// Runs a command for each token.
    ///
    /// - Parameters:
    ///   - command: A program and its arguments, split at white space without a shell; quotes keep words together.
    ///   - environment: What the program is started with.
    public static func process(command: String, environment: Environment = .process) -> ProcessCredentials {
        ProcessCredentials(command: command, environment: environment, source: .argument("credentials:"))
    }
}
