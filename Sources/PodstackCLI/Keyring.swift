import Podstack
import PodstackCryptography

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The desktop's keyring, through `podstack-keyring`: a program of its own, so that this one does not load the library
/// that it takes. A token goes to it on standard input alone.
struct Keyring {
    static let programName = "podstack-keyring"

    private let program: String
    private let environment: [String: String]

    /// Somebody may be asked for the password of the keyring.
    private static let patience = Duration.seconds(120)

    /// Throws where there is no such program.
    init(_ context: Context) throws {
        #if !os(Linux)
            throw UsageError("--use-keyring needs a Linux desktop: there is no keyring on this system so far")
        #endif
        guard let program = context.keyringProgram() else {
            throw CommandError(
                message: "\(Self.programName), which speaks to the keyring, is not beside podstack",
                hint: "Install both from the same build, or leave out --use-keyring")
        }
        self.program = program
        // It needs to know where the session is, and no token that is meant for others.
        environment = context.environment.allTrusted.filter { !$0.key.hasPrefix("PODSTACK_") }
    }

    // MARK: - In a profile

    /// The entries that a profile takes in turn: what counts is the one that the profile names, and a login that is
    /// broken off has changed only the other.
    static func entries(of profile: String, path: String) -> [String] {
        let place = Array("\(absolute(path))\0\(profile)".utf8)
        let name = Sodium.sha256(place).prefix(16).hexadecimal
        return ["\(name)-a", "\(name)-b"]
    }

    private static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = getcwd(nil, 0) else { return path }
        defer { free(folder) }
        return "\(String(cString: folder))/\(path)"
    }

    /// The entry that a profile takes its token from; nil when it takes none from a keyring.
    static func entry(of profile: String, in file: CredentialsFile) -> String? {
        guard let command = file.value(.credentialProcess, profile: profile),
            let words = CommandWords.split(command), words.count == 3, words[1] == "get",
            words[0] == programName || words[0].hasSuffix("/" + programName)
        else { return nil }
        return words[2]
    }

    func use(_ entry: String, for profile: String, in file: inout CredentialsFile) throws {
        try file.set(.credentialProcess, to: CommandWords.join([program, "get", entry]), profile: profile)
        try file.set(.credentialStoreProcess, to: CommandWords.join([program, "store", entry]), profile: profile)
    }

    // MARK: - In the keyring

    /// Throws when nothing can be stored; asks whoever is there to unlock it.
    func check() async throws {
        do { try await run("check") } catch var error as CommandError {
            error.hint = "Without --use-keyring the token is stored in the credentials file"
            throw error
        }
    }

    /// - Parameter label: What the desktop shows for it.
    func store(_ token: APIToken, as entry: String, label: String) async throws {
        try await run("store", entry, label, input: token.withSecret { Array($0.utf8) })
    }

    /// Those that hold nothing stay like that.
    func erase(_ entries: Set<String>) async throws {
        for entry in entries.sorted() { try await run("erase", entry) }
    }

    private func run(_ words: String..., input: [UInt8]? = nil) async throws {
        let result = try await ChildProcess.run(
            [program] + words, input: input, environment: environment, of: .argument("the keyring's program"),
            within: Self.patience)
        guard result.status == 0 else {
            throw CommandError(message: result.errorText.isEmpty ? "\(program) failed" : result.errorText)
        }
    }
}
