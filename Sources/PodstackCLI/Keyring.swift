import Podstack
import PodstackCommandLine
import PodstackCryptography
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The keyring of the desktop.
///
/// `podstack-keyring` accesses it, so that this program does not load the library of the keyring. A token reaches
/// `podstack-keyring` on standard input only.
struct Keyring {
    private static let programName = "podstack-keyring"

    private let program: String
    private let environment: [String: String]

    /// Long enough for a user to enter the password of the keyring.
    private static let timeout = Duration.seconds(120)

    /// Throws when `podstack-keyring` is not installed.
    init(_ context: Context) throws {
        #if !os(Linux)
            throw UsageError("--use-keyring needs a Linux desktop: this system has no Secret Service keyring")
        #endif
        guard let program = context.keyringProgram() else {
            throw CommandError(
                message: "\(Self.programName), which accesses the keyring, is not in the directory of podstack",
                hint: "Install both from the same build, or leave out --use-keyring")
        }
        self.program = program
        // The program must find the session, and needs none of our tokens.
        environment = context.environment.allTrusted.filter { !$0.key.hasPrefix(bytes: "PODSTACK_") }
    }

    /// Returns the path of the keyring program in the directory of this program; nil when it is not there.
    @Sendable static func installedProgram() -> String? {
        #if os(Linux)
            let program = FilePath("/proc/self/exe").real?.parent.appending(programName)
            return program.flatMap { program in program.withCString { access($0, X_OK) } == 0 ? program.text : nil }
        #else
            return nil
        #endif
    }

    // MARK: - The entry of a profile

    /// Returns the two entries that a profile uses in turn.
    ///
    /// The profile names the current one. A login that is interrupted has changed only the other.
    static func entries(of profile: String, path: String) -> [String] {
        let place = Array("\(absolute(path))\0\(profile)".utf8)
        let name = Sodium.sha256(place).prefix(16).hexadecimal
        return ["\(name)-a", "\(name)-b"]
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = FilePath.workingDirectory else { return path }
        return "\(folder.text)/\(path)"
    }

    /// Returns the entry that holds the token of a profile; nil when its token is not in a keyring.
    static func entry(of profile: String, in file: CredentialsFile) -> String? {
        guard let command = file.value(.credentialProcess, profile: profile),
            let words = CommandWords.split(command), words.count == 3, words[1] == "get",
            words[0] == programName || words[0].hasSuffix(bytes: "/" + programName)
        else { return nil }
        return words[2]
    }

    func use(_ entry: String, for profile: String, in file: inout CredentialsFile) throws {
        try file.set(.credentialProcess, to: CommandWords.join([program, "get", entry]), profile: profile)
        try file.set(.credentialStoreProcess, to: CommandWords.join([program, "store", entry]), profile: profile)
    }

    // MARK: - The keyring

    /// Throws when the keyring cannot store a token; may ask the user to unlock it.
    func check() async throws {
        do { try await run("check") } catch var error as CommandError {
            error.hint = "Without --use-keyring the token is stored in the credentials file"
            throw error
        }
    }

    /// Stores a token.
    ///
    /// - Parameters:
    ///   - token: The token.
    ///   - entry: The entry, whose former token is replaced.
    ///   - label: The name that the desktop shows for the entry.
    /// - Throws: The error of `podstack-keyring`.
    func store(_ token: APIToken, as entry: String, label: String) async throws {
        try await run("store", entry, label, input: token.withSecret { Array($0.utf8) })
    }

    /// Removes the entries that exist.
    func erase(_ entries: Set<String>) async throws {
        for entry in entries.sorted() { try await run("erase", entry) }
    }

    private func run(_ words: String..., input: [UInt8]? = nil) async throws {
        let result = try await BlockingWork.reporting("the keyring") {
            try await ChildProcess.run(
                [program] + words, input: input, environment: environment, of: .argument("the keyring program"),
                within: Self.timeout)
        }
        guard result.status == 0 else {
            throw CommandError(message: result.errorText.isEmpty ? "\(program) failed" : result.errorText)
        }
    }
}
