/// What has come of an answer, as it came. Pure.
///
/// It is made by the thread that makes the request and read by the one that takes the answer: of memory that another
/// thread gave, the allocator's lock is fought for.
struct Answer: Sendable {
    private enum Phase { case nothing, fields, whole }

    private let largestBody: Int
    private let largestHead: Int
    private var phase = Phase.nothing
    private var headSize = 0
    /// Its lines, without the first and the last.
    private var head: [UInt8] = []
    private(set) var body: [UInt8] = []
    /// Why the transfer was stopped in the middle of its answer.
    private(set) var excess: TransportFailure?

    /// - Parameter takesRoom: At once, and as much as most answers need.
    init(_ options: ConnectionOptions, takesRoom: Bool) {
        largestBody = options.largestBody
        largestHead = options.largestHead
        guard takesRoom else { return }
        head.reserveCapacity(480)
        body.reserveCapacity(992)
    }

    /// libcurl takes a head that breaks off for a whole one.
    var isHeadWhole: Bool { phase == .whole }

    /// Whether to go on.
    mutating func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= largestBody else {
            excess = .tooLarge(bytes: largestBody)
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// Whether to go on after a line of a head: an interim one, that of the answer, or what trails it.
    mutating func receiveHead(_ line: UnsafeRawBufferPointer) -> Bool {
        headSize += line.count
        guard headSize <= largestHead else {
            excess = TransportFailure(
                reason: "the headers of the answer are larger than \(largestHead) bytes", mayPass: false)
            return false
        }
        switch phase {
        case .nothing: phase = .fields
        case .fields where line.count <= 2: phase = .whole
        case .fields: head.append(contentsOf: line)
        case .whole where line.starts(with: "HTTP/".utf8):
            // That was an interim one.
            head.removeAll(keepingCapacity: true)
            phase = .fields
        case .whole: break
        }
        return true
    }

    /// libcurl could be asked for them, but goes through all of them for each.
    var headers: [HeaderField] {
        head.withUnsafeBufferPointer { head in
            var headers: [HeaderField] = []
            headers.reserveCapacity(16)
            for line in head.split(separator: UInt8(ascii: "\n")) {
                if let first = line.first, Self.isBlank(first) {
                    // It goes on with the line before.
                    if let last = headers.indices.last { headers[last].value += " " + Self.text(line) }
                } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
                    headers.append(HeaderField(Self.text(line[..<colon]), Self.text(line[(colon + 1)...])))
                }
            }
            return headers
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }

    private static func text(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> String {
        var bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return String(decoding: UnsafeBufferPointer(rebasing: bytes), as: UTF8.self)
    }
}
