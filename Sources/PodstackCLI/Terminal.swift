import Podstack
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The process's own standard streams.
enum Terminal {
    enum Stream: Int32 {
        case output = 1
        case error = 2
    }

    private static let failure = Atomic<Int32>(0)

    /// Why something that was meant for standard output is not there; nil when all of it is.
    static var outputFailure: String? {
        let code = failure.load(ordering: .relaxed)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    static var isInteractive: Bool { isatty(0) == 1 && isatty(2) == 1 }
    static var isOutputShown: Bool { isatty(1) == 1 }

    static func write(_ text: String, to stream: Stream) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(stream.rawValue, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                if stream == .output { failure.store(errno, ordering: .relaxed) }
                return
            }
            rest = rest.dropFirst(count)
        }
    }

    static func readInput() throws -> String {
        let most = APIToken.largestText
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = systemRead(0, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += chunk[..<count]
            guard text.count <= most else {
                throw CommandError(
                    message: "standard input is larger than \(most >> 10) KiB, which no token is",
                    hint: "Pipe the token alone")
            }
        }
    }

    static func askLine(_ prompt: String) -> String? {
        write(prompt, to: .error)
        return readLine()
    }

    /// Ctrl-C ends the program as elsewhere, but not before the terminal echoes again.
    static func askSecret(_ prompt: String) -> String? {
        write(prompt, to: .error)
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { return nil }
        var silent = before
        // The interrupt is a character that ends the line, since a signal would leave the terminal without echo.
        silent.c_lflag &= ~tcflag_t(ECHO | ISIG)
        withUnsafeMutableBytes(of: &silent.c_cc) { $0[Int(VEOL)] = interrupt }
        guard tcsetattr(0, TCSAFLUSH, &silent) == 0 else { return nil }
        let line = terminalLine()
        tcsetattr(0, TCSAFLUSH, &before)
        write("\n", to: .error)
        if line?.contains(interrupt) == true {
            raise(SIGINT)
            return nil
        }
        return line.map { String(decoding: $0, as: UTF8.self) }
    }

    /// Said by a signal handler, which may do little more than write.
    // Safe: set only while no handler is installed, on the one thread that runs commands, and what it points at is part
    // of the program.
    nonisolated(unsafe) private static var lastWords: (start: UnsafePointer<UInt8>, count: Int)?

    /// Ctrl-C ends the program as elsewhere, but not before it has said `sentence`; with nil, in silence.
    static func onInterrupt(_ sentence: StaticString?) {
        signal(SIGINT, SIG_DFL)
        guard let sentence else { return }
        lastWords = (sentence.utf8Start, sentence.utf8CodeUnitCount)
        signal(SIGINT) { number in
            if let words = Terminal.lastWords { _ = systemWrite(2, words.start, words.count) }
            signal(number, SIG_DFL)
            raise(number)
        }
    }

    private static let interrupt: UInt8 = 3

    /// Without its end; nil at the end of the input.
    private static func terminalLine() -> [UInt8]? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = systemRead(0, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return line.isEmpty ? nil : line }
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
            if byte == interrupt { return line }
        }
    }
}

/// `read` of the C library, which the names around hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }

/// `write` of the C library, which the name of a method hides.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
