#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension ChildProcess {
    /// The two ends of what a program writes or reads. Used by one thread.
    final class Pipe {
        private(set) var bytes: [UInt8] = []
        private(set) var isAtEnd = false
        let reading: Int32
        let writing: Int32
        private var isWritingOpen = true

        init(_ source: ClientConfiguration.Source) throws(ConfigurationError) {
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else {
                throw ConfigurationError(message: "\(source) cannot be run: \(String(cString: strerror(errno)))")
            }
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            (reading, writing) = (ends[0], ends[1])
        }

        deinit {
            close(reading)
            if isWritingOpen { close(writing) }
        }

        func closeWriting() {
            close(writing)
            isWritingOpen = false
        }

        /// Puts all that there is to read into it. Before somebody reads: a reader that is gone would end this process.
        func fill(_ input: [UInt8], _ source: ClientConfiguration.Source) throws(ConfigurationError) {
            guard input.count <= ChildProcess.largestInput else {
                throw ConfigurationError(
                    message: "\(source) is not given more than \(ChildProcess.largestInput >> 10) KiB")
            }
            guard input.isEmpty || write(writing, input, input.count) == input.count else {
                throw ConfigurationError(message: "\(source) cannot be run: \(String(cString: strerror(errno)))")
            }
            closeWriting()
        }

        func read() {
            var chunk = [UInt8](repeating: 0, count: 1 << 14)
            let count = systemRead(reading, &chunk, chunk.count)
            if count > 0 { bytes += chunk[..<count] }
            if count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN) { isAtEnd = true }
        }
    }
}

/// `read` of the C library, which the name of a method hides.
private let systemRead: @Sendable (Int32, UnsafeMutableRawPointer?, Int) -> Int = { read($0, $1, $2) }
