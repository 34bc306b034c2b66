import Podstack
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Searches files and directories for tokens, on all processors, and reports findings in the order of the paths.
struct PathScan: Sendable {
    private enum Work: Sendable {
        /// A file to search. Only a file that the user named may be a pipe or a symbolic link.
        case file(FilePath, isNamed: Bool)
        case event(ScanEvent)
    }

    var input: Int32
    var excluded: IgnoreRules
    var archives: ArchiveSupport
    var counts: ScanCounts

    /// Searches `paths`, where `-` is standard input.
    func run(_ paths: [String], report: @escaping (ScanEvent) -> Void) async {
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        await withTaskGroup(of: (Int, [ScanEvent]).self) { group in
            var order = OrderedReport(report)
            var running = 0
            var batch: [Work] = []
            func finish() async {
                guard let (number, events) = await group.next() else { return }
                running -= 1
                order.put(events, at: number)
            }
            func start() async {
                guard !batch.isEmpty else { return }
                if running >= 2 * processors { await finish() }
                let (work, number) = (batch, order.reserve())
                // Not on the executor of the program, which may have one thread.
                group.addTask(executorPreference: globalConcurrentExecutor) { (number, scan(work)) }
                running += 1
                batch = []
            }
            for path in paths {
                if path == "-" {
                    // Input from a pipe may take long, so earlier findings are reported first.
                    await start()
                    while running > 0 { await finish() }
                    var content = ContentScan(archives, counts)
                    scan(input, "-", with: &content, report)
                    continue
                }
                for item in items(of: FilePath(path)) {
                    batch.append(item)
                    if batch.count == 32 { await start() }
                }
            }
            await start()
            while running > 0 { await finish() }
        }
    }

    private func items(of path: FilePath) -> AnySequence<Work> {
        var status = stat()
        guard path.withCString({ stat($0, &status) }) == 0 else {
            return AnySequence([.event(Self.unreadable(path, errno))])
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return AnySequence(Self.names(path).map(Work.event) + [.file(path, isNamed: true)])
        }
        return AnySequence(
            TreeWalk(path, excluding: excluded).lazy.flatMap { item -> [Work] in
                switch item {
                case .file(let path): [.file(path, isNamed: false)]
                case .repository(let path): [.event(.repository(path.text))]
                case .unreadable(let path, let reason): [.event(Self.unreadable(path, reason))]
                case .named(let path): Self.names(path).map(Work.event)
                }
            })
    }

    /// Returns the events for the tokens in the name of a file or a directory.
    private static func names(_ path: FilePath) -> [ScanEvent] {
        NameSearch.tokens(in: path).map { offset, token in
            var finding = ScanFinding(path: path.text, members: [], line: 1, column: offset + 1, token: token)
            finding.objectType = "name"
            return .found(finding)
        }
    }

    private func scan(_ work: [Work]) -> [ScanEvent] {
        var events: [ScanEvent] = []
        var content = ContentScan(archives, counts)
        for item in work {
            switch item {
            case .event(let event): events.append(event)
            case .file(let path, let isNamed):
                let descriptor = path.withCString {
                    open($0, O_RDONLY | O_CLOEXEC | O_NOCTTY | (isNamed ? 0 : O_NOFOLLOW | O_NONBLOCK))
                }
                guard descriptor >= 0 else {
                    events.append(Self.unreadable(path, errno))
                    continue
                }
                defer { close(descriptor) }
                var status = stat()
                // The file may have been replaced by a pipe since the directory was read.
                guard isNamed || fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG else { continue }
                scan(descriptor, path.text, with: &content) { events.append($0) }
            }
        }
        return events
    }

    private func scan(
        _ descriptor: Int32, _ path: String, with content: inout ContentScan, _ report: (ScanEvent) -> Void
    ) {
        var isComplete = true
        content.run(descriptor: descriptor) { event in
            if case .unreadable([], _) = event { isComplete = false }
            report(ScanEvent(event, path: path))
        }
        if isComplete { counts.addFile() }
    }

    private static func unreadable(_ path: FilePath, _ reason: Int32) -> ScanEvent {
        .unreadable(path: TokenRedaction.redact(path.text), reason: String(cString: strerror(reason)))
    }
}

/// Reports the events of concurrent searches in the order in which the searches were started.
private struct OrderedReport {
    private let report: (ScanEvent) -> Void
    private var finished: [Int: [ScanEvent]] = [:]
    private var reserved = 0
    private var reported = 0

    init(_ report: @escaping (ScanEvent) -> Void) { self.report = report }

    mutating func reserve() -> Int {
        defer { reserved += 1 }
        return reserved
    }

    mutating func put(_ events: [ScanEvent], at number: Int) {
        finished[number] = events
        while let next = finished.removeValue(forKey: reported) {
            for event in next { report(event) }
            reported += 1
        }
    }
}
