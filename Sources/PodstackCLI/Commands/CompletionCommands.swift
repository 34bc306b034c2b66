import Podstack
import PodstackCommandLine

/// `podstack completion`, and the command that its scripts call.
enum CompletionCommands {
    static let all: [Command] = [completion, complete]

    // The lists of ``Values/listed(_:)``.
    static let profiles = "profiles"
    static let projects = "projects"
    static let tokens = "tokens"
    static let members = "members"
    static let invitations = "invitations"
    static let pods = "pods"
    static let volumes = "volumes"
    static let gpuTypes = "GPU types"

    static let completion = Command(
        "completion", summary: "Print the script with which a shell completes commands, flags, profiles and names.",
        arguments: [
            Argument(
                "SHELL", summary: "bash, zsh or fish", values: .choices(CompletionShell.allCases.map(\.rawValue)))
        ],
        details: """
            The script asks the podstack in PATH for the candidates, so it also works after an update of podstack. \
            Projects, tokens, members, invitations, pods, volumes and types of GPUs come from the service, if it \
            responds within two seconds.
            """,
        examples: [
            Example("eval \"$(podstack completion bash)\"", "in ~/.bashrc"),
            Example("eval \"$(podstack completion zsh)\"", "in ~/.zshrc, below compinit"),
            Example("podstack completion zsh >\"${fpath[1]}/_podstack\"", "or once, for zsh"),
            Example("podstack completion fish >~/.config/fish/completions/podstack.fish", "once, for fish"),
        ]
    ) { invocation in
        if let shell = CompletionShell(rawValue: invocation.arguments.positional[0]) {
            invocation.print(shell.script(for: PodstackTool.program.name))
        }
        return .success
    }

    /// The command that the scripts call.
    ///
    /// Reads the words of the line, and writes the text of the completion.
    static let complete = Command(
        "__complete", summary: "Print the candidates for the next word.", isHidden: true
    ) { invocation in
        let line = LineCompletion.words(of: try invocation.context.readInput())
        var needed: String?
        var completion = LineCompletion(line, of: PodstackTool.program) { list in
            needed = list
            return []
        }
        if let needed {
            let listed = await candidates(of: needed, for: line, invocation.context)
            completion = LineCompletion(line, of: PodstackTool.program) { _ in listed }
        }
        invocation.print(completion.text)
        return .success
    }

    /// Returns the words of a list, which must be safe to print on one line.
    private static func candidates(
        of list: String, for line: [String], _ context: Context
    ) async -> [LineCompletion.Candidate] {
        let all =
            list == profiles
            ? profileNames(context.environment).map { LineCompletion.Candidate(text: $0) }
            : await ServiceCompletion(line, context).candidates(of: list)
        return all.filter { $0.text == TerminalText.printable($0.text) && !$0.text.isEmpty }.map { candidate in
            LineCompletion.Candidate(text: candidate.text, summary: TerminalText.printable(candidate.summary))
        }
    }

    /// Returns the profiles of the credentials file; none when it cannot be read, because completion shows no errors.
    ///
    /// Opens the file for changing, which rejects a pipe: reading would empty it.
    private static func profileNames(_ environment: PodstackEnvironment) -> [String] {
        guard let path = try? CredentialsFile.path(environment), let file = try? CredentialsFile(changing: path)
        else { return [] }
        return file.profileNames
    }
}

/// The completion of names that only the service knows.
///
/// It shows no errors, because a failed completion is not the user's concern.
private struct ServiceCompletion {
    private let line: [String]
    private let context: Context

    /// The largest number of elements of a list that are offered.
    private static let largestCount = 200

    init(_ line: [String], _ context: Context) {
        self.line = line
        self.context = context
    }

    func candidates(of list: String) async -> [LineCompletion.Candidate] {
        guard let client = try? client(), let pairs = try? await pairs(of: list, client) else { return [] }
        let counts = Dictionary(pairs.map { ($0.name, 1) }, uniquingKeysWith: +)
        // A name that several share would be refused.
        let names = pairs.filter { counts[$0.name] == 1 && $0.name != $0.id }.map {
            LineCompletion.Candidate(text: $0.name, summary: $0.id)
        }
        return pairs.map { LineCompletion.Candidate(text: $0.id, summary: $0.name) } + names
    }

    private func pairs(of list: String, _ client: Client) async throws -> [(id: String, name: String)] {
        let count = Self.largestCount
        switch list {
        case CompletionCommands.projects:
            return try await client.withoutProject.projects.list().first(count).map { ($0.id, $0.name) }
        case CompletionCommands.tokens:
            return try await client.tokens.list().first(count).filter {
                $0.status != "expired" && $0.status != "revoked"
            }
            .map { ($0.id, $0.name) }
        case CompletionCommands.members:
            let invocation = try Invocation(arguments: Arguments(), context: context, format: .table)
            let project = try await invocation.projectInUse(client)
            return try await client.members.list(project: project).first(count).map { ($0.userID, $0.email) }
        case CompletionCommands.invitations:
            return try await client.withoutProject.members.invitations().first(count)
                .map { ($0.projectID, $0.projectName) }
        case CompletionCommands.pods:
            return try await client.pods.list().first(count).map { ($0.id, $0.name) }
        case CompletionCommands.volumes:
            return try await client.volumes.list().first(count).map { ($0.id, $0.name) }
        case CompletionCommands.gpuTypes: return try await client.gpus.list().map { ($0.id, $0.id) }
        default: return []
        }
    }

    /// Creates a client from the flags of the unfinished line.
    private func client() throws -> Client {
        var environment = context.environment
        if let path = value(of: "env-file") { _ = try DotEnv.load(path, into: &environment) }
        // Rejects a pipe, which gives its content only once.
        if let path = try? CredentialsFile.path(environment) { _ = try CredentialsFile(changing: path) }
        let token = value(of: "token").flatMap { $0 == "-" ? nil : $0 }
        let file = try value(of: "token-file").flatMap { try TokenFileCredentials.read($0, within: .zero) }
        var options = ClientOptions()
        options.environment = environment
        options.transport = context.transport
        options.timeout = context.completionTimeLimit
        options.retry = RetryConfiguration(maxRetries: 0)
        let project = value(of: "project").flatMap { $0.hasPrefix("prj_") ? $0 : nil }
        return try Client(
            apiToken: token ?? file, profile: value(of: "profile"), projectID: project,
            apiEndpoint: value(of: "api-endpoint"), options: options)
    }

    /// Returns the value of a flag before the word to complete; nil when it is not given.
    private func value(of flag: String) -> String? {
        let words = Array(line.dropLast().prefix { $0 != "--" })
        for (index, word) in words.enumerated() {
            if word == "--\(flag)", index + 1 < words.count { return words[index + 1] }
            if word.hasPrefix("--\(flag)=") { return String(word.dropFirst(flag.utf8.count + 3)) }
        }
        return nil
    }
}
