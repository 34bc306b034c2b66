import Podstack
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Git, run so that a hostile repository can make it neither run a program, nor use the network, nor hide an object.
///
/// Only plumbing commands are run, which use no pager, no external diff and no text conversion.
struct GitProgram: Sendable {
    /// The variables that locate the index and the objects of the commit that a hook belongs to.
    private static let location: Set<String> = [
        "GIT_DIR", "GIT_COMMON_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
    ]

    /// Options that come before the command and override the configuration of the repository.
    private static let options =
        ["--no-pager", "--no-replace-objects", "--no-optional-locks", "--literal-pathspecs"]
        + [
            "core.fsmonitor=false", "core.hooksPath=/dev/null", "core.quotePath=false", "core.bigFileThreshold=16m",
            "core.packedGitWindowSize=16m", "core.packedGitLimit=64m",
            "protocol.allow=never", "log.showSignature=false", "core.commitGraph=false",
        ].flatMap { ["-c", $0] }

    /// The longest time of a command that reads only a few files.
    private static let timeLimit = Duration.seconds(30)

    private let folder: String
    private let environment: [String: String]

    /// Creates the program for a repository.
    ///
    /// - Parameters:
    ///   - folder: A directory of the repository.
    ///   - environment: The environment of this process.
    ///   - isInHook: Whether variables that locate the index and the objects are passed on.
    init(in folder: String, _ environment: PodstackEnvironment, isInHook: Bool) {
        self.folder = folder
        var variables = environment.allTrusted.filter { name, _ in
            guard name.hasPrefix(bytes: "GIT_") else { return !name.hasPrefix(bytes: "PODSTACK_") }
            return isInHook
                && (Self.location.contains(name) || name.hasPrefix("GIT_CONFIG_KEY_")
                    || name.hasPrefix("GIT_CONFIG_VALUE_"))
        }
        variables["LC_ALL"] = "C"
        // A repository that lacks objects would fetch them, with programs that its configuration names.
        variables["GIT_NO_LAZY_FETCH"] = "1"
        variables["GIT_ALLOW_PROTOCOL"] = "none"
        variables["GIT_TERMINAL_PROMPT"] = "0"
        // Git starts its own programs by name.
        variables["PATH"] = ProgramSearch.absolute(variables["PATH"])
        self.environment = variables
    }

    /// Starts a command whose output is read while it runs.
    ///
    /// - Parameters:
    ///   - words: The command and its arguments.
    ///   - input: The descriptor of its input; nil for an empty one.
    /// - Returns: The running command.
    /// - Throws: ``CommandError`` if it cannot be started.
    func start(_ words: [String], input: Int32? = nil) throws -> RunningGit {
        try RunningGit(["git", "-C", folder] + Self.options + words, environment, input: input, in: folder)
    }

    /// Runs a command, which ends soon, and returns its output without the newline at its end.
    func output(_ words: String...) throws -> String {
        let running = try start(words)
        running.limitTime(to: Self.timeLimit)
        var bytes: [UInt8] = []
        do {
            while case let more = try running.output.next(), !more.isEmpty { bytes += more }
        } catch {
            throw CommandError(message: "the output of git cannot be read: \(error.reason)")
        }
        try running.finish()
        if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
        return SystemText.text(of: bytes)
    }

    // MARK: - Pipes in the repository

    /// Throws when the repository has a pipe or a device in place of one of its files: Git would wait for it.
    func checkFiles() throws {
        // Before the first command of Git, which reads them.
        if environment["GIT_DIR"] == nil { try Self.check(Self.gitDirectory(near: FilePath(folder))) }
        for name in ["--absolute-git-dir", "--git-common-dir"] {
            try Self.check(FilePath(try output("rev-parse", "--path-format=absolute", name)))
        }
    }

    private static func check(_ directory: FilePath?) throws {
        guard let pipe = directory.flatMap(TreeWalk.pipeOrDevice) else { return }
        throw CommandError(
            message: "\(TokenRedaction.redact(pipe.description)) is a pipe or a device, for which git would wait",
            hint: "Remove it, or restore the file that it replaced")
    }

    /// Returns the directory of the repository that contains a directory, as Git finds it; nil when `.git` is not one.
    private static func gitDirectory(near folder: FilePath) -> FilePath? {
        var next = folder.real
        while let current = next {
            func exists(_ name: String) -> Bool { current.appending(name).withCString { access($0, F_OK) } == 0 }
            if exists(".git") { return current.appending(".git") }
            if exists("HEAD"), exists("objects"), exists("refs") { return current }
            next = current == "/" ? nil : current.parent
        }
        return nil
    }
}

/// A command of Git that runs; used by one thread.
final class RunningGit {
    private static let longestError = 8 << 10
    /// The size of the pipe, so that Git and the search seldom wait for each other.
    private static let pipeSize = 1 << 20

    private let folder: String
    private var id = pid_t()
    private var isRunning = false
    private let reading: Int32
    private let readingError: Int32
    private var isErrorOpen = true
    private var error: [UInt8] = []
    /// The time at which reading ends without success; nil for a command that may take any time.
    private var end: ContinuousClock.Instant?
    private var hasReportedWait = false

    /// The standard output.
    private(set) lazy var output = ByteSource { [unowned self] space throws(ReadFailure) in try read(into: space) }

