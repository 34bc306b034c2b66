import PodstackSystem
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

    /// Writes text.
    ///
    /// Bytes that are not UTF-8, as in a path, are written as they are to a file or a pipe, and otherwise as escapes.
    package func write(_ text: String) {
        let isData = self == .output && !SystemText.isUTF8(text) && !isTerminal
        write(isData ? SystemText.bytes(of: text) : Array(SystemText.displayed(text).utf8))
    }

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
        var wait = Wait(for: "the end of standard input", within: .seconds(31_536_000))
        while true {
            var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            if let pause = wait.next(), poll(&input, 1, Self.milliseconds(pause)) == 0 { continue }
            let count = systemRead(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return SystemText.text(of: text) }
            text += chunk[..<count]
            guard text.count <= limit else { return nil }
        }
    }

    /// Waits for the next bytes of a descriptor; empty at its end, nil if it cannot be read.
    package static func read(from descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 32 << 10)
        while true {
            let count = systemRead(descriptor, &bytes, bytes.count)
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN {
                var input = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&input, 1, -1)
                continue
            }
            return count >= 0 ? Array(bytes.prefix(count)) : nil
        }
    }

    private static func milliseconds(_ duration: Duration) -> Int32 {
        Int32(clamping: Int64((duration / .milliseconds(1)).rounded(.up)))
    }
}

/// `read` of the C library, which the names of methods hide.
let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }

/// `write` of the C library, which the names of methods hide.
let systemWrite: @Sendable (Int32, UnsafeRawPointer?, Int) -> Int = { write($0, $1, $2) }

/// `close` of the C library, which the names of methods hide.
let systemClose: @Sendable (Int32) -> Void = { close($0) }
