import Synchronization

/// One request on its way, and who waits for its answer.
final class Transfer: Sendable {
    let request: TransportRequest
    /// With the status of the answer.
    let completion = Completion<Int>()
    let answer: Mutex<Answer>
    let state = Mutex(TransferState())
    let started = ContinuousClock.now
    let deadline: ContinuousClock.Instant

    /// - Parameter waits: For others to end, in a line where each that takes room would take it for nothing.
    init(_ request: TransportRequest, _ options: ConnectionOptions, waits: Bool) {
        self.request = request
        answer = Mutex(Answer(options, takesRoom: !waits))
        // Within what clocks can count: a duration may be longer.
        deadline = started + min(max(request.timeout, .zero), .seconds(1_000_000_000))
    }

    func response(_ status: Int) -> TransportResponse {
        answer.withLock { TransportResponse(status: status, headers: $0.headers, body: $0.body) }
    }
}
