import PodstackAPI
import PodstackSystem

#if canImport(CPosix)
    import CPosix
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs a program to its end, in its own session, with limited time, input and output.
package enum ChildProcess {
    package struct Result: Sendable {
        /// The exit status, or 128 plus the number of the signal that ended the program.
        package var status: Int32
        package var output: [UInt8]
        var error: [UInt8]

        /// The standard error on one line, without tokens.
        package var errorText: String { OneLine.of(String(decoding: error, as: UTF8.self)) }
    }

    package static let defaultTimeLimit = Duration.seconds(30)
    static let largestOutput = 64 << 10
    /// The bytes that a pipe holds before the program reads any.
    static let largestInput = 4096

    /// Runs a program.
    ///
    /// The program's own end counts, not that of its output: a process that it leaves running, such as an agent, may keep
    /// the output open, and continues to run. Canceling the task ends the program and all processes that it started.
    ///
    /// - Parameters:
    ///   - words: The program and its arguments.
    ///   - input: The standard input; nil for an empty one.
    ///   - environment: The environment of the program.
    ///   - source: The setting that contains the command, which an error names.
    ///   - timeLimit: The longest time that the program may take.
    /// - Returns: The exit status and the output.
    /// - Throws: ``ConfigurationError`` when the program cannot be started, takes too long or prints too much.
    package static func run(
        _ words: [String], input: [UInt8]? = nil, environment: [String: String],
        of source: ClientConfiguration.Source, within timeLimit: Duration = defaultTimeLimit
    ) async throws -> Result {
        let running = RunningProgram()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // On its own thread, because running a program blocks, which a task must not do.
                BlockingThread.start {
                    let result = Swift.Result { try run(words, input, environment, source, timeLimit, running) }
                    continuation.resume(with: running.isCanceled ? .failure(CancellationError()) : result)
                }
            }
        } onCancel: {
            running.cancel()
        }
    }

    private static func run(
        _ words: [String], _ input: [UInt8]?, _ environment: [String: String], _ source: ClientConfiguration.Source,
        _ timeLimit: Duration, _ running: RunningProgram
    ) throws(ConfigurationError) -> Result {
        let inputPipe = try input.map { input throws(ConfigurationError) in
            let pipe = try ProgramPipe(source)
            try pipe.fill(input, source)
            return pipe
        }
        let output = try ProgramPipe(source)
        let error = try ProgramPipe(source)
        let id = try spawn(
            words, environment, input: inputPipe?.reading, output: output.writing, error: error.writing, source)
        withExtendedLifetime(inputPipe) {}
        for pipe in [output, error] {
            pipe.closeWriting()
            pipe.doNotBlock()
        }
        running.begin(id)
        let problem = collect(output, error, of: id, until: ContinuousClock.now + timeLimit)
        running.end(killing: problem != nil)
        var status: Int32 = 0
        while Fork.outside({ waitpid(id, &status, 0) }) < 0, errno == EINTR {}
        switch problem {
        case .tooLong:
            throw ConfigurationError(
                message: "\(source) did not end within \(timeLimit.components.seconds) seconds")
        case .tooMuch: throw ConfigurationError(message: "\(source) printed more than \(largestOutput >> 10) KiB")
        case nil: break
        }
        let signal = status & 0x7F
        return Result(
            status: signal == 0 ? (status >> 8) & 0xFF : 128 + signal, output: output.bytes, error: error.bytes)
    }

    private static func spawn(
        _ words: [String], _ environment: [String: String], input: Int32?, output: Int32, error: Int32,
        _ source: ClientConfiguration.Source
    ) throws(ConfigurationError) -> pid_t {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
            var attributes: posix_spawnattr_t?
        #else
            var actions = posix_spawn_file_actions_t()
            var attributes = posix_spawnattr_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, output, 1)
        posix_spawn_file_actions_adddup2(&actions, error, 2)
        podstack_spawn_close_from(&actions, 3)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, podstack_spawn_new_session)
        var arguments = words.map { SystemText.withCString($0) { strdup($0) } } + [nil]
        var variables = environment.map { SystemText.withCString("\($0.key)=\($0.value)") { strdup($0) } } + [nil]
        defer { for string in arguments + variables { free(string) } }
        var id = pid_t()
        // The PATH of the given environment: the process's own may come from a .env file.
        let program = ProgramSearch.find(words[0], in: environment["PATH"])
        let code =
            program.map {
                SystemText.withCString($0) { posix_spawn(&id, $0, &actions, &attributes, &arguments, &variables) }
            } ?? ENOENT
        guard code == 0 else {
            // A name is not searched for in the working directory, which a user may expect.
            let hint: Wording? =
                code != ENOENT
                ? nil
                : words.count > 1
                    ? "A path that contains spaces must be in quotes"
                    : program == nil ? "A program outside of the absolute directories of PATH needs its path" : nil
            throw ConfigurationError(
                message: "\(source) cannot run \(words[0]): \(String(cString: strerror(code)))", hint: hint)
        }
        return id
    }

    // MARK: - Waiting

    private enum Problem { case tooLong, tooMuch }

    /// Reads both streams until the program has ended, and then what is left in them.
    private static func collect(
        _ output: ProgramPipe, _ error: ProgramPipe, of id: pid_t, until end: ContinuousClock.Instant
    ) -> Problem? {
        // The end of the program wakes `poll` only if no other process has its streams open.
        var pause = 1
        while true {
            // Before reading, so that what the program wrote last is read.
            let hasEnded = hasEnded(id)
            for pipe in [output, error] where !pipe.isAtEnd {
                pipe.readAvailable()
                if pipe.bytes.count > largestOutput { return .tooMuch }
            }
            if hasEnded { return nil }
            let left = (end - .now).milliseconds
            guard left > 0 else { return .tooLong }
            var descriptors = [output, error].map {
                // poll ignores negative descriptors.
                pollfd(fd: $0.isAtEnd ? -1 : $0.reading, events: Int16(POLLIN), revents: 0)
            }
            let isQuiet = Fork.outside { poll(&descriptors, 2, Int32(min(left, pause))) } == 0
            pause = isQuiet ? min(pause * 2, 16) : 1
        }
    }

    /// Returns whether a program has ended, without reaping it, so that its ID is not reused.
    private static func hasEnded(_ id: pid_t) -> Bool {
        var information = siginfo_t()
        let code = waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT | WNOHANG)
        return code < 0 ? errno != EINTR : information.si_signo == SIGCHLD
    }
}

