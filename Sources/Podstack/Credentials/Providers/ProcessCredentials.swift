/// What a command prints: `{"version": 1, "api_token": "…", "expires_at": "…"}`, the time optional.
public struct ProcessCredentials: CredentialProvider {
    let command: String
    /// What keeps another token in the place of the one that `command` prints; nil when nothing does.
    var storing: String?
    let environment: PodstackEnvironment
    public let source: ClientConfiguration.Source

    /// Runs the command: 30 seconds and 64 KiB at most. Throws ``ConfigurationError`` when it fails, with what it said
    /// on standard error.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        try CredentialProcessOutput.credential(in: await run(command, input: nil), from: source)
    }

    /// Gives a token to the command that keeps it, on its standard input. Nothing is done when there is no such command.
    /// Throws ``ConfigurationError`` when it fails.
    func store(_ token: APIToken) async throws {
        guard let storing else { return }
        let result = try await run(storing, input: token.withSecret { Array("\($0)\n".utf8) })
        guard result.status == 0 else {
            guard case .process(let profile, let path, _) = source else {
                throw CredentialProcessOutput.failure(result, of: "\(source)")
            }
            throw CredentialProcessOutput.failure(result, of: "credential_store_process of \(path) [\(profile)]")
        }
    }

    private func run(_ command: String, input: [UInt8]?) async throws -> ChildProcess.Result {
        guard let words = CommandWords.split(command), !words.isEmpty else {
            throw ConfigurationError(message: "\(source) has a quote that is not closed, or no words")
        }
        // What a `.env` set must not choose the program that is run, or what it loads.
        return try await ChildProcess.run(words, input: input, environment: environment.allTrusted, of: source)
    }
}

extension CredentialProvider where Self == ProcessCredentials {
    /// Runs a command for each token.
    ///
    /// - Parameters:
    ///   - command: A program and its arguments, split at white space without a shell; quotes keep words together.
    ///   - environment: What the program is started with.
    public static func process(command: String, environment: PodstackEnvironment = .process) -> ProcessCredentials {
        ProcessCredentials(command: command, environment: environment, source: .argument("credentials:"))
    }
}
