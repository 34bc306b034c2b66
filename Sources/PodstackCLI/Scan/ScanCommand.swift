import Podstack
import PodstackCommandLine

/// `podstack token scan`: finds leaked tokens in files and in Git repositories, without any request.
enum ScanCommand {
    static let command = Command(
        "token", "scan", summary: "Find leaked Podstack tokens in files and Git repositories, offline.",
        arguments: [
            Argument(
                "PATH", summary: "a file, a directory, or - for standard input; with --git or --staged, a repository",
                count: .zeroOrMore, values: .files)
        ],
        flags: [
            Flag("git", summary: "search everything in the history of the repository PATH (default: .)"),
            Flag("staged", summary: "search what the next commit adds to the repository PATH (default: .)"),
            Flag(
                "exclude", value: "PATTERN", summary: "skip files and directories, as a line of .gitignore; repeatable",
                isRepeatable: true),
            Flag("no-archives", summary: "do not search inside archives and compressed files"),
            Flag("report", summary: "report the tokens to the service, which revokes those that are valid"),
        ],
        details: """
            Prints PATH:LINE:COLUMN and the public part of each token whose checksum is right, never its secret.
            The column counts bytes. Directories are searched with everything in them; symbolic links, pipes and
            devices in them are skipped. Binary files and UTF-16 are searched too, and so are .gz, .bz2, .xz, .zst, .zip,
            .jar, .whl, .tar, .7z and other archives, also inside each other: PATH!MEMBER:LINE:COLUMN.

            --git searches all objects of a repository: every version of every file, the messages of commits and tags,
            notes, stashes, and what no branch contains any more. It prints COMMIT:PATH:LINE:COLUMN, with the first
            commit that has the token. Nothing that the repository configures is run.

            --exclude patterns have the meaning of .gitignore, relative to PATH: build/, a/b, *.lock, **/test, !keep.

            Exit status: 0 no token found; 1 token found; 2 no token found, but wrong usage, a file that could not be
            read or searched inside, or a history that is not complete, as in a shallow clone.
            """,
        examples: [
            "podstack token scan . --exclude node_modules/ --exclude '*.lock'",
            Example("podstack token scan --git", "the whole history of this repository"),
            Example("podstack token scan --git --report", "revokes what it finds"),
        ]
    ) { invocation in
        try await ScanReport(invocation).run(try ScanRequest(invocation))
    }
}

/// The files or the repository that a scan searches, from its arguments.
enum ScanRequest {
    case paths([String])
    case repository(String)
    case staged(String)

    init(_ invocation: Invocation) throws(UsageError) {
        let paths = invocation.arguments.positional
        let (searchesGit, searchesIndex) = (invocation.arguments.has("git"), invocation.arguments.has("staged"))
        guard searchesGit || searchesIndex else {
            guard !paths.isEmpty else {
                throw UsageError(
                    "missing argument PATH: a file, a directory, or - for standard input",
                    hint: "podstack token scan --help shows the usage")
            }
            self = .paths(paths)
            return
        }
        guard !(searchesGit && searchesIndex) else {
            throw UsageError("--git and --staged cannot both be given: --git includes what is staged")
        }
        let name = searchesGit ? "--git" : "--staged"
        guard paths.count <= 1 else { throw UsageError("\(name) searches one repository: give one PATH") }
        let folder = paths.first ?? "."
        guard folder != "-" else { throw UsageError("\(name) needs a directory, not standard input") }
        self = searchesGit ? .repository(folder) : .staged(folder)
    }
}
