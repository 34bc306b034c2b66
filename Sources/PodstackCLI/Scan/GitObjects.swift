/// The objects that `git cat-file --batch` writes, one after the other, in constant memory.
final class GitObjects {
    /// The format of the header that ``next()`` reads.
    static let format = "%(objectname) %(objecttype) %(objectsize)"

    struct Header: Sendable {
        var id: String
        /// The type, such as `blob`; `missing` for an object that the repository does not contain.
        var type: String
        var size: Int
    }

    private let source: ByteSource
    private var buffer: [UInt8]
    private var held = 0..<0
    /// The bytes of the current object and its newline that are not read yet.
    private var left = 0

    /// Creates a reader of the output of Git.
    ///
    /// - Parameters:
    ///   - source: The output.
    ///   - size: The size of the largest object that is in memory as a whole.
    init(_ source: ByteSource, size: Int = 1 << 20) {
        self.source = source
        buffer = [UInt8](repeating: 0, count: size + 1)
    }

    /// Advances to the next object and returns its header; nil after the last.
    func next() throws(ReadFailure) -> Header? {
        while left > 0 { try advance(min(left, try atHand(1))) }
        guard let line = try line() else { return nil }
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2).map { String(decoding: $0, as: UTF8.self) }
        if words.count == 2 { return Header(id: words[0], type: words[1], size: 0) }
        guard words.count == 3, let size = Int(words[2]) else { throw ReadFailure("the output of git is unknown") }
        left = size + 1
        return Header(id: words[0], type: words[1], size: size)
    }

    /// Returns the result of a closure that gets the whole object; nil if it is too large for that.
    func withContent<Result>(
        of header: Header, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(ReadFailure) -> Result? {
        guard header.size < buffer.count else { return nil }
        guard try atHand(header.size) >= header.size else { throw Self.cut }
        let start = held.lowerBound
        return buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<start + header.size])) }
    }

    /// Returns the content of the current object.
    func content() -> ByteSource {
        ByteSource { [self] space throws(ReadFailure) in
            // The last byte is the newline after the object.
            guard left > 1, !space.isEmpty else { return 0 }
            let count = min(try atHand(1), left - 1, space.count)
            guard count > 0 else { throw Self.cut }
            let start = held.lowerBound
            buffer.withUnsafeBytes {
                space.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<start + count]))
            }
            try advance(count)
            return count
        }
    }

    private static let cut = ReadFailure("the output of git ends in the middle of an object")

    private func advance(_ count: Int) throws(ReadFailure) {
        guard count > 0 else { throw Self.cut }
        left -= count
        held = held.lowerBound + count..<held.upperBound
    }

    private func line() throws(ReadFailure) -> ArraySlice<UInt8>? {
        var searched = 0
        while true {
            let bytes = buffer[held]
            if let end = bytes.dropFirst(searched).firstIndex(of: UInt8(ascii: "\n")) {
                held = end + 1..<held.upperBound
                return bytes[..<end]
            }
            searched = held.count
            let count = try atHand(held.count + 1)
            if count == searched {
                guard count == 0 else { throw Self.cut }
                return nil
            }
        }
    }

    /// Returns the number of bytes at hand: at least `count`, unless the output ends before that.
    private func atHand(_ count: Int) throws(ReadFailure) -> Int {
        while held.count < count {
            if held.upperBound == buffer.count {
                guard held.lowerBound > 0 else { return held.count }
                buffer.replaceSubrange(0..<held.count, with: buffer[held])
                held = 0..<held.count
            } else if held.isEmpty {
                held = 0..<0
            }
            let start = held.upperBound
            let result = buffer.withUnsafeMutableBytes { bytes in
                Result { () throws(ReadFailure) in
                    try source.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
                }
            }
            let more = try result.get()
            guard more > 0 else { return held.count }
            held = held.lowerBound..<held.upperBound + more
        }
        return held.count
    }
}
