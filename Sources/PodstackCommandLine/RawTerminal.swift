import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The terminal of the program while another program, on another machine, has it: no echo, no line editing, and keys such
/// as Ctrl-C arrive as bytes.
///
/// 1. The former settings are restored once, by ``restore()`` or by the handler of a signal that ends the program.
/// 2. The handlers only restore the terminal, write to a pipe, and raise their signal again: all three are safe there.
/// 3. A signal that was ignored stays ignored.
package final class RawTerminal: Sendable {
    /// An action of the user.
    package enum Event: Sendable, Equatable {
        case input([UInt8])
        /// The input ended: the terminal is gone.
        case endOfInput
        case resize(rows: Int, columns: Int)
        /// ``wake()`` was called.
        case woken
    }

    private static let ending = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

    /// The terminal's settings before, for the signal handlers.
    // Safe: written only while no handler is installed, on the one thread that runs commands.
    nonisolated(unsafe) private static var former: termios?
    /// The end of the pipe to which handlers and `wake` write.
    // Safe: written only while no handler is installed, on the one thread that runs commands.
    nonisolated(unsafe) private static var wakeUp: Int32 = -1

    private typealias Handler = @convention(c) (Int32) -> Void

    private let events: Int32
    private let writeEnd: Int32
    private let handlers: [Int32: Handler?]
    private let isRestored = Atomic(false)

    /// Takes the terminal that is standard input; nil if it is none.
    package init?() {
        var settings = termios()
        guard Self.former == nil, tcgetattr(StandardInput.descriptor, &settings) == 0 else { return nil }
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        events = ends[0]
        writeEnd = ends[1]
        Self.wakeUp = ends[1]
        Self.former = settings
        var handlers: [Int32: Handler?] = [:]
        for number in Self.ending {
            let handler = signal(number) { number in
                if var former = RawTerminal.former { tcsetattr(StandardInput.descriptor, TCSANOW, &former) }
                signal(number, SIG_DFL)
                raise(number)
            }
            if Self.isIgnored(handler) { signal(number, SIG_IGN) } else { handlers[number] = .some(handler) }
        }
        handlers[SIGWINCH] = .some(
            signal(SIGWINCH) { _ in
                let failure = errno
                var byte = UInt8(ascii: "w")
                _ = systemWrite(RawTerminal.wakeUp, &byte, 1)
                errno = failure
            })
        self.handlers = handlers
        var raw = settings
        cfmakeraw(&raw)
        while tcsetattr(StandardInput.descriptor, TCSADRAIN, &raw) != 0, errno == EINTR {}
    }

    deinit {
        restore()
        systemClose(writeEnd)
        systemClose(events)
    }

    private static func isIgnored(_ handler: Handler?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// The size of the terminal; nil if it has none.
    package static var size: (rows: Int, columns: Int)? {
        var size = winsize()
        guard ioctl(StandardInput.descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_row > 0, size.ws_col > 0 else {
            return nil
        }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Waits for the next event.
    package func next() -> Event {
        while true {
            var descriptors = [StandardInput.descriptor, events].map {
                pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
            }
            guard poll(&descriptors, 2, -1) > 0 else { continue }
            if descriptors[1].revents != 0 {
                var bytes = [UInt8](repeating: 0, count: 64)
                let count = systemRead(events, &bytes, bytes.count)
                if count <= 0 || bytes.prefix(count).contains(UInt8(ascii: "q")) { return .woken }
                if let size = Self.size { return .resize(rows: size.rows, columns: size.columns) }
                continue
            }
            guard descriptors[0].revents != 0 else { continue }
            var bytes = [UInt8](repeating: 0, count: 16 << 10)
            let count = systemRead(StandardInput.descriptor, &bytes, bytes.count)
            if count < 0, errno == EINTR || errno == EAGAIN { continue }
            return count > 0 ? .input(Array(bytes.prefix(count))) : .endOfInput
        }
    }

    /// Makes a waiting ``next()`` return.
    package func wake() {
        var byte = UInt8(ascii: "q")
        _ = systemWrite(writeEnd, &byte, 1)
    }

    /// Gives the terminal its former settings and the signals their former effect.
    package func restore() {
        guard !isRestored.exchange(true, ordering: .sequentiallyConsistent) else { return }
        if var former = Self.former {
            while tcsetattr(StandardInput.descriptor, TCSADRAIN, &former) != 0, errno == EINTR {}
        }
        for (number, handler) in handlers { signal(number, handler) }
        Self.former = nil
        Self.wakeUp = -1
    }
}
