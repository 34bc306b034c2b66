import Podstack

extension Command {
    static let tokenScan = Command(
        words: ["token", "scan"], summary: "Look for leaked Podstack tokens in files, offline.", usage: "PATH…",
        flags: [
            .init(
                name: "exclude", value: "GLOB", summary: "skip what has such a name or path; may be repeated",
                isRepeatable: true)
        ],
        takes: [.files],
        details: """
            A PATH is a file, a directory with all below it, or - for standard input. Prints PATH:LINE:COLUMN and the
            public part of each token whose checksum is right, never its secret; the column counts bytes. Binary files
            and UTF-16 are searched too; compressed files, and the history of Git, are not seen from outside:

              git log -p --all --text | podstack token scan -

            Below a directory, symbolic links are not followed, and pipes and devices not opened.

            Exit status: 0 nothing found; 1 found; 2 nothing found, but wrong usage, or something could not be read.
            """
    ) { invocation in
        let paths = invocation.arguments.positional
        guard !paths.isEmpty else {
            throw UsageError("PATH is missing: a file, a directory, or - for standard input")
        }
        return try await ScanReport(invocation).run(paths)
    }
}

/// Tells what a scan finds while it goes on.
private final class ScanReport {
    private struct Unreadable: Encodable {
        var path: String
        var reason: String
    }

    private struct Whole: Encodable {
        var findings: [ScanFinding]
        var unreadable: [Unreadable]
        /// Repositories whose history was not searched.
        var unsearched: [String]
        var files: Int
        var bytes: Int
    }

    private let invocation: Invocation
    private let counts = ScanCounts()
    private let progress: ScanProgress
    private let isLines: Bool
    private var found = 0
    private var example: String?
    private var findings: [ScanFinding] = []
    private var unreadable: [Unreadable] = []
    private var repositories: [String] = []

    init(_ invocation: Invocation) {
        self.invocation = invocation
        progress = ScanProgress(invocation.context, counts)
        isLines = [.table, .wide].contains(invocation.format)
    }

    func run(_ paths: [String]) async throws -> ExitStatus {
        let scan = PathScan(
            input: invocation.context.inputDescriptor, excluded: invocation.arguments.values("exclude") ?? [],
            counts: counts)
        await progress.during { await scan.run(paths) { self.tell($0) } }
        if !isLines {
            try invocation.write(
                Whole(
                    findings: findings, unreadable: unreadable, unsearched: repositories, files: counts.files,
                    bytes: counts.bytes)
            ) { "" }
        }
        tellHistory()
        invocation.note("Found \(found) \(found == 1 ? "token" : "tokens") in \(counts.text)")
        if let example { invocation.note("Revoke each now: podstack token revoke \(example)") }
        return found > 0 ? .failure : unreadable.isEmpty ? .done : .usage
    }

    private func tell(_ event: PathScan.Event) {
        switch event {
        case .found(let finding):
            found += 1
            example = example ?? finding.id
            if isLines { progress.interrupted { invocation.print(finding.text) } } else { findings.append(finding) }
        case .unreadable(let path, let reason):
            unreadable.append(Unreadable(path: path, reason: reason))
            progress.interrupted { invocation.warn("\(Table.printable(path)) cannot be read: \(reason)") }
        case .repository(let path): repositories.append(path)
        }
    }

    private func tellHistory() {
        guard let first = repositories.first else { return }
        let others = repositories.count > 1 ? ", nor that of \(repositories.count - 1) more" : ""
        invocation.note(
            """
            The history in \(Table.printable(first)) was not searched\(others): it is compressed. This does:
              git -C \(Table.printable(first)) log -p --all --text | podstack token scan -
            """)
    }
}
