import Podstack
import PodstackAPI
import PodstackCommandLine
import Synchronization

/// `podstack token scan`: finds leaked tokens in files, without any request.
enum ScanCommand {
    static let command = Command(
        "token", "scan", summary: "Find leaked Podstack tokens in files, offline.",
        arguments: [
            Argument("PATH", summary: "a file, a directory, or - for standard input", count: .oneOrMore, values: .files)
        ],
        flags: [
            Flag(
                "exclude", value: "GLOB", summary: "skip files and directories with this name or path; may be repeated",
                isRepeatable: true)
        ],
        details: """
            Prints PATH:LINE:COLUMN and the public part of each token whose checksum is right, never its secret.
            The column counts bytes. Directories are searched with everything in them; symbolic links, pipes and
            devices in them are skipped. Binary files and UTF-16 are searched too, but not compressed files, and not
            the history of Git, for which there is:

              git log -p --all --text | podstack token scan -

            Exit status: 0 no token found; 1 token found; 2 no token found, but wrong usage or a file that could not
            be read.
            """,
        examples: ["podstack token scan . --exclude node_modules --exclude '*.lock'"]
    ) { invocation in
        try await ScanReport(invocation).run(invocation.arguments.positional)
    }
}

/// A token and its position.
///
/// Only the prefix of the token is shown and encoded.
struct ScanFinding: Sendable, Encodable {
    var path: String
    /// The number of the line, from 1.
    var line: Int
    /// The number of the byte in the line, from 1.
    var column: Int
    var token: APIToken
    /// The public ID of the token.
    var id: String

    init(path: String, line: Int, column: Int, token: APIToken) {
        self.path = path
        self.line = line
        self.column = column
        self.token = token
        id = token.withSecret { TokenFormat.id(of: $0) } ?? ""
    }

    var text: String { "\(TerminalText.printable(path)):\(line):\(column): \(token)" }
}

/// The numbers of files and bytes that a scan has read, counted by several threads.
final class ScanCounts: Sendable {
    private let fileCount = Atomic(0)
    private let byteCount = Atomic(0)

    var files: Int { fileCount.load(ordering: .relaxed) }
    var bytes: Int { byteCount.load(ordering: .relaxed) }

    func addFile() { fileCount.add(1, ordering: .relaxed) }
    func add(bytes count: Int) { byteCount.add(count, ordering: .relaxed) }

    /// The counts as text, as in `12 files, 3.4 MB`.
    var text: String { "\(files) \(files == 1 ? "file" : "files"), \(Self.size(bytes))" }

    private static func size(_ bytes: Int) -> String {
        let units = ["bytes", "kB", "MB", "GB", "TB"]
        var (rest, unit) = (bytes, 0)
        while rest >= 1_000_000, unit < units.count - 2 { (rest, unit) = (rest / 1000, unit + 1) }
        guard rest >= 1000 else { return "\(rest) \(units[unit])" }
        return "\(rest / 1000).\(rest % 1000 / 100) \(units[unit + 1])"
    }
}

/// Writes the findings of a scan while it runs, and its summary at the end.
private final class ScanReport {
    private struct Unreadable: Encodable {
        var path: String
        var reason: String
    }

    private struct Document: Encodable {
        var findings: [ScanFinding]
        var unreadable: [Unreadable]
        /// The repositories whose history was not searched.
        var unsearched: [String]
        var files: Int
        var bytes: Int
    }

    private let invocation: Invocation
    private let counts = ScanCounts()
    private let progress: ProgressLine
    /// Whether each finding is a line, written at once, and not a part of one JSON or YAML document.
    private let writesLines: Bool
    private var found = 0
    /// The ID of the first token that was found.
    private var firstID: String?
    private var findings: [ScanFinding] = []
    private var unreadable: [Unreadable] = []
    private var repositories: [String] = []

    init(_ invocation: Invocation) {
        self.invocation = invocation
        progress = ProgressLine(write: invocation.context.standardError)
        writesLines = [.table, .wide].contains(invocation.format)
    }

    func run(_ paths: [String]) async throws -> ExitStatus {
        let scan = PathScan(
            input: invocation.context.inputDescriptor, excluded: invocation.arguments.list("exclude") ?? [],
            counts: counts)
        await withProgress { await scan.run(paths) { self.report($0) } }
        if !writesLines {
            try invocation.write(
                Document(
                    findings: findings, unreadable: unreadable, unsearched: repositories, files: counts.files,
                    bytes: counts.bytes)
            ) { "" }
        }
        reportRepositories()
        invocation.inform("Found \(found) \(found == 1 ? "token" : "tokens") in \(counts.text)")
        if let firstID { invocation.inform("Revoke each token now: podstack token revoke \(firstID)") }
        return found > 0 ? .failure : unreadable.isEmpty ? .success : .usage
    }

    /// Shows the counts while `body` runs, if that takes more than a second.
    private func withProgress(_ body: () async -> Void) async {
        let context = invocation.context
        guard context.showsProgress else { return await body() }
        let ticker = Task { [progress, counts] in
            try await context.time.sleep(.seconds(1))
            while !Task.isCancelled {
                progress.show("Searched \(counts.text)")
                try await context.time.sleep(.milliseconds(200))
            }
        }
        await body()
        ticker.cancel()
        _ = try? await ticker.value
        progress.clear()
    }

    private func report(_ event: PathScan.Event) {
        switch event {
        case .found(let finding):
            found += 1
            firstID = firstID ?? finding.id
            if writesLines { progress.interrupt { invocation.print(finding.text) } } else { findings.append(finding) }
        case .unreadable(let path, let reason):
            unreadable.append(Unreadable(path: path, reason: reason))
            progress.interrupt { invocation.warn("\(TerminalText.printable(path)) cannot be read: \(reason)") }
        case .repository(let path): repositories.append(path)
        }
    }

    private func reportRepositories() {
        guard let first = repositories.first.map(TerminalText.printable) else { return }
        let others = repositories.count > 1 ? ", nor was that of \(repositories.count - 1) more" : ""
        invocation.inform(
            """
            The history in \(first) was not searched\(others): it is compressed. This command searches it:
              git -C \(first) log -p --all --text | podstack token scan -
            """)
    }
}