// MARK: - Cancellation

/// A running program that can be ended while its ID is valid, which is until it is reaped.
private final class RunningProgram: Sendable {
    private let state = Lock<(id: pid_t?, isCanceled: Bool)>((nil, false))

    var isCanceled: Bool { state.withLock(\.isCanceled) }

    func begin(_ id: pid_t) {
        state.withLock {
            $0.id = id
            if $0.isCanceled { kill(-id, SIGKILL) }
        }
    }

    /// Forgets the program before it is reaped.
    ///
    /// - Parameter killing: Whether to end the program and the processes that it started.
    func end(killing: Bool) {
        state.withLock {
            if killing, let id = $0.id { kill(-id, SIGKILL) }
            $0.id = nil
        }
    }

    func cancel() {
        state.withLock {
            $0.isCanceled = true
            if let id = $0.id { kill(-id, SIGKILL) }
        }
    }
}

// MARK: - Pipes

/// A pipe that a program writes to or reads from; used by one thread.
private final class ProgramPipe {
    private(set) var bytes: [UInt8] = []
    private(set) var isAtEnd = false
    let reading: Int32
    let writing: Int32
    private var isWritingOpen = true

    init(_ source: ClientConfiguration.Source) throws(ConfigurationError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else {
            throw ConfigurationError(message: "\(source) cannot be run: \(String(cString: strerror(errno)))")
        }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        (reading, writing) = (ends[0], ends[1])
    }

    /// Makes reading return at once when there is nothing to read.
    ///
    /// The program's own end of an input pipe shares this flag, so only output pipes are changed.
    func doNotBlock() {
        _ = fcntl(reading, F_SETFL, fcntl(reading, F_GETFL) | O_NONBLOCK)
    }

    deinit {
        close(reading)
        if isWritingOpen { close(writing) }
    }

    func closeWriting() {
        close(writing)
        isWritingOpen = false
    }

    /// Writes the whole input before the program starts, because writing after the program ended would raise SIGPIPE.
    func fill(_ input: [UInt8], _ source: ClientConfiguration.Source) throws(ConfigurationError) {
        guard input.count <= ChildProcess.largestInput else {
            throw ConfigurationError(
                message: "\(source) takes at most \(ChildProcess.largestInput >> 10) KiB of input")
        }
        guard input.isEmpty || write(writing, input, input.count) == input.count else {
            throw ConfigurationError(message: "\(source) cannot be run: \(String(cString: strerror(errno)))")
        }
        closeWriting()
    }

