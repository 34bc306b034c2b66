import CPosix

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs a program to its end: a session of its own, bounded time, input and output.
package enum ChildProcess {
    package struct Result: Sendable {
        /// The exit status, or 128 and the signal that ended it.
        package var status: Int32
        package var output: [UInt8]
        var error: [UInt8]

        /// Of its standard error, in one line without tokens.
        package var said: String { OneLine.of(String(decoding: error, as: UTF8.self)) }
    }

    package static let longest = Duration.seconds(30)
    static let largest = 64 << 10
    /// So much input a pipe takes before anybody reads it.
    static let largestInput = 4096

    /// - Parameter input: What it finds on its standard input; nil for nothing at all.
    ///
    /// Throws ``ConfigurationError``, which names `source`, when it cannot be started, takes too long or prints too much.
    /// Cancelling the task ends the program and all that it started.
    package static func run(
        _ words: [String], input: [UInt8]? = nil, environment: [String: String], of source: ClientConfiguration.Source,
        within longest: Duration = longest
    ) async throws -> Result {
        let running = Running()
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                // A thread of its own: it blocks, which a task must not.
                BlockingThread.start {
                    let result = Swift.Result { try run(words, input, environment, source, longest, running) }
                    continuation.resume(with: running.isCancelled ? .failure(CancellationError()) : result)
                }
            }
        } onCancel: {
            running.cancel()
        }
    }

    private static func run(
        _ words: [String], _ input: [UInt8]?, _ environment: [String: String], _ source: ClientConfiguration.Source,
        _ longest: Duration,
        _ running: Running
    ) throws(ConfigurationError) -> Result {
        let inputPipe = try input.map { input throws(ConfigurationError) in
            let pipe = try Pipe(source)
            try pipe.fill(input, source)
            return pipe
        }
        let output = try Pipe(source)
        let error = try Pipe(source)
        let id = try spawn(
            words, environment, input: inputPipe?.reading, output: output.writing, error: error.writing, source)
        withExtendedLifetime(inputPipe) {}
        output.closeWriting()
        error.closeWriting()
        running.begin(id)
        let end = ContinuousClock.now + longest
        // Programs often close their streams before they end.
        let problem = collect(output, error, until: end) ?? awaitEnd(of: id, until: end)
        running.end()
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        switch problem {
        case .tooLong:
            throw ConfigurationError(
                message: "\(source) did not end within \(longest.components.seconds) seconds")
        case .tooMuch: throw ConfigurationError(message: "\(source) printed more than \(largest >> 10) KiB")
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
        var actions = posix_spawn_file_actions_t()
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
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, podstack_spawn_new_session)
        var arguments = words.map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in arguments + variables { free(string) } }
        var id = pid_t()
        // In the path of the environment that it is given: the process's own may be a .env's.
        let program = ProgramSearch.path(of: words[0], in: environment["PATH"])
        let code = posix_spawn(&id, program, &actions, &attributes, &arguments, &variables)
        guard code == 0 else {
            throw ConfigurationError(
                message: "\(source) cannot run \(words[0]): \(String(cString: strerror(code)))")
        }
        return id
    }

    private enum Problem { case tooLong, tooMuch }

    /// Leaves the program to be waited for, so that its id stays its own.
    private static func awaitEnd(of id: pid_t, until end: ContinuousClock.Instant) -> Problem? {
        while true {
            var information = siginfo_t()
            let code = waitid(P_PID, id_t(id), &information, WEXITED | WNOWAIT | WNOHANG)
            if code < 0 && errno != EINTR { return nil }
            if code == 0, information.si_signo == SIGCHLD { return nil }
            guard ContinuousClock.now < end else { return .tooLong }
            usleep(1000)
        }
    }

    /// Reads both streams until they end.
    private static func collect(_ output: Pipe, _ error: Pipe, until end: ContinuousClock.Instant) -> Problem? {
        while !(output.isAtEnd && error.isAtEnd) {
            let left = (end - .now).milliseconds
            guard left > 0 else { return .tooLong }
            var descriptors = [output, error].map {
                // A negative one is not looked at.
                pollfd(fd: $0.isAtEnd ? -1 : $0.reading, events: Int16(POLLIN), revents: 0)
            }
            guard poll(&descriptors, 2, Int32(clamping: left)) >= 0 || errno == EINTR else { return nil }
            for (pipe, descriptor) in zip([output, error], descriptors) where descriptor.revents != 0 { pipe.read() }
            if output.bytes.count > largest || error.bytes.count > largest { return .tooMuch }
        }
        return nil
    }
}
