import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackSystem
import Synchronization

/// `podstack pod`: what is inside a pod.
enum PodDataCommands {
    static let all: [Command] = [exec, logs, cp, stats, events]

    // MARK: - Programs

    static let exec = Command(
        "pod", "exec", summary: "Run a program in a pod that runs, and end with its status.",
        arguments: [
            PodCommands.pod, Argument("COMMAND", summary: "the program and its arguments", count: .commandLine),
        ],
        flags: [
            Flag("interactive", short: "i", summary: "send standard input to the program"),
            Flag("tty", short: "t", summary: "give the program this terminal, as with -it for a shell"),
            Flag(
                "timeout", value: "TIME",
                summary: "end the program after this time: 90s, 30m, 12h or 7d; its output is then shown at its end"),
        ],
        details: """
            The words after POD are the command line of the program, whose own options need no --. The status is that of the \
            program, and 1 to 6 if it could not be run. With -t, the terminal is the program's: all keys go to it, and what it \
            writes controls the terminal. Without it, only colors, tabs and line ends of the output reach a terminal; a file or \
            a pipe gets the output as it is.
            """,
        examples: [
            Example("podstack pod exec -it trainer bash", "a shell"), "podstack pod exec trainer nvidia-smi",
            "podstack pod exec trainer -- ls -la /data", "podstack pod exec -i trainer tar -x <files.tar",
            "podstack pod exec trainer sh -c 'du -s /data/*'",
        ]
    ) { invocation in
        let arguments = invocation.arguments
        let timeout = try arguments.duration("timeout")
        let isInteractive = arguments.has("interactive") || arguments.has("tty")
        guard timeout == nil || !isInteractive else { throw UsageError("--timeout cannot be given with -i or -t") }
        if timeout == nil, invocation.format == .table || invocation.format == .wide {
            if let status = try await session(invocation) { return status }
        }
        return try await collectedExec(invocation, timeout: timeout ?? .seconds(60))
    }

    /// Runs the program with the streams of this one; returns nil if this is not possible and not needed.
    private static func session(_ invocation: Invocation) async throws -> ExitStatus? {
        let arguments = invocation.arguments
        let command = Array(arguments.positional.dropFirst())
        #if os(Linux)
            return try await invocation.withPodID(arguments.positional[0]) { client, id -> ExitStatus? in
                guard client.pods.hasSessions else {
                    guard !arguments.has("interactive"), !arguments.has("tty") else {
                        throw CommandError(message: "this connection cannot run interactive commands")
                    }
                    return nil
                }
                let hasTerminal = arguments.has("tty")
                if hasTerminal, !StandardInput.isTerminal {
                    throw UsageError("-t needs a terminal as standard input", hint: "-i sends a file or a pipe")
                }
                let size = hasTerminal ? RawTerminal.size ?? (rows: 24, columns: 80) : nil
                let session = try await client.pods.session(id, command, terminal: size)
                // Once the command runs, because an error before that is for a terminal as usual.
                let terminal = hasTerminal ? RawTerminal() : nil
                defer { terminal?.restore() }
                return try await PodSession(invocation, session).run(
                    terminal: terminal, sendsInput: arguments.has("interactive"))
            }
        #else
            guard !arguments.has("interactive"), !arguments.has("tty") else {
                throw CommandError(message: "this system has no interactive commands in pods yet")
            }
            return nil
        #endif
    }

    /// Runs the program and shows its output at its end.
    private static func collectedExec(_ invocation: Invocation, timeout: Duration) async throws -> ExitStatus {
        let command = Array(invocation.arguments.positional.dropFirst())
        let result = try await invocation.withPodID(invocation.arguments.positional[0]) { client, id in
            try await client.pods.exec(id, command, timeout: timeout)
        }
        switch invocation.format {
        case .json, .yaml: try invocation.write(result) { "" }
        case .table, .wide:
            for (text, isError) in [(result.stdout, false), (result.stderr, true)] {
                var writer = LogWriter(invocation, isError: isError)
                writer.write(Array(text.utf8))
                writer.finish()
            }
        }
        if result.isTruncated { invocation.warn("the output is longer than 1 MiB, and its rest was dropped") }
        return ExitStatus(rawValue: Int32(truncatingIfNeeded: result.exitCode))
    }

    // MARK: - Output

    static let logs = Command(
        "pod", "logs", summary: "Show the output of a pod's latest run, also of one that failed to start.",
        arguments: [PodCommands.pod],
        flags: [
            Flag("tail", value: "N", summary: "only the last N lines"),
            Flag(
                "since", value: "TIME",
                summary: "only lines from this time: 2027-01-31T12:00:00Z, or 10m for 10 minutes ago"),
            Flag("timestamps", summary: "begin each line with its time"),
            Flag("follow", short: "f", summary: "wait for more output, until the pod ends or Ctrl-C"),
        ],
        details: """
            On a terminal, only colors, tabs and line ends of the output pass, so that a pod cannot control the terminal. In a \
            file or a pipe, the output is as the pod wrote it.
            """,
        examples: [
            "podstack pod logs trainer --tail 100", "podstack pod logs trainer --follow",
            "podstack pod logs trainer --since 10m --timestamps",
            Example("podstack pod logs trainer >trainer.log", "as it is"),
        ]
    ) { invocation in
        let request = try logRequest(invocation.arguments)
        let context = invocation.context
        // The color of a line that an interrupt cuts must not stay.
        if context.stylesOutput { context.onInterrupt("\u{1B}[0m") }
        defer { if context.stylesOutput { context.onInterrupt(nil) } }
        try await invocation.withPodID(invocation.arguments.positional[0]) { client, id in
            var writer = LogWriter(invocation)
            defer { writer.finish() }
            for try await bytes in client.pods.logStream(id, request).bytes {
                writer.write(bytes)
                // Once writing fails, the reader is gone, such as head.
                if context.outputFailure() != nil { break }
            }
        }
        return .success
    }

    private static func logRequest(_ arguments: Arguments) throws(UsageError) -> LogRequest {
        var request = LogRequest(timestamps: arguments.has("timestamps"), follow: arguments.has("follow"))
        if let text = arguments.value("tail") {
            guard let count = Int(text), count >= 0 else {
                throw UsageError("--tail must be a whole number, 0 or more")
            }
            request.tail = count
        }
        if let text = arguments.value("since") {
            guard Timestamp.parse(text) != nil || Arguments.duration(of: text) != nil else {
                throw UsageError(
                    "--since: invalid time \"\(Arguments.displayed(text))\": use 2027-01-31T12:00:00Z, or a time ago such as "
                        + "30s, 10m or 2h")
            }
            request.since = text
        }
        return request
    }

    // MARK: - Files

    static let cp = Command(
        "pod", "cp", summary: "Copy a file or a directory into a pod, or out of one.",
        arguments: [
            Argument("FROM", summary: "a local path, or POD:PATH with an absolute path in the pod", values: .files),
            Argument(
                "TO", summary: "the path of the copy; if it ends with a slash, the directory that receives it",
                values: .files),
        ],
        details: """
            Exactly one of the two is in a pod. A local path with a colon begins with ./ or /. Nothing is written outside of the \
            copy, whatever the pod sends; devices, and links that lead out of the copy, are left out.
            """,
        examples: [
            "podstack pod cp train.py trainer:/workspace/", "podstack pod cp ./data trainer:/workspace/data",
            "podstack pod cp trainer:/workspace/results .",
        ]
    ) { invocation in
        let paths = invocation.arguments.positional
        let (from, to) = (remote(paths[0]), remote(paths[1]))
        guard (from == nil) != (to == nil), let inside = from ?? to else {
            throw UsageError("exactly one of FROM and TO must be in a pod, as POD:PATH")
        }
        guard inside.path.hasPrefix("/") else { throw UsageError("the path in the pod must be absolute: POD:/PATH") }
        let progress = CopyProgress(invocation)
        let summary: TransferSummary
        do {
            summary = try await invocation.withPodID(inside.pod) { client, id in
                to == nil
                    ? try await client.pods.download(id, from: inside.path, to: paths[1], progress: progress.report)
                    : try await client.pods.upload(id, from: paths[0], to: inside.path, progress: progress.report)
            }
            progress.finish()
        } catch {
            progress.finish()
            throw error
        }
        for path in summary.skipped { invocation.warn("left out: \(TerminalText.printable(path))") }
        switch invocation.format {
        case .json, .yaml:
            try invocation.write(
                [
                    "files": .integer(summary.files), "bytes": .integer(Int(summary.bytes)),
                    "skipped": .array(summary.skipped.map(JSONValue.string)),
                ] as [String: JSONValue]
            ) { "" }
        case .table, .wide:
            let files = summary.files == 1 ? "1 file" : "\(summary.files) files"
            invocation.inform("Copied \(files), \(PodText.bytes(summary.bytes))")
        }
        return .success
    }

