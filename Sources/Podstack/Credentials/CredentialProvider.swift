import PodstackAPI
import PodstackSystem

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// A source of tokens that are stored elsewhere, such as in a vault or an agent.
///
/// ```swift
/// struct Vault: CredentialProvider {
///     func credential(insteadOf refused: APIToken?) async throws -> Credential {
///         Credential(APIToken(try await readSecret("podstack")))
///     }
/// }
/// let client = try Client(credentials: Vault())
/// ```
///
/// A client asks for a token before its first request, shortly before the credential expires, and after a 401. It asks
/// once at a time, however many requests wait for the token. An error is thrown to the waiting calls, and the next call
/// asks again.
public protocol CredentialProvider: Sendable {
    /// Returns the current token.
    ///
    /// - Parameter refused: The token that the service has just rejected; nil when there was none. Returning the same
    ///   token again means that there is no other.
    /// - Returns: The token, and its expiry if known.
    /// - Throws: Any error; the waiting calls throw it.
    func credential(insteadOf refused: APIToken?) async throws -> Credential
    /// The source of the tokens, for ``Client/configuration`` and for errors.
    var source: ClientConfiguration.Source { get }
}

extension CredentialProvider {
    /// The argument `credentials:`.
    public var source: ClientConfiguration.Source { .argument("credentials:") }
}

/// A token and its expiry.
public struct Credential: Sendable, Hashable {
    /// The token.
    public var token: APIToken
    /// The time when the token expires; nil when it is unknown or never.
    public var expiresAt: Date?

    /// Creates a credential.
    ///
    /// - Parameters:
    ///   - token: The token.
    ///   - expiresAt: The time when the token expires; nil when it is unknown or never.
    public init(_ token: APIToken, expiresAt: Date? = nil) {
        self.token = token
        self.expiresAt = expiresAt
    }
}

// MARK: - A fixed token

/// A provider of one token that never changes.
public struct StaticCredentials: CredentialProvider {
    let token: APIToken
    /// The source of the token.
    public let source: ClientConfiguration.Source

    /// Returns the token.
    ///
    /// - Parameter refused: Ignored.
    /// - Returns: The token.
    public func credential(insteadOf refused: APIToken?) async -> Credential { Credential(token) }
}

extension CredentialProvider where Self == StaticCredentials {
    /// Returns a provider of one token.
    ///
    /// - Parameter token: The token.
    /// - Returns: The provider.
    public static func `static`(_ token: APIToken) -> StaticCredentials {
        StaticCredentials(token: token, source: .argument("credentials:"))
    }
}

// MARK: - The environment

/// A provider of the token in `PODSTACK_API_TOKEN`, or in the file that `PODSTACK_API_TOKEN_FILE` names.
///
/// The variables are read again each time a token is needed.
public struct EnvironmentCredentials: CredentialProvider {
    let environment: PodstackEnvironment

    /// The variable that is set.
    public var source: ClientConfiguration.Source {
        .environment(
            ClientConfiguration.variableHoldingToken(environment) ?? PodstackEnvironment.Variable.apiToken.rawValue)
    }

    /// Returns the token.
    ///
    /// - Parameter refused: The token that the service has rejected, for which a rotation may have written a new one.
    /// - Returns: The token.
    /// - Throws: ``AuthenticationError`` when neither variable is set or the value cannot be a token.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        var search = TokenSearch(Resolution(environment: environment))
        let candidates = TokenCandidate.inEnvironment
        guard let match = try search.first(of: candidates) else {
            throw ErrorMapping.noToken(
                lookedIn: search.places(of: candidates), misnamedVariable: environment.misnamedToken)
        }
        guard case .file(let path) = match.content else {
            return Credential(try ErrorMapping.usable(search.value(of: match) ?? APIToken(""), from: match.source))
        }
        return try await TokenFileCredentials(path: path, source: match.source).credential(insteadOf: refused)
    }
}

extension CredentialProvider where Self == EnvironmentCredentials {
    /// Returns a provider of the token in the environment.
    ///
    /// - Parameter environment: The environment to look in.
    /// - Returns: The provider.
    public static func environment(_ environment: PodstackEnvironment = .process) -> EnvironmentCredentials {
        EnvironmentCredentials(environment: environment)
    }
}