    /// Reads what the pipe contains, and stops after more than the largest output.
    func readAvailable() {
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while bytes.count <= ChildProcess.largestOutput {
            let count = systemRead(reading, &chunk, chunk.count)
            if count > 0 {
                bytes += chunk[..<count]
            } else if count == 0 || errno != EINTR {
                isAtEnd = count == 0 || errno != EAGAIN
                return
            }
        }
    }
}

#if canImport(Darwin)
    /// A new session, in which the program inherits only the descriptors that an action names.
    private let podstack_spawn_new_session = Int16(POSIX_SPAWN_SETSID | POSIX_SPAWN_CLOEXEC_DEFAULT)

    /// Does nothing, because the flags above close the descriptors.
    private func podstack_spawn_close_from(_ actions: UnsafeMutablePointer<posix_spawn_file_actions_t?>, _ first: Int32)
    {}
#endif

/// The C library's `read`, which methods with that name hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }

// MARK: - Commands

/// Splits a command into words without a shell: nothing is expanded or run.
package enum CommandWords {
    /// Returns the program and the arguments of a command.
    ///
    /// A command that is the path of a program as a whole is that program: the credentials file removes the quotes of
    /// `credential_process = "/opt/my tools/get-token"`. `~/` at the start of the program is the home directory.
    ///
    /// - Parameters:
    ///   - command: The command.
    ///   - home: The home directory; nil if there is none.
    /// - Returns: The words; nil when the command is empty or a quote is not closed.
    static func program(_ command: String, home: String?) -> [String]? {
        let whole = path(command.trimmingWhitespace(), home)
        if whole.utf8.contains(UInt8(ascii: "/")), ProgramSearch.isProgram(whole) { return [whole] }
        guard let words = split(command), let first = words.first else { return nil }
        return [path(first, home)] + words.dropFirst()
    }

    private static func path(_ text: String, _ home: String?) -> String {
        guard let home, text.utf8.starts(with: "~/".utf8) else { return text }
        return home + text[text.utf8.index(after: text.startIndex)...]
    }

    /// Returns the words of a command.
    ///
    /// Words end at whitespace. `'…'` keeps everything, `"…"` everything except `\"` and `\\`; outside of quotes, `\`
    /// keeps the next character.
    ///
    /// - Parameter command: The command.
    /// - Returns: The words; nil when a quote is not closed.
    package static func split(_ command: String) -> [String]? {
        var words: [String] = []
        var word: [UInt8]?
        var quote: UInt8?
        var bytes = Array(command.utf8)[...]
        while let byte = bytes.popFirst() {
            switch (byte, quote) {
            case (_, UInt8(ascii: "'")) where byte != UInt8(ascii: "'"): word?.append(byte)
            case (UInt8(ascii: "\\"), UInt8(ascii: "\"")):
                let next = bytes.first
                if next == UInt8(ascii: "\"") || next == UInt8(ascii: "\\") { bytes.removeFirst() }
                word?.append(next == UInt8(ascii: "\"") ? UInt8(ascii: "\"") : byte)
            case (let byte, let open?) where byte == open: quote = nil
            case (_, .some): word?.append(byte)
            case (UInt8(ascii: "'"), nil), (UInt8(ascii: "\""), nil):
                quote = byte
                word = word ?? []
            case (UInt8(ascii: "\\"), nil):
                guard let next = bytes.popFirst() else { return nil }
                word = (word ?? []) + [next]
            case (0x20, nil), (0x09...0x0D, nil):
                if let complete = word { words.append(String(decoding: complete, as: UTF8.self)) }
                word = nil
            default: word = (word ?? []) + [byte]
            }
        }
        guard quote == nil else { return nil }
        if let word { words.append(String(decoding: word, as: UTF8.self)) }
        return words
    }

    /// Returns a command that splits into these words.
    ///
    /// - Parameter words: The words.
    /// - Returns: The command.
    package static func join(_ words: [String]) -> String {
        words.map { word in
            let isPlain = word.utf8.allSatisfy {
                Base62.isDigit($0) || $0 >= 0x80 || "/._-+:@".utf8.contains($0)
            }
            return isPlain && !word.isEmpty ? word : ShellQuotes.posix(word)
        }.joined(separator: " ")
    }
}
