/// Follows the lines between the chunks of a body.
///
/// libmicrohttpd ends such a line at any CR or LF. Another program, such as a proxy, could then disagree with it about where
/// the request ends: RFC 9112, section 7.1. libmicrohttpd does not pass these lines on, but each is in its buffer, behind the
/// head or the data before it.
///
/// The buffer contains what was sent only if nothing was received since: the next bytes are written to its beginning.
/// So a line that arrives separately from what is before it is not checked here.
struct ChunkFraming: Sendable {
    /// The number of bytes after a head or after data that are kept.
    static let maxLine = 40

    /// The bytes behind the head or the last data.
    private var following: [UInt8]
    /// The position of ``following`` in the buffer.
    private var position: Int
    /// The number of bytes that the connection had received; nil if that is not known.
    private var received: Int64?
    private var hasData = false
    /// Whether a line does not have the required form.
    private(set) var isMalformed = false

    /// Begins with the end of the head.
    ///
    /// - Parameters:
    ///   - position: The position of the body in the buffer.
    ///   - following: The bytes there.
    ///   - received: The number of bytes that the connection has received.
    init(at position: Int, following: [UInt8], received: Int64?) {
        self.position = position
        self.following = following
        self.received = received
    }

    /// Checks the line before some data.
    ///
    /// - Parameters:
    ///   - data: The positions of the data in the buffer.
    ///   - next: The bytes behind them.
    ///   - count: The number of bytes that the connection has received.
    mutating func data(at data: Range<Int>, following next: [UInt8], received count: Int64?) {
        let gap = data.lowerBound - position
        if let count, count == received, (1...following.count).contains(gap) {
            let line = following.prefix(gap)
            isMalformed = isMalformed || Self.end(ofLine: line, afterData: hasData) != .at(line.endIndex)
        }
        (position, following, received, hasData) = (data.upperBound, next, count, true)
    }

    /// Checks the line of the last chunk, which has no data.
    mutating func end(received count: Int64?) {
        guard let count, count == received else { return }
        isMalformed = isMalformed || Self.end(ofLine: following[...], afterData: hasData) == .missing
    }

    private enum End: Equatable {
        case at(Int)
        /// Something else comes in the place of CR LF.
        case missing
        /// The bytes end before the line does.
        case unknown
    }

    /// Returns the end of a line with the size of a chunk, which follows CR LF if it comes after data.
    private static func end(ofLine bytes: ArraySlice<UInt8>, afterData: Bool) -> End {
        var index = bytes.startIndex
        if afterData {
            guard case .at(let start) = lineEnd(in: bytes, at: index) else { return lineEnd(in: bytes, at: index) }
            index = start
        }
        let (lineFeed, carriageReturn) = (UInt8(ascii: "\n"), UInt8(ascii: "\r"))
        while index < bytes.endIndex, bytes[index] != lineFeed, bytes[index] != carriageReturn { index += 1 }
        return lineEnd(in: bytes, at: index)
    }

    /// Returns the index behind the CR LF at an index.
    private static func lineEnd(in bytes: ArraySlice<UInt8>, at index: Int) -> End {
        guard index < bytes.endIndex else { return .unknown }
        guard bytes[index] == UInt8(ascii: "\r") else { return .missing }
        guard index + 1 < bytes.endIndex else { return .unknown }
        return bytes[index + 1] == UInt8(ascii: "\n") ? .at(index + 2) : .missing
    }
}
