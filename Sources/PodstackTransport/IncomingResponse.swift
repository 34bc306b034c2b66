/// Collects the head and the body of a response as libcurl delivers them.
///
/// It is created by the thread that makes the request, which also reads the result: memory that one thread allocates and
/// another frees makes both wait for the allocator's lock.
struct IncomingResponse: Sendable {
    private enum Phase { case beforeHead, inHead, afterHead }

    private let largestBody: Int
    private let largestHead: Int
    private var phase = Phase.beforeHead
    private var headSize = 0
    /// The lines of the last head, without its status line and its empty last line.
    private var head: [UInt8] = []
    private(set) var body: [UInt8] = []
    /// The failure that stopped the transfer in the middle of its response.
    private(set) var failure: TransportFailure?

    /// Creates an empty response.
    ///
    /// - Parameters:
    ///   - options: The limits of the response.
    ///   - reservesCapacity: Whether to allocate now what most responses need.
    init(_ options: ConnectionOptions, reservesCapacity: Bool) {
        largestBody = options.largestBody
        largestHead = options.largestHead
        guard reservesCapacity else { return }
        head.reserveCapacity(480)
        body.reserveCapacity(992)
    }

    /// Whether the head has arrived to its end; libcurl accepts one that breaks off.
    var hasWholeHead: Bool { phase == .afterHead }

    /// Appends a piece of the body.
    ///
    /// - Returns: Whether the transfer may continue.
    mutating func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= largestBody else {
            failure = .tooLarge(bytes: largestBody)
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// Receives one line of a head: an interim response's, the response's, or a trailer.
    ///
    /// - Returns: Whether the transfer may continue.
    mutating func receiveHeadLine(_ line: UnsafeRawBufferPointer) -> Bool {
        headSize += line.count
        guard headSize <= largestHead else {
            failure = TransportFailure(
                reason: "the headers of the response are larger than \(largestHead) bytes", isRetryable: false,
                kind: .invalidResponse)
            return false
        }
        switch phase {
        case .beforeHead: phase = .inHead
        case .inHead where line.count <= 2: phase = .afterHead
        case .inHead: head.append(contentsOf: line)
        case .afterHead where line.starts(with: "HTTP/".utf8):
            // Another status line: the head before it was that of an interim response.
            head.removeAll(keepingCapacity: true)
            phase = .inHead
        case .afterHead: break
        }
        return true
    }

    /// The headers, parsed from the collected lines: libcurl's own lookup goes through all headers for each one.
    var headers: [HeaderField] {
        head.withUnsafeBufferPointer { head in
            var headers: [HeaderField] = []
            headers.reserveCapacity(16)
            for line in head.split(separator: UInt8(ascii: "\n")) {
                if let first = line.first, Self.isBlank(first) {
                    // A line that starts with white space continues the header before it (RFC 9112, section 5.2).
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