    fileprivate init(_ words: [String], _ environment: [String: String], input: Int32?, in folder: String) throws {
        self.folder = folder
        let (output, error) = (try Self.pipe(), try Self.pipe())
        (reading, readingError) = (output.reading, error.reading)
        defer {
            close(output.writing)
            close(error.writing)
        }
        #if os(Linux)
            // F_SETPIPE_SZ, which Swift does not import. A smaller pipe works too.
            _ = fcntl(reading, 1031, Int32(Self.pipeSize))
        #endif
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output.writing, 1)
        posix_spawn_file_actions_adddup2(&actions, error.writing, 2)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Ctrl-C ends Git too. The threads of the concurrency runtime block signals, and a child would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var arguments = words.map { SystemText.withCString($0) { strdup($0) } } + [nil]
        var variables = environment.map { SystemText.withCString("\($0.key)=\($0.value)") { strdup($0) } } + [nil]
        defer { for string in arguments + variables { free(string) } }
        let program = ProgramSearch.find(words[0], in: environment["PATH"])
        let code =
            program.map {
                SystemText.withCString($0) { posix_spawn(&id, $0, &actions, &attributes, &arguments, &variables) }
            } ?? ENOENT
        guard code == 0 else {
            throw code == ENOENT
                ? CommandError(message: "git is not installed, which --git and --staged need", hint: "Install git")
                : CommandError(message: "git cannot be run: \(String(cString: strerror(code)))")
        }
        isRunning = true
    }

    deinit {
        close(reading)
        close(readingError)
        guard isRunning else { return }
        kill(id, SIGKILL)
        _ = awaitEnd()
    }

    /// Limits the time of the whole command.
    func limitTime(to limit: Duration) { end = .now + min(limit, BlockingWork.current.limit ?? limit) }

    private static func pipe() throws -> (reading: Int32, writing: Int32) {
        var ends: [Int32] = [0, 0]
        guard systemPipe(&ends) == 0 else {
            throw CommandError(message: "git cannot be run: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private func read(into space: UnsafeMutableRawBufferPointer) throws(ReadFailure) -> Int {
        while true {
            var descriptors = [
                pollfd(fd: reading, events: Int16(POLLIN), revents: 0),
                // poll ignores negative descriptors.
                pollfd(fd: isErrorOpen ? readingError : -1, events: Int16(POLLIN), revents: 0),
            ]
            let ready = poll(&descriptors, 2, try nextWait())
            guard ready >= 0 || errno == EINTR else { throw ReadFailure(errno: errno) }
            if ready == 0, !hasReportedWait, end.map({ $0 > .now }) != false {
                hasReportedWait = true
                BlockingWork.current.onWait("git")
            }
            guard ready > 0 else { continue }
            if descriptors[1].revents != 0 { readError() }
            guard descriptors[0].revents != 0 else { continue }
            let count = systemRead(reading, space.baseAddress, space.count)
            if count >= 0 { return count }
            if errno != EINTR { throw ReadFailure(errno: errno) }
        }
    }

    /// Returns the milliseconds to wait for output: until the notice, the end of the time, or without a limit.
    private func nextWait() throws(ReadFailure) -> Int32 {
        let notice = hasReportedWait ? nil : BlockingWork.noticeDelay
        guard let end else { return notice.map { Int32(clamping: Int64($0 / .milliseconds(1))) } ?? -1 }
        let left = end - .now
        guard left > .zero else { throw ReadFailure("it did not end in time, perhaps because it waits for a pipe") }
        return Int32(clamping: Int64((min(left, notice ?? left) / .milliseconds(1)).rounded(.up)))
    }

    private func readError() {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = systemRead(readingError, &chunk, chunk.count)
        if count > 0 { error += chunk[..<min(count, Self.longestError - min(error.count, Self.longestError))] }
        if count == 0 || count < 0 && errno != EINTR { isErrorOpen = false }
    }

    private func awaitEnd() -> Int32 {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        isRunning = false
        return status
    }

    /// Waits for the end of the command, whose output was read, and throws its error if it failed.
    func finish() throws(CommandError) {
        while isErrorOpen { readError() }
        guard awaitEnd() != 0 else { return }
        throw GitFailure.error(SystemText.text(of: error), in: folder)
    }
}

/// The errors that Git reports, in the words of this program.
private enum GitFailure {
    static func error(_ text: String, in folder: String) -> CommandError {
        let name = TerminalText.printable(TokenRedaction.redact(folder))
        let lines = text.split(byte: "\n").map {
            TerminalText.printable(TokenRedaction.redact(String($0).trimmed))
        }
        if lines.contains(where: { $0.contains("dubious ownership") }) {
            return CommandError(
                message: "git does not read \(name), because another user owns it",
                hint: "If you trust it: \(lines.last { $0.contains("safe.directory") } ?? "see safe.directory")")
        }
        if lines.contains(where: { $0.contains("not a git repository") }) {
            return CommandError(message: "\(name) is not in a Git repository")
        }
        let reason = lines.first { $0.hasPrefix("fatal: ") || $0.hasPrefix("error: ") } ?? lines.first
        return CommandError(message: "git failed: \(reason ?? "it reported no reason")")
    }
}

extension String {
    fileprivate var trimmed: String { split { $0.isWhitespace }.joined(separator: " ") }
}

/// The functions of the C library that methods with the same names hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
private let systemPipe: @Sendable (UnsafeMutablePointer<Int32>) -> Int32 = { pipe($0) }
