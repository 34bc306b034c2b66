import Synchronization

/// One request on its way, and who waits for its answer.
final class Transfer: Sendable {
    let request: TransportRequest
    let completion = Completion()
    let state = Mutex(TransferState())
    let started = ContinuousClock.now
    let deadline: ContinuousClock.Instant

    init(_ request: TransportRequest) {
        self.request = request
        // Within what clocks can count: a duration may be longer.
        deadline = started + min(max(request.timeout, .zero), .seconds(1_000_000_000))
    }
}
