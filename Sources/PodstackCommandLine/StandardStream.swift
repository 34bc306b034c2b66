import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard output or standard error of this process.
package enum StandardStream: Int32, Sendable {
    case output = 1
    case error = 2

    private static let firstOutputFailure = Atomic<Int32>(0)

    /// The reason why a part of standard output is missing; nil when all of it was written.
    package static var outputFailure: String? {
        let code = firstOutputFailure.load(ordering: .relaxed)
        return code == 0 ? nil : String(cString: strerror(code))
    }

    package var isTerminal: Bool { isatty(rawValue) == 1 }

    package func write(_ text: String) { write(Array(text.utf8)) }

    /// Writes all of `bytes`, in one call where the system takes them, so that lines of several threads do not mix.
    package func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { systemWrite(rawValue, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else {
                if self == .output { Self.firstOutputFailure.store(errno, ordering: .relaxed) }
                return
            }
            rest = rest.dropFirst(count)
        }
    }
}

/// Standard input of this process.
package enum StandardInput {
    package static let descriptor: Int32 = 0

    package static var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Returns everything up to the end of the input; nil when that is more than `limit` bytes.
    package static func readAll(limit: Int) -> String? {
        var text: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = systemRead(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return String(decoding: text, as: UTF8.self) }
            text += chunk[..<count]
            guard text.count <= limit else { return nil }
        }
    }

    /// Returns the next line without its end; nil at the end of the input.
    ///
    /// The byte `interrupt` also ends the line, and then is its last byte.
    static func readLine(interrupt: UInt8) -> [UInt8]? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = systemRead(descriptor, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return line.isEmpty ? nil : line }
            if byte == UInt8(ascii: "\n") { return line }
            line.append(byte)
            if byte == interrupt { return line }
        }
    }
}

/// `read` of the C library, which the names of methods hide.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }

/// `write` of the C library, which the names of methods hide.
let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }
