#if os(Linux)
    import CPosix
    import Glibc
    import Podstack
    import Synchronization

    /// A terminal on which a program runs, with a user who types.
    package final class PseudoTerminal: Sendable {
        package let id: pid_t
        private let terminal: Int32
        private let ending: ProcessEnding
        private let shown: ShownText

        private final class ShownText: Sendable {
            let bytes = Mutex<[UInt8]>([])
        }

        /// Starts a program in a new session.
        ///
        /// - Parameters:
        ///   - path: The path of the program.
        ///   - arguments: The arguments.
        ///   - environment: The whole environment.
        ///   - isControlling: Whether the terminal controls the session, so that the program can open `/dev/tty`.
        /// - Throws: An error if the program cannot be started.
        package init(
            _ path: String, _ arguments: [String], environment: [String: String], isControlling: Bool = true
        ) throws {
            terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)
            var name = [CChar](repeating: 0, count: 64)
            guard terminal >= 0, grantpt(terminal) == 0, unlockpt(terminal) == 0,
                ptsname_r(terminal, &name, name.count) == 0
            else {
                throw ToolProcess.Failure(reason: "cannot open a terminal")
            }
            var actions = posix_spawn_file_actions_t()
            posix_spawn_file_actions_init(&actions)
            defer { posix_spawn_file_actions_destroy(&actions) }
            let flags = O_RDWR | (isControlling ? 0 : O_NOCTTY)
            for stream: Int32 in 0...2 { posix_spawn_file_actions_addopen(&actions, stream, name, flags, 0) }
            var attributes = posix_spawnattr_t()
            posix_spawnattr_init(&attributes)
            defer { posix_spawnattr_destroy(&attributes) }
            var none = sigset_t()
            sigemptyset(&none)
            posix_spawnattr_setsigmask(&attributes, &none)
            posix_spawnattr_setflags(&attributes, podstack_spawn_new_session | Int16(POSIX_SPAWN_SETSIGMASK))
            var words = ([path] + arguments).map { strdup($0) } + [nil]
            var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
            defer { for string in words + variables { free(string) } }
            var id = pid_t()
            guard posix_spawn(&id, path, &actions, &attributes, &words, &variables) == 0 else {
                close(terminal)
                throw ToolProcess.Failure(reason: "cannot start \(path)")
            }
            self.id = id
            ending = ProcessEnding(of: id)
            let shown = ShownText()
            self.shown = shown
            let descriptor = dup(terminal)
            BlockingThread.start {
                var chunk = [UInt8](repeating: 0, count: 4096)
                // Reading fails once no process has the terminal open.
                while true {
                    let count = read(descriptor, &chunk, chunk.count)
                    guard count > 0 || count < 0 && errno == EINTR else { break }
                    shown.bytes.withLock { $0 += chunk[..<max(0, count)] }
                }
                close(descriptor)
            }
        }

        deinit {
            kill(-id, SIGKILL)
            close(terminal)
        }

        /// The text that the terminal has shown.
        package var text: String { shown.bytes.withLock { String(decoding: $0, as: UTF8.self) } }

        /// Whether the terminal shows the characters that the user types.
        package var echoes: Bool {
            var settings = termios()
            return tcgetattr(terminal, &settings) == 0 && settings.c_lflag & tcflag_t(ECHO) != 0
        }

        package func type(_ text: String) {
            let bytes = Array(text.utf8)
            _ = write(terminal, bytes, bytes.count)
        }

        /// Changes the size of the terminal, which sends its programs the signal WINCH.
        package func resize(rows: UInt16, columns: UInt16) {
            var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
            _ = ioctl(terminal, UInt(TIOCSWINSZ), &size)
        }

        package func signal(_ number: Int32) {
            if ending.status.load(ordering: .acquiring) < 0 { kill(id, number) }
        }

        /// Waits for the end, and returns the exit status, or 128 plus the number of the signal.
        package func wait() throws -> Int32 {
            var wait = BoundedWait(.seconds(60))
            while true {
                let status = ending.status.load(ordering: .acquiring)
                if status >= 0 { return status }
                guard let pause = wait.next() else {
                    throw ToolProcess.Failure(reason: "the program did not end; the terminal shows: \(text)")
                }
                BoundedWait.sleep(pause)
            }
        }

        /// Waits until the terminal has shown a text, some number of times.
        package func wait(for text: String, times: Int = 1) throws {
            var wait = BoundedWait(.seconds(30))
            while self.text.split(separator: text, omittingEmptySubsequences: false).count <= times {
                guard let pause = wait.next() else {
                    throw ToolProcess.Failure(reason: "\"\(text)\" was not shown, but: \(self.text)")
                }
                BoundedWait.sleep(pause)
            }
        }
    }
#endif