    /// Returns the pod and the path of `POD:PATH`; nil for a local path.
    private static func remote(_ text: String) -> (pod: String, path: String)? {
        guard !text.hasPrefix("/"), !text.hasPrefix("."), let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
            colon > text.startIndex, !text[..<colon].contains("/")
        else { return nil }
        return (String(text[..<colon]), String(text[text.index(after: colon)...]))
    }

    // MARK: - Measurements and events

    static let stats = Command(
        "pod", "stats", summary: "Show the use of a pod's CPU, memory and GPUs.", arguments: [PodCommands.pod],
        examples: ["podstack pod stats trainer", "podstack pod stats trainer -o json"]
    ) { invocation in
        let metrics = try await invocation.withPodID(invocation.arguments.positional[0]) { client, id in
            try await client.pods.metrics(id)
        }
        try invocation.write(metrics) {
            func percent(_ value: Double?) -> String {
                value.map { PodText.number(($0 * 10).rounded() / 10) + "%" } ?? ""
            }
            func memory(_ used: Int64?, _ total: Int64?) -> String {
                used.map { used in
                    PodText.bytes(used) + (total.map { $0 > 0 ? " of \(PodText.bytes($0))" : "" } ?? "")
                } ?? ""
            }
            return invocation.table(
                ["CPU", "MEMORY", "GPU", "GPU MEMORY"],
                [
                    [
                        percent(metrics.cpuUsage), memory(metrics.memoryUsed, metrics.memoryTotal),
                        percent(metrics.gpuUtilization), memory(metrics.gpuMemoryUsed, metrics.gpuMemoryTotal),
                    ]
                ])
        }
        return .success
    }

    static let events = Command(
        "pod", "events", summary: "List the events of a pod, newest first.", arguments: [PodCommands.pod],
        flags: [Flag("limit", value: "N", summary: "the maximum number of events (default: all)")],
        examples: ["podstack pod events trainer", "podstack pod events trainer --limit 5 -o json"], isPaged: true
    ) { invocation in
        let limit = try invocation.arguments.count("limit")
        try await invocation.withPodID(invocation.arguments.positional[0]) { client, id in
            var writer = ListWriter<PodEvent>(
                invocation, ifEmpty: "No events", header: ["TIME", "TYPE", "MESSAGE"],
                row: { event in [invocation.displayed(event.timestamp), event.type, event.message] })
            try await writer.writeAll(of: client.pods.events(id), limit: limit)
        }
        return .success
    }
}

/// The progress of a copy, on a terminal.
private final class CopyProgress: Sendable {
    /// Receives the progress; nil if no terminal shows it.
    let report: (@Sendable (TransferProgress) -> Void)?
    private let line: ProgressLine?

    init(_ invocation: Invocation) {
        guard invocation.context.showsProgress, !invocation.arguments.has("quiet") else {
            (report, line) = (nil, nil)
            return
        }
        let line = ProgressLine(write: invocation.context.standardError)
        self.line = line
        let last = Mutex<ContinuousClock.Instant?>(nil)
        report = { progress in
            let isDue = last.withLock { last in
                let now = ContinuousClock.now
                guard last.map({ now - $0 >= .milliseconds(100) }) ?? true else { return false }
                last = now
                return true
            }
            guard isDue else { return }
            let done = PodText.bytes(progress.completedBytes)
            guard let total = progress.totalBytes, total > 0 else { return line.show("copied \(done)") }
            let percent = progress.completedBytes * 100 / total
            let bar =
                String(repeating: "#", count: Int(percent / 5)) + String(repeating: "-", count: 20 - Int(percent / 5))
            line.show("[\(bar)] \(percent)%  \(done) of \(PodText.bytes(total))")
        }
    }

    func finish() { line?.clear() }
}
