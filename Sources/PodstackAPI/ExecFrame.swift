/// A frame of an interactive command in a pod, after the connection was upgraded to `podstack-exec/1`.
///
/// On the wire: one byte for the type, four bytes for the length of the payload (big endian), and the payload.
package struct ExecFrame: Sendable, Equatable {
    /// The meaning of a frame.
    package enum Kind: UInt8, Sendable {
        /// Bytes for the command's input, from the client.
        case input = 0
        /// Bytes of the command's output, from the service.
        case output = 1
        /// Bytes of the command's error output, from the service.
        case errorOutput = 2
        /// The exit code in decimal, from the service; no frame follows.
        case exitCode = 3
        /// The size of the terminal as `ROWSxCOLUMNS`, from the client.
        case resize = 4
        /// The end of the input, from the client; the payload is empty.
        case endOfInput = 5
        /// A sentence that says why the command could not be run, from the service; no frame follows.
        case failure = 6
    }

    /// The value of the header `Upgrade`.
    package static let protocolName = "podstack-exec/1"
    /// The largest payload in bytes.
    package static let largestPayload = 64 << 10

    package var kind: Kind
    package var payload: [UInt8]

    package init(_ kind: Kind, _ payload: [UInt8] = []) {
        self.kind = kind
        self.payload = payload
    }

    /// Creates a frame with a text.
    package init(_ kind: Kind, text: String) { self.init(kind, Array(text.utf8)) }

    /// The frame as it is sent.
    ///
    /// A payload must not be larger than ``largestPayload``.
    package var bytes: [UInt8] {
        let length = UInt32(truncatingIfNeeded: payload.count)
        return [kind.rawValue] + (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + payload
    }

    /// The exit code; nil if the frame has none.
    package var exitCode: Int? { kind == .exitCode ? Int(String(decoding: payload, as: UTF8.self)) : nil }

    /// The size of a terminal; nil if the frame has none.
    package var size: (rows: Int, columns: Int)? {
        let numbers = String(decoding: payload, as: UTF8.self).split(separator: "x").map { Int($0) ?? 0 }
        guard kind == .resize, numbers.count == 2, numbers.allSatisfy({ (1...10_000).contains($0) }) else { return nil }
        return (numbers[0], numbers[1])
    }

    // MARK: - Reading

    /// The error for bytes that are not frames.
    package struct Malformed: Error {}

    /// Reads frames from bytes that arrive in any pieces.
    package struct Reader: Sendable {
        private var bytes: [UInt8] = []
        private var start = 0

        package init() {}

        /// Whether bytes of an incomplete frame have arrived.
        package var isWithinFrame: Bool { start < bytes.count }

        package mutating func receive(_ more: some Sequence<UInt8>) {
            if start > 0 {
                bytes.removeFirst(start)
                start = 0
            }
            bytes += more
        }

        /// Returns the next frame; nil if it has not arrived yet.
        package mutating func next() throws(Malformed) -> ExecFrame? {
            guard bytes.count - start >= 5 else { return nil }
            let length = bytes[(start + 1)..<(start + 5)].reduce(0) { $0 << 8 | Int($1) }
            guard let kind = Kind(rawValue: bytes[start]), length <= ExecFrame.largestPayload else { throw Malformed() }
            guard bytes.count - start - 5 >= length else { return nil }
            let payload = Array(bytes[(start + 5)..<(start + 5 + length)])
            start += 5 + length
            return ExecFrame(kind, payload)
        }
    }
}
