/// One request on its way. Reached only through the loop.
final class Transfer {
    let request: TransportRequest
    let completion: Completion
    let started = ContinuousClock.now
    let deadline: ContinuousClock.Instant
    private let options: ConnectionOptions
    private(set) var body: [UInt8] = []
    private var headSize = 0
    /// Why the transfer was stopped in the middle of its answer.
    private(set) var excess: TransportFailure?

    init(_ request: TransportRequest, _ completion: Completion, _ options: ConnectionOptions) {
        self.request = request
        self.completion = completion
        self.options = options
        // Within what clocks can count: a duration may be longer.
        deadline = started + min(max(request.timeout, .zero), .seconds(1_000_000_000))
    }

    /// Whether to go on.
    func receive(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard body.count + bytes.count <= options.largestBody else {
            excess = .tooLarge(bytes: options.largestBody)
            return false
        }
        body.append(contentsOf: bytes)
        return true
    }

    /// Whether to go on after a line of the head.
    func receiveHead(size: Int) -> Bool {
        headSize += size
        guard headSize <= options.largestHead else {
            excess = TransportFailure(
                reason: "the headers of the answer are larger than \(options.largestHead) bytes", mayPass: false)
            return false
        }
        return true
    }
}

extension TransportFailure {
    package static let timedOut = TransportFailure(reason: "the request timed out")

    package static func tooLarge(bytes: Int) -> TransportFailure {
        TransportFailure(reason: "the answer is larger than \(bytes) bytes", mayPass: false)
    }

    package static func header(_ name: String) -> TransportFailure {
        TransportFailure(reason: "the header \(name) holds a line break, which no header may", mayPass: false)
    }
}

extension HeaderField {
    /// Whether it stays one header when it is written on a line.
    package var isOneLine: Bool {
        func isPlain(_ byte: UInt8) -> Bool { byte != 0x0D && byte != 0x0A && byte != 0 }
        return name.utf8.allSatisfy(isPlain) && value.utf8.allSatisfy(isPlain)
    }
}
