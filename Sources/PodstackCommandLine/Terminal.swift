import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The terminal at which the program was started.
package enum Terminal {
    /// Whether a user can be asked: standard input and standard error are a terminal.
    package static var isInteractive: Bool { StandardInput.isTerminal && StandardStream.error.isTerminal }

    /// Asks for a line; nil at the end of the input.
    package static func askLine(_ prompt: String) -> String? {
        StandardStream.error.write(prompt)
        return readLine()
    }

    /// Asks for a line without echo; nil at the end of the input.
    ///
    /// Ctrl-C ends the program, but only after the terminal echoes again.
    package static func askSecret(_ prompt: String) -> String? {
        StandardStream.error.write(prompt)
        var settings = termios()
        guard tcgetattr(0, &settings) == 0 else { return nil }
        var silent = settings
        // The interrupt is a character that ends the line, since a signal would leave the terminal without echo.
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        withUnsafeMutableBytes(of: &silent.c_cc) { $0[Int(VEOL)] = interrupt }
        guard tcsetattr(0, TCSAFLUSH, &silent) == 0 else { return nil }
        let line = StandardInput.readLine(interrupt: interrupt)
        tcsetattr(0, TCSAFLUSH, &settings)
        StandardStream.error.write("\n")
        if line?.contains(interrupt) == true {
            raise(SIGINT)
            return nil
        }
        return line.map { String(decoding: $0, as: UTF8.self) }
    }

    private static let interrupt: UInt8 = 3

    /// The text that the signal handler writes.
    // Safe: set only while no handler is installed, on the one thread that runs commands, and the text is part of the
    // program's image.
    nonisolated(unsafe) private static var interruptText: (start: UnsafePointer<UInt8>, count: Int)?

    /// Makes Ctrl-C write `text` before it ends the program; with nil, Ctrl-C writes nothing.
    package static func onInterrupt(_ text: StaticString?) {
        signal(SIGINT, SIG_DFL)
        guard let text else { return }
        interruptText = (text.utf8Start, text.utf8CodeUnitCount)
        signal(SIGINT) { number in
            // A signal handler may do little more than write.
            if let text = Terminal.interruptText { _ = systemWrite(2, text.start, text.count) }
            signal(number, SIG_DFL)
            raise(number)
        }
    }
}

/// A line on a terminal that is replaced as work advances, and makes room for other output.
package final class ProgressLine: Sendable {
    private static let clearLine = "\r\u{1B}[K"

    private let write: @Sendable (String) -> Void
    private let isVisible = Mutex(false)

    /// Creates a line that is written with `write`, and is not visible yet.
    package init(write: @escaping @Sendable (String) -> Void) { self.write = write }

    package func show(_ text: String) {
        isVisible.withLock { isVisible in
            isVisible = true
            write(Self.clearLine + text)
        }
    }

    package func clear() { interrupt {} }

    /// Clears the line, then runs `body`, which may write other text.
    package func interrupt(_ body: () -> Void) {
        isVisible.withLock { isVisible in
            if isVisible { write(Self.clearLine) }
            isVisible = false
            body()
        }
    }
}