// MARK: - A profile

/// A provider of the token in a profile of a credentials file, which is read again each time a token is needed.
public struct ProfileCredentials: CredentialProvider {
    let path: String
    let profile: String
    /// The profile and its file.
    public let source: ClientConfiguration.Source

    /// Returns the profile's `api_token`, or its `pending_api_token` when the service has rejected the former.
    ///
    /// A `pending_api_token` with another token ID is ignored: it belongs to a token that was replaced.
    ///
    /// - Parameter refused: The token that the service has rejected.
    /// - Returns: The token.
    /// - Throws: ``AuthenticationError`` when the profile or its token does not exist, ``ConfigurationError`` when the
    ///   file cannot be read or parsed.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        // On its own thread, because reading a pipe may block.
        let work = BlockingWork.current
        return try await BlockingThread.run {
            try BlockingWork.$current.withValue(work) { try read(insteadOf: refused) }
        }
    }

    private func read(insteadOf refused: APIToken?) throws -> Credential {
        let timeLimit = refused == nil ? SecureFile.defaultTimeLimit : SecureFile.timeLimitForMore
        let file = try CredentialsFile(FilePath(path), within: timeLimit)
        guard let profile = file.profile(profile) else {
            throw ErrorMapping.profile(profile, problem: "is not in", path: path, others: file.profileNames)
        }
        guard let entry = profile.entry(.apiToken) else {
            throw ErrorMapping.profile(
                profile.name, problem: "has no api_token in", path: path, others: file.profileNames)
        }
        let token = try ErrorMapping.usable(APIToken(entry.value), from: profile.source(entry))
        if token == refused, let pending = profile.entry(.pendingAPIToken), APIToken(pending.value).isSecret(of: token)
        {
            return Credential(try ErrorMapping.usable(APIToken(pending.value), from: profile.source(pending)))
        }
        return Credential(token)
    }
}

extension CredentialProvider where Self == ProfileCredentials {
    /// Returns a provider of the token in a profile of a credentials file.
    ///
    /// - Parameters:
    ///   - path: The path of the file; nil for ``CredentialsFile/path(_:)``.
    ///   - profile: The name of the profile.
    /// - Returns: The provider.
    /// - Throws: ``ConfigurationError`` when `path` is nil and there is no home directory.
    public static func file(_ path: String? = nil, profile: String = "default") throws -> ProfileCredentials {
        let path = try path.map { try PodstackEnvironment.process.path($0).text } ?? CredentialsFile.path(.process)
        return ProfileCredentials(path: path, profile: profile, source: .profile(profile, path: path, line: 0))
    }
}

// MARK: - A file

/// A provider of the token in a file that contains only a token.
///
/// The file is read again each time a token is needed, because a mounted secret may change at any time.
package struct TokenFileCredentials: CredentialProvider {
    let path: String
    package let source: ClientConfiguration.Source

    /// Returns the path of the file that contains the new secret while a token file is being rotated.
    static func pendingPath(_ path: String) -> String { path + ".pending" }

    package func credential(insteadOf refused: APIToken?) async throws -> Credential {
        // On its own thread, because reading a pipe may block.
        let work = BlockingWork.current
        return try await BlockingThread.run {
            try BlockingWork.$current.withValue(work) { try read(insteadOf: refused) }
        }
    }

    private func read(insteadOf refused: APIToken?) throws -> Credential {
        let timeLimit = refused == nil ? SecureFile.defaultTimeLimit : SecureFile.timeLimitForMore
        guard let text = try Self.read(path, within: timeLimit) else { throw ErrorMapping.missingFile(source) }
        let token = try ErrorMapping.usable(APIToken(text), from: source)
        if token == refused, let pending = try Self.read(Self.pendingPath(path)), APIToken(pending).isSecret(of: token)
        {
            return Credential(try ErrorMapping.usable(APIToken(pending), from: source))
        }
        return Credential(token)
    }

    /// Reads a token file.
    ///
    /// - Parameters:
    ///   - path: The path of the file.
    ///   - timeLimit: The longest time to wait for a pipe.
    /// - Returns: The text of the file; nil when it does not exist.
    /// - Throws: ``ConfigurationError`` when the file cannot be read.
    package static func read(
        _ path: String, within timeLimit: Duration = SecureFile.defaultTimeLimit
    ) throws -> String? {
        try SecureFile.read(FilePath(path), within: timeLimit, most: APIToken.largestText).map {
            String(decoding: $0.bytes, as: UTF8.self)
        }
    }
}

