#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard output and standard error.
enum StandardStream: Int32 {
    case output = 1
    case error = 2

    var isTerminal: Bool { isatty(rawValue) == 1 }

    func write(_ text: String) { write(Array(text.utf8)) }

    /// In one call, so that the lines of several threads do not mix.
    func write(_ bytes: [UInt8]) { _ = systemWrite(rawValue, bytes, bytes.count) }
}

/// `write` of the C library, which the name of a method hides.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
