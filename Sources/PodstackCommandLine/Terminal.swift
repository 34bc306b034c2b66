import PodstackSystem
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The terminal at which the program was started.
///
/// Questions are written to the terminal itself, so a redirected stream neither receives nor answers them.
package enum Terminal {
    /// Whether a user can be asked: standard input is a terminal, and questions can be written to it.
    package static var isInteractive: Bool {
        guard StandardInput.isTerminal, let device = TerminalDevice() else { return false }
        device.close()
        return true
    }

    /// Asks for a line; nil at the end of the input.
    package static func askLine(_ prompt: String) -> String? {
        guard let device = TerminalDevice() else { return nil }
        defer { device.close() }
        device.write(prompt)
        guard case .line(let line) = device.readLine(watching: nil) else { return nil }
        return SystemText.text(of: line)
    }

    /// Asks for a line without echo; nil at the end of the input, or when the terminal cannot hide it.
    ///
    /// A signal that ends or stops the program does so after the terminal echoes again. When the program continues, it
    /// asks again.
    package static func askSecret(_ prompt: String) -> String? {
        guard let device = TerminalDevice(), let watch = SignalWatch() else { return nil }
        defer {
            watch.end()
            device.close()
        }
        while let former = device.hideInput() {
            // Before the prompt, the program may have been stopped because it was in the background.
            watch.forget(SIGCONT)
            device.write(prompt)
            let reading = device.readLine(watching: watch)
            device.restore(former)
            device.write("\n")
            switch reading {
            case .line(let line): return SystemText.text(of: line)
            case .end: return nil
            // Another program may have changed the terminal while this one was stopped.
            case .signal(SIGCONT): continue
            case .signal(let number):
                watch.deliver(number)
                // Only a signal that stops the program lets it continue.
                if number != SIGTSTP { return nil }
            }
        }
        return nil
    }

    /// The text that the signal handler writes.
    // Safe: set only while no handler is installed, on the one thread that runs commands, and the text is part of the
    // program's image.
    nonisolated(unsafe) private static var interruptText: (start: UnsafePointer<UInt8>, count: Int)?

    /// Makes Ctrl-C write `text` before it ends the program; with nil, Ctrl-C writes nothing.
    package static func onInterrupt(_ text: StaticString?) {
        let former = signal(SIGINT, SIG_DFL)
        // A program that was started with the signal ignored, as by nohup, must not end by it.
        guard unsafeBitCast(former, to: Int.self) != unsafeBitCast(SIG_IGN, to: Int.self) else {
            signal(SIGINT, SIG_IGN)
            return
        }
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

// MARK: - The device

/// The terminal that controls the session, or else the one that is standard input.
private struct TerminalDevice {
    enum Reading {
        case line([UInt8])
        case end
        /// A signal came first. The line that was typed so far is lost.
        case signal(Int32)
    }

    private let input: Int32
    private let output: Int32
    /// Whether the descriptors were opened here.
    private let isOpened: Bool

    /// Opens the terminal; nil when there is none.
    init?() {
        let descriptor = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)
        if descriptor >= 0 {
            (input, output, isOpened) = (descriptor, descriptor, true)
            return
        }
        // In a container, the terminal often does not control a session.
        guard StandardInput.isTerminal,
            let writable = [StandardInput.descriptor, StandardStream.error.rawValue].first(where: Self.isWritable)
        else { return nil }
        (input, output, isOpened) = (StandardInput.descriptor, writable, false)
    }

    private static func isWritable(_ descriptor: Int32) -> Bool {
        isatty(descriptor) == 1 && fcntl(descriptor, F_GETFL) & O_ACCMODE != O_RDONLY
    }

    func close() { if isOpened { systemClose(input) } }

    func write(_ text: String) {
        var rest = Array(SystemText.displayed(text).utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(output, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    /// Switches the echo off, drops what was typed before, and returns the former settings; nil when that fails.
    func hideInput() -> termios? {
        var former = termios()
        guard tcgetattr(input, &former) == 0 else { return nil }
        var hidden = former
        hidden.c_lflag &= ~tcflag_t(ECHO | ECHOE | ECHOK | ECHONL)
        // A program that crashed may have left the terminal without these.
        hidden.c_lflag |= tcflag_t(ICANON | ISIG)
        hidden.c_iflag |= tcflag_t(ICRNL)
        return set(&hidden) ? former : nil
    }

    /// Restores settings, and drops what was typed after the line, which the shell would show or run.
    func restore(_ former: termios) {
        // In the background, the terminal already has the settings of another program.
        let owner = tcgetpgrp(input)
        guard owner < 0 || owner == getpgrp() else { return }
        var former = former
        _ = set(&former)
    }

    private func set(_ settings: inout termios) -> Bool {
        while tcsetattr(input, TCSAFLUSH, &settings) != 0 {
            guard errno == EINTR else { return false }
        }
        return true
    }

    /// Reads a line without its end, unless a signal comes first.
    func readLine(watching watch: SignalWatch?) -> Reading {
        var line: [UInt8] = []
        while true {
            // poll ignores negative descriptors.
            var descriptors = [input, watch?.descriptor ?? -1].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            guard poll(&descriptors, 2, -1) > 0 else {
                guard errno == EINTR else { return .end }
                continue
            }
            if let number = watch?.next() { return .signal(number) }
            guard descriptors[0].revents != 0 else { continue }
            var byte: UInt8 = 0
            let count = systemRead(input, &byte, 1)
            if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
            guard count > 0 else { return line.isEmpty ? .end : .line(line) }
            if byte == UInt8(ascii: "\n") { return .line(line) }
            line.append(byte)
        }
    }
}

// MARK: - Signals

/// Holds back the signals that end or stop the program, while the terminal does not echo.
///
/// 1. A signal that was ignored when the watch began stays ignored.
/// 2. The handler only writes the number of the signal to a pipe, which the reader of the terminal watches. Any thread
///    can so receive the signal.
/// 3. `deliver(_:)` gives the signal its former effect, so that the program ends by it, which its parent can see.
private struct SignalWatch {
    private static let numbers = [
        SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGALRM, SIGVTALRM, SIGPROF, SIGUSR1, SIGUSR2, SIGXCPU,
    ]

    /// The end of the pipe to which the handler writes.
    // Safe: written only while no handler is installed, on the one thread that asks the user.
    nonisolated(unsafe) private static var wakeUp: Int32 = -1

    private typealias Handler = @convention(c) (Int32) -> Void

    let descriptor: Int32
    private let former: [Int32: Handler?]

    /// Begins to hold back signals; nil when the system has no descriptors left.
    init?() {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return nil }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        Self.wakeUp = ends[1]
        var former: [Int32: Handler?] = [:]
        for number in Self.numbers {
            let handler = Self.hold(number)
            if Self.isIgnored(handler) { signal(number, SIG_IGN) } else { former[number] = .some(handler) }
        }
        self.former = former
    }

    /// Installs the handler, and returns the former one.
    @discardableResult
    private static func hold(_ number: Int32) -> Handler? {
        signal(number) { number in
            let failure = errno
            var byte = UInt8(truncatingIfNeeded: number)
            _ = systemWrite(SignalWatch.wakeUp, &byte, 1)
            errno = failure
        }
    }

    private static func isIgnored(_ handler: Handler?) -> Bool {
        unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    func end() {
        for (number, handler) in former { signal(number, handler) }
        systemClose(Self.wakeUp)
        systemClose(descriptor)
        Self.wakeUp = -1
    }

    /// Returns the next signal that was held back.
    func next() -> Int32? {
        var byte: UInt8 = 0
        return systemRead(descriptor, &byte, 1) == 1 ? Int32(byte) : nil
    }

    /// Drops a signal if it is the next one.
    func forget(_ number: Int32) {
        while let next = next() {
            guard next != number else { continue }
            var byte = UInt8(truncatingIfNeeded: next)
            _ = systemWrite(Self.wakeUp, &byte, 1)
            return
        }
    }

    /// Gives a signal the effect that it had before the watch.
    ///
    /// Returns if the program continues.
    func deliver(_ number: Int32) {
        signal(number, former[number] ?? SIG_DFL)
        var set = sigset_t()
        var mask = sigset_t()
        sigemptyset(&set)
        sigaddset(&set, number)
        // The threads of the concurrency runtime block signals.
        pthread_sigmask(SIG_UNBLOCK, &set, &mask)
        raise(number)
        pthread_sigmask(SIG_SETMASK, &mask, nil)
        Self.hold(number)
    }
}

// MARK: - Progress

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
