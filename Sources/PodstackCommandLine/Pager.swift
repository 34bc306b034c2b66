import PodstackSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A program that shows long output on a terminal page by page, such as `less`.
///
/// Until ``begin()``, text goes to standard output. After it, the pager starts with the first text, so that a command
/// without output starts none.
package final class Pager: Sendable {
    private enum State {
        case off
        case unused
        case running(process: pid_t, pipe: Int32)
        /// The user has left the pager: nothing reads the output any more.
        case left(process: pid_t)
        /// The pager cannot be started, so the output is written to the terminal directly.
        case failed
    }

    private let command: String
    private let state = Mutex(State.off)
    /// The signals of `signals` that were ignored before the pager started.
    private let ignored = Mutex<[Int32]>([])
    /// The signals that this program ignores while the pager runs.
    private static let signals = [SIGINT, SIGQUIT, SIGPIPE]

    /// Creates the pager that the environment names.
    ///
    /// Nil for `cat`, which pages nothing, if the pager is not installed, and for a terminal that cannot show pages.
    ///
    /// - Parameter lookUp: Returns the value of an environment variable; nil if it is not set.
    package init?(_ lookUp: (String) -> String?) {
        func value(_ name: String) -> String? { lookUp(name).flatMap { $0.isEmpty ? nil : $0 } }
        let command = value("PODSTACK_PAGER") ?? value("PAGER") ?? "less"
        let words = command.split(byte: " ")
        guard let program = words.first, command != "cat", let terminal = value("TERM"), terminal != "dumb" else {
            return nil
        }
        // Otherwise a command that is not found would swallow the output. `NAME=value` before a program is for the shell.
        guard
            program.contains(bytes: "=")
                || ProgramSearch.find(String(program), in: value("PATH")).map(ProgramSearch.isProgram) == true
        else { return nil }
        self.command = command
    }

    /// Whether the user has left the pager, so that more output is in vain.
    package var hasBeenLeft: Bool {
        state.withLock { if case .left = $0 { true } else { false } }
    }

    /// Shows the text that is written from now on.
    package func begin() { state.withLock { $0 = .unused } }

    package func write(_ text: String) {
        state.withLock { state in
            if case .unused = state { state = start() }
            switch state {
            case .running(let process, let pipe):
                guard !Self.write(Array(text.utf8), to: pipe) else { return }
                close(pipe)
                state = .left(process: process)
            case .failed, .off: StandardStream.output.write(text)
            case .left, .unused: break
            }
        }
    }

    /// Waits until the user leaves the pager; text then goes to standard output again.
    package func finish() {
        state.withLock { state in
            switch state {
            case .running(let process, let pipe):
                close(pipe)
                wait(for: process)
            case .left(let process): wait(for: process)
            case .off, .unused, .failed: break
            }
            state = .off
        }
    }

    // MARK: - The process

    private func start() -> State {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { return .failed }
        defer { close(ends[0]) }
        // Only the pager reads, so it must not hold the other end.
        _ = fcntl(ends[1], F_SETFD, FD_CLOEXEC)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        if ends[0] != 0 { posix_spawn_file_actions_addclose(&actions, ends[0]) }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Threads of the concurrency runtime block signals, and the pager would inherit that.
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var words = ["sh", "-c", command].map { SystemText.withCString($0) { strdup($0) } } + [nil]
        var variables = Self.environment.map { SystemText.withCString($0) { strdup($0) } } + [nil]
        defer { for string in words + variables { free(string) } }
        var process = pid_t()
        guard posix_spawn(&process, "/bin/sh", &actions, &attributes, &words, &variables) == 0 else {
            close(ends[1])
            return .failed
        }
        // The interrupt is for the pager, which uses it to stop searching; leaving it ends this program too.
        let former = Self.signals.map { signal($0, SIG_IGN) }
        ignored.withLock { ignored in
            ignored = zip(Self.signals, former).filter {
                unsafeBitCast($1, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
            }.map(\.0)
        }
        return .running(process: process, pipe: ends[1])
    }

    /// The environment of the pager: without tokens, and with options that make `less` end after a short text and show
    /// styles, unless the user has other ones.
    private static var environment: [String] {
        var variables: [String] = []
        var next = environ
        while let entry = next.pointee {
            variables.append(SystemText.text(of: entry))
            next += 1
        }
        variables.removeAll { $0.hasPrefix(bytes: "PODSTACK_") }
        if !variables.contains(where: { $0.hasPrefix(bytes: "LESS=") }) { variables.append("LESS=FRX") }
        if !variables.contains(where: { $0.hasPrefix(bytes: "LV=") }) { variables.append("LV=-c") }
        // The shell searches the working directory for an empty or a relative entry.
        let path = variables.first { $0.hasPrefix(bytes: "PATH=") }?.utf8.dropFirst(5)
        variables.removeAll { $0.hasPrefix(bytes: "PATH=") }
        variables.append("PATH=\(ProgramSearch.absolute(path.map { String(Substring($0)) }))")
        return variables
    }

    private func wait(for process: pid_t) {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let ignored = ignored.withLock(\.self)
        for number in Self.signals where !ignored.contains(number) { signal(number, SIG_DFL) }
    }

    /// Writes all bytes; returns false when nothing reads them any more.
    private static func write(_ bytes: [UInt8], to pipe: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(pipe, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }
}
