import PodstackAPI

/// The output of a pod as lines that arrive while the program runs.
///
/// ```swift
/// for try await line in client.pods.logStream("pod_…") { print(line) }
/// ```
///
/// Each iteration sends its own request. Ending the loop, or canceling its task, ends the request. Bytes that are not
/// UTF-8 are replaced; ``bytes`` has them as they are.
public struct PodLogs: AsyncSequence, Sendable {
    /// The output in pieces, as it was written.
    public let bytes: Bytes

    init(pipeline: Pipeline, call: Call) {
        bytes = Bytes { channel, control in
            try await pipeline.stream(call, control) { channel.send($0) }
        }
    }

    /// Creates output that is known already, for tests of your own code.
    ///
    /// - Parameter text: The output.
    public init(_ text: String) { bytes = Bytes { channel, _ in _ = channel.send(Array(text.utf8)) } }

    /// Creates an iterator, which sends the request when its first line is asked for.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(bytes.makeAsyncIterator()) }

    /// An iterator over lines without their ends.
    public struct AsyncIterator: AsyncIteratorProtocol {
        private var pieces: Bytes.AsyncIterator
        private var rest: [UInt8] = []
        private var start = 0
        private var isFinished = false
        /// A line that never ends must not fill the memory.
        private static let longestLine = 1 << 20

        fileprivate init(_ pieces: Bytes.AsyncIterator) { self.pieces = pieces }

        /// Returns the next line; nil after the last one.
        ///
        /// - Returns: The line, of which at most 1 MiB is returned at once.
        /// - Throws: ``NetworkError`` if the connection breaks, and the errors of the request.
        public mutating func next() async throws -> String? {
            while true {
                if let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                    defer { start = end + 1 }
                    return line(to: end)
                }
                if rest.count - start >= Self.longestLine || isFinished {
                    guard start < rest.count else { return nil }
                    defer { start = rest.count }
                    return line(to: rest.count)
                }
                rest.removeFirst(start)
                start = 0
                if let more = try await pieces.next() { rest += more } else { isFinished = true }
            }
        }

        /// Returns the lines that have arrived, at least one; nil after the last one.
        ///
        /// - Returns: The lines, of which at most 1 MiB is returned at once.
        /// - Throws: ``NetworkError`` if the connection breaks, and the errors of the request.
        package mutating func nextLines() async throws -> [String]? {
            guard let first = try await next() else { return nil }
            var lines = [first]
            while let end = rest[start...].firstIndex(of: UInt8(ascii: "\n")) {
                lines.append(line(to: end))
                start = end + 1
            }
            return lines
        }

        private func line(to end: Int) -> String {
            var line = rest[start..<end]
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            return String(decoding: line, as: UTF8.self)
        }
    }

    /// The output of a pod in pieces.
    public struct Bytes: AsyncSequence, Sendable {
        private let run: @Sendable (ByteChannel, StreamControl) async throws -> Void

        init(_ run: @escaping @Sendable (ByteChannel, StreamControl) async throws -> Void) { self.run = run }

        /// Creates an iterator, which sends the request when its first piece is asked for.
        public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(run) }

        /// An iterator over pieces of any size.
        public struct AsyncIterator: AsyncIteratorProtocol {
            private let run: @Sendable (ByteChannel, StreamControl) async throws -> Void
            private var transfer: StreamedTransfer?

            init(_ run: @escaping @Sendable (ByteChannel, StreamControl) async throws -> Void) { self.run = run }

            /// Returns the next piece; nil at the end.
            ///
            /// - Returns: The piece, which is not empty.
            /// - Throws: ``NetworkError`` if the connection breaks, and the errors of the request.
            public mutating func next() async throws -> [UInt8]? {
                let current = transfer ?? StreamedTransfer(run)
                transfer = current
                return try await current.channel.next()
            }
        }
    }
}

/// A transfer that ends when nothing refers to it any more.
private final class StreamedTransfer: Sendable {
    let channel = ByteChannel()
    private let control = StreamControl()
    private let task: Task<Void, Never>

    init(_ run: @escaping @Sendable (ByteChannel, StreamControl) async throws -> Void) {
        task = Task { [channel, control] in
            do {
                try await run(channel, control)
                channel.finish()
            } catch { channel.finish(.failure(error)) }
        }
    }

    deinit {
        channel.cancel()
        control.cancel()
        task.cancel()
    }
}
