/// Splits the output that the Docker API sends for both streams of a program into its frames.
///
/// A frame is the number of the stream, three zero bytes, the length in four bytes with the most significant first, and the
/// payload. Frames are divided among the parts of a response anywhere.
///
/// Invariants, each shown by `DockerFramesTests`:
/// 1. The payloads of a stream, joined, do not depend on how the bytes are divided.
/// 2. At most eight bytes are kept between two parts: payloads are passed on as they arrive.
/// 3. Bytes that are not frames are an error, and nothing that follows them is passed on.
struct DockerFrames {
    /// An error of the stream.
    enum Problem: Error, Equatable {
        /// The bytes are not frames.
        case invalid
        /// The engine reports an error of its own, in a frame with the number 3.
        case engine(String)
    }

    private var header: [UInt8] = []
    /// The stream of the current frame; nil for one whose payload is an error of the engine.
    private var stream: EngineStream?
    private var left = 0
    private var problem: [UInt8] = []
    private var isProblem = false
    private static let headerLength = 8
    /// The most bytes that are kept of an error of the engine.
    private static let maxProblem = 4096

    /// Whether the bytes so far end with a whole frame.
    var isComplete: Bool { header.isEmpty && left == 0 }

    /// Receives the next bytes.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - pass: Receives each part of a payload; returns false to end.
    /// - Returns: False as soon as `pass` does.
    /// - Throws: ``Problem``, and the errors of `pass`.
    mutating func receive(
        _ bytes: UnsafeRawBufferPointer, pass: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            if left == 0 {
                let count = min(rest.count, Self.headerLength - header.count)
                header += rest.prefix(count)
                rest = rest.dropFirst(count)
                if header.count == Self.headerLength { try begin() }
                continue
            }
            let count = min(rest.count, left)
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(count))
            rest = rest.dropFirst(count)
            left -= count
            if isProblem {
                problem += part.prefix(Self.maxProblem - problem.count)
                if left == 0 { throw Problem.engine(String(decoding: problem, as: UTF8.self)) }
            } else if let stream, try !pass(stream, part) {
                return false
            }
        }
        return true
    }

    private mutating func begin() throws {
        guard header[1] == 0, header[2] == 0, header[3] == 0 else { throw Problem.invalid }
        switch header[0] {
        // The number 0 is that of the input, which old engines send back as output.
        case 0, 1: stream = .output
        case 2: stream = .error
        case 3:
            stream = nil
            isProblem = true
        default: throw Problem.invalid
        }
        left = header[4...].reduce(0) { $0 << 8 | Int($1) }
        header.removeAll(keepingCapacity: true)
        if isProblem, left == 0 { throw Problem.engine("") }
    }
}
