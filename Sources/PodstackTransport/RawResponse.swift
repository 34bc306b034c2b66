#if os(Linux)
    /// Parses an HTTP/1.1 response from the bytes of a connection.
    ///
    /// libcurl parses all other responses; this is for a connection whose protocol may change.
    struct RawResponse {
        /// The head, once it has arrived; those of interim responses are skipped.
        private(set) var head: ResponseHead?
        private(set) var body: [UInt8] = []
        /// Whether the whole response has arrived.
        private(set) var isComplete = false
        /// The bytes that are not parsed; after status 101 they belong to the new protocol.
        private(set) var rest: [UInt8] = []

        private enum Length {
            case rest(Int)
            /// The number of bytes left of the chunk; nil before its size.
            case chunks(left: Int?)
            case untilEnd
        }

        private let options: ConnectionOptions
        private var length = Length.untilEnd

        init(_ options: ConnectionOptions) { self.options = options }

        /// Receives the next bytes of the connection.
        mutating func receive(_ bytes: [UInt8]) throws(TransportFailure) {
            rest += bytes
            while head == nil, try parseHead() {}
            if head != nil, head?.status != 101 { try parseBody() }
        }

        /// Receives the end of the connection.
        mutating func receiveEnd() throws(TransportFailure) {
            guard head != nil, case .untilEnd = length else {
                throw TransportFailure(
                    reason: "the connection ended before the response was complete", kind: .connectionLost)
            }
            isComplete = true
        }

        // MARK: - Head

        /// Parses one head; returns whether another one may follow.
        private mutating func parseHead() throws(TransportFailure) -> Bool {
            guard let end = endOfHead else {
                guard rest.count <= options.largestHead else { throw Self.invalid("its headers are too large") }
                return false
            }
            var lines = IncomingResponse(options, reservesCapacity: false)
            var start = 0
            while start < end {
                let next = (rest[start..<end].firstIndex(of: UInt8(ascii: "\n")) ?? end - 1) + 1
                let isWithinLimit = rest[start..<next].withUnsafeBytes { lines.receiveHeadLine($0) }
                guard isWithinLimit else { throw Self.invalid("its headers are too large") }
                start = next
            }
            guard let status = Self.status(rest) else { throw Self.invalid("it is not HTTP") }
            rest.removeFirst(end)
            guard status >= 200 || status == 101 else { return true }
            let head = ResponseHead(status: status, headers: lines.headers)
            if head.header("transfer-encoding")?.lowercased().hasSuffix("chunked") == true {
                length = .chunks(left: nil)
            } else if let text = head.header("content-length") {
                guard let count = Int(text), count >= 0 else { throw Self.invalid("its length is not a number") }
                length = .rest(count)
            } else if status == 204 || status == 304 {
                length = .rest(0)
            }
            self.head = head
            return false
        }

        /// The index after the empty line.
        private var endOfHead: Int? {
            var lineLength = 0
            for (index, byte) in rest.enumerated() {
                if byte == UInt8(ascii: "\n") {
                    if lineLength == 0, index > 0 { return index + 1 }
                    lineLength = 0
                } else if byte != UInt8(ascii: "\r") {
                    lineLength += 1
                }
            }
            return nil
        }

        /// Returns the status of `HTTP/1.1 200 OK`.
        private static func status(_ head: [UInt8]) -> Int? {
            guard head.count >= 12, head.starts(with: "HTTP/1.".utf8), head[8] == UInt8(ascii: " ") else { return nil }
            return Int(String(decoding: head[9..<12], as: UTF8.self)).flatMap { (100..<600).contains($0) ? $0 : nil }
        }

        // MARK: - Body

        private mutating func parseBody() throws(TransportFailure) {
            while !isComplete {
                switch length {
                case .untilEnd:
                    try take(rest.count)
                    return
                case .rest(let count):
                    let taken = min(count, rest.count)
                    try take(taken)
                    length = .rest(count - taken)
                    guard taken == count else { return }
                    isComplete = true
                case .chunks(nil):
                    guard let size = try takeChunkSize() else { return }
                    length = .chunks(left: size)
                case .chunks(.some(0)):
                    // Trailers are not read: the connection is not used again.
                    isComplete = true
                case .chunks(let left?):
                    // The line break after the chunk is taken with it.
                    guard rest.count >= left + 2 else { return }
                    try take(left)
                    guard rest.starts(with: [0x0D, 0x0A]) else { throw Self.invalid("its chunks are damaged") }
                    rest.removeFirst(2)
                    length = .chunks(left: nil)
                }
            }
        }

        private mutating func takeChunkSize() throws(TransportFailure) -> Int? {
            let end = rest.firstIndex(of: UInt8(ascii: "\n"))
            guard end ?? rest.count <= 1024 else { throw Self.invalid("its chunks are damaged") }
            guard let end else { return nil }
            let digits = rest[..<end].prefix { $0 != UInt8(ascii: ";") && $0 != 0x0D && $0 != 0x20 }
            guard !digits.isEmpty, digits.first != UInt8(ascii: "+"), digits.first != UInt8(ascii: "-"),
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16)
            else { throw Self.invalid("its chunks are damaged") }
            guard size <= options.largestBody else { throw .tooLarge(bytes: options.largestBody) }
            rest.removeFirst(end + 1)
            return size
        }

        private mutating func take(_ count: Int) throws(TransportFailure) {
            guard body.count + count <= options.largestBody else { throw .tooLarge(bytes: options.largestBody) }
            body += rest.prefix(count)
            rest.removeFirst(count)
        }

        private static func invalid(_ reason: String) -> TransportFailure {
            TransportFailure(reason: "the response is invalid: \(reason)", isRetryable: false, kind: .invalidResponse)
        }
    }
#endif
