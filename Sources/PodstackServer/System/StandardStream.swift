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

    /// Writes in one call, so that the lines of several threads do not mix.
    func write(_ bytes: [UInt8]) { _ = systemWrite(rawValue, bytes, bytes.count) }
}

/// The C library's `write`, which is shadowed by the method of the same name.
private let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