// MARK: - A command

/// A provider of the token that a command prints, as `{"version": 1, "api_token": "…", "expires_at": "…"}`.
///
/// `expires_at` is optional.
public struct ProcessCredentials: CredentialProvider {
    let command: String
    /// The command that stores another token for `command` to print; nil when there is none.
    var storing: String?
    let environment: PodstackEnvironment
    /// The setting that contains the command.
    public let source: ClientConfiguration.Source

    /// Runs the command, for at most 30 seconds and 64 KiB of output.
    ///
    /// - Parameter refused: Ignored.
    /// - Returns: The token, and its expiry if the command prints one.
    /// - Throws: ``ConfigurationError`` with the command's standard error when it fails.
    public func credential(insteadOf refused: APIToken?) async throws -> Credential {
        try CredentialProcessOutput.credential(in: await run(command, input: nil), from: source)
    }

    /// Passes a token to the command that stores it; does nothing when there is no such command.
    ///
    /// Throws ``ConfigurationError`` when the command fails.
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
        guard let words = CommandWords.program(command, home: environment.allTrusted["HOME"]) else {
            throw ConfigurationError(message: "\(source) is empty or has a quote that is not closed")
        }
        let program = try environment.path(words[0]).text
        let rest = try words.dropFirst().map { $0 == "~" || $0.hasPrefix("~/") ? try environment.path($0).text : $0 }
        // Without untrusted variables, because a `.env` file must not choose the program or the code that it loads.
        return try await BlockingWork.reporting(source.origin) {
            try await ChildProcess.run(
                [program] + rest, input: input, environment: environment.allTrusted, of: source)
        }
    }
}

extension CredentialProvider where Self == ProcessCredentials {
    /// Returns a provider that runs a command each time a token is needed.
    ///
    /// - Parameters:
    ///   - command: A program and its arguments, split at whitespace without a shell; quotes keep words together. The path
    ///     of a program as a whole needs no quotes.
    ///   - environment: The environment of the program.
    /// - Returns: The provider.
    public static func process(
        command: String, environment: PodstackEnvironment = .process
    ) -> ProcessCredentials {
        ProcessCredentials(command: command, environment: environment, source: .argument("credentials:"))
    }
}

/// The output of a `credential_process`.
struct CredentialProcessOutput: Decodable {
    var version: Int
    var apiToken: String
    var expiresAt: Date?

    private enum CodingKeys: String, CodingKey {
        case version
        case apiToken = "api_token"
        case expiresAt = "expires_at"
    }

    /// Returns the credential that a command printed.
    ///
    /// Throws ``ConfigurationError`` when the command failed or printed anything else; the error never contains the
    /// output.
    static func credential(
        in result: ChildProcess.Result, from source: ClientConfiguration.Source
    ) throws -> Credential {
        guard result.status == 0 else { throw failure(result, of: "\(source)") }
        let output: CredentialProcessOutput
        do { output = try APICoding.decode(CredentialProcessOutput.self, from: result.output) } catch {
            throw ConfigurationError(
                message: "\(source) did not print the expected JSON object",
                hint: #"It must print {"version": 1, "api_token": "…", "expires_at": "2027-01-31T12:00:00Z"}"#)
        }
        guard output.version == 1 else {
            throw ConfigurationError(
                message: "\(source) printed version \(output.version); only version 1 is supported")
        }
        return Credential(
            try ErrorMapping.usable(APIToken(output.apiToken), from: source), expiresAt: output.expiresAt)
    }

    static func failure(_ result: ChildProcess.Result, of command: Wording) -> ConfigurationError {
        let text = result.errorText
        return ConfigurationError(
            message: "\(command) failed with status \(result.status)\(text.isEmpty ? "" : ": \(text)")")
    }
}
