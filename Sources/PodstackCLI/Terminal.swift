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

    static var isInteractive: Bool { isatty(0) == 1 && isatty(2) == 1 }

    static func write(_ text: String, to stream: Stream) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(stream.rawValue, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            // Nobody reads any more: there is nothing left to tell.
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    static func readInput() -> String {
        var text = ""
        while let line = readLine(strippingNewline: false) { text += line }
        return text
    }

    static func askSecret(_ prompt: String) -> String? {
        write(prompt, to: .error)
        var before = termios()
        guard tcgetattr(0, &before) == 0 else { return nil }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(0, TCSAFLUSH, &silent) == 0 else { return nil }
        defer {
            tcsetattr(0, TCSAFLUSH, &before)
            write("\n", to: .error)
        }
        return readLine()
    }
}

/// `write` of the C library, which the name of a method hides.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
