/// One request on its way. Reached only through the loop.
final class Transfer {
    let request: TransportRequest
    let completion: Completion
    let started = ContinuousClock.now
    let deadline: ContinuousClock.Instant
    private let options: ConnectionOptions
    private(set) var body: [UInt8] = []
    private var headSize = 0
    /// libcurl takes a head that breaks off for a whole one.
    private(set) var isHeadWhole = false
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
    func receiveHead(_ line: UnsafeRawBufferPointer) -> Bool {
        headSize += line.count
        guard headSize <= options.largestHead else {
            excess = TransportFailure(
                reason: "the headers of the answer are larger than \(options.largestHead) bytes", mayPass: false)
            return false
        }
        if line.count <= 2 {
            isHeadWhole = true
        } else if line.starts(with: "HTTP/".utf8) {
            isHeadWhole = false
        }
        return true
    }
}
