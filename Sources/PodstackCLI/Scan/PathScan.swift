import Podstack

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks for tokens in files and directories, on every processor, and tells what it finds in the order of the paths.
struct PathScan: Sendable {
    enum Event: Sendable {
        case found(ScanFinding)
        case unreadable(path: String, reason: String)
        /// Its history was not searched.
        case repository(String)
    }

    private enum Work: Sendable {
        /// Whether somebody named it: only then may it be a pipe, or be reached by a symbolic link.
        case file(FilePath, isNamed: Bool)
        case said(Event)
    }

    var input: Int32
    var excluded: [String]
    var counts: ScanCounts

    /// - Parameter paths: `-` is the standard input.
    func run(_ paths: [String], tell: @escaping (Event) -> Void) async {
        let processors = max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        await withTaskGroup(of: (Int, [Event]).self) { group in
            var order = InOrder(tell)
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
                group.addTask { (number, scan(work)) }
                running += 1
                batch = []
            }
            for path in paths {
                if path == "-" {
                    // What others pipe in may take long to come: what is found is told meanwhile.
                    await start()
                    while running > 0 { await finish() }
                    var stream = StreamScan()
                    scan(input, "-", with: &stream, tell)
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
            return AnySequence([.said(Self.unreadable(path, errno))])
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { return AnySequence([.file(path, isNamed: true)]) }
        return AnySequence(
            TreeWalk(path, excluding: excluded).lazy.map { item in
                switch item {
                case .file(let path): .file(path, isNamed: false)
                case .repository(let path): .said(.repository(path.text))
                case .unreadable(let path, let reason): .said(Self.unreadable(path, reason))
                }
            })
    }

    private func scan(_ work: [Work]) -> [Event] {
        var events: [Event] = []
        var stream = StreamScan()
        for item in work {
            switch item {
            case .said(let event): events.append(event)
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
                // What was a file when the directory was read may be a pipe by now.
                guard isNamed || fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG else { continue }
                scan(descriptor, path.text, with: &stream) { events.append($0) }
            }
        }
        return events
    }

    private func scan(
        _ descriptor: Int32, _ path: String, with stream: inout StreamScan, _ tell: (Event) -> Void
    ) {
        let failure = stream.run(
            descriptor, passed: counts.add(bytes:),
            found: { tell(.found(ScanFinding(path: path, line: $0, column: $1, token: $2))) })
        if failure == 0 { counts.addFile() } else { tell(Self.unreadable(FilePath(path), failure)) }
    }

    private static func unreadable(_ path: FilePath, _ reason: Int32) -> Event {
        .unreadable(path: path.text, reason: String(cString: strerror(reason)))
    }
}

/// Tells what comes in any order in the order in which it was asked for.
private struct InOrder {
    private let tell: (PathScan.Event) -> Void
    private var waiting: [Int: [PathScan.Event]] = [:]
    private var reserved = 0
    private var told = 0

    init(_ tell: @escaping (PathScan.Event) -> Void) { self.tell = tell }

    mutating func reserve() -> Int {
        defer { reserved += 1 }
        return reserved
    }

    mutating func put(_ events: [PathScan.Event], at number: Int) {
        waiting[number] = events
        while let next = waiting.removeValue(forKey: told) {
            for event in next { tell(event) }
            told += 1
        }
    }
}
