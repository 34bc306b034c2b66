/// What has come of an answer. Pure.
///
/// libcurl could be asked for the headers in the end, but it goes through all of them for each.
struct Answer {
    private enum Phase { case nothing, fields, whole }

    private let largestBody: Int
    private let largestHead: Int
    private var phase = Phase.nothing
    private var headSize = 0
    private(set) var headers: [HeaderField] = []
    private(set) var body: [UInt8] = []
    /// Why the transfer was stopped in the middle of its answer.
    private(set) var excess: TransportFailure?

    init(_ options: ConnectionOptions) {
        largestBody = options.largestBody
        largestHead = options.largestHead
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
        case .nothing:
            headers.reserveCapacity(16)
            phase = .fields
        case .fields where line.count <= 2: phase = .whole
        case .fields: add(line)
        case .whole where line.starts(with: "HTTP/".utf8):
            // That was an interim one.
            headers.removeAll(keepingCapacity: true)
            phase = .fields
        case .whole: break
        }
        return true
    }

    private mutating func add(_ line: UnsafeRawBufferPointer) {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A }
        func text(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
            var bytes = bytes.drop(while: isBlank)
            while let last = bytes.last, isBlank(last) { bytes.removeLast() }
            return String(decoding: UnsafeRawBufferPointer(rebasing: bytes), as: UTF8.self)
        }
        if let first = line.first, isBlank(first) {
            // It goes on with the line before.
            guard let last = headers.indices.last else { return }
            headers[last].value += " " + text(line[...])
        } else if let colon = line.firstIndex(of: UInt8(ascii: ":")) {
            headers.append(HeaderField(text(line[..<colon]), text(line[(colon + 1)...])))
        }
    }
}
