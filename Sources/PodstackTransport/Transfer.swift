import PodstackSystem

/// One request and the promise of its response.
final class Transfer: Sendable {
    let request: TransportRequest
    /// Completed with the status of the response.
    let promise = Promise<Int>()
    let response: Lock<IncomingResponse>
    let cancellation = Lock(TransferCancellation())
    let started = ContinuousClock.now
    let deadline: ContinuousClock.Instant

    /// Creates a transfer whose timeout begins now.
    ///
    /// - Parameters:
    ///   - request: The request.
    ///   - options: The limits of the response.
    ///   - willQueue: Whether the transfer is expected to wait in the queue. Then no memory is reserved for its response,
    ///     because thousands of transfers may wait.
    init(_ request: TransportRequest, _ options: ConnectionOptions, willQueue: Bool) {
        self.request = request
        response = Lock(IncomingResponse(options, reservesCapacity: !willQueue))
        // Limited, because adding a very long duration to an instant traps.
        deadline = started + min(max(request.timeout, .zero), .seconds(1_000_000_000))
    }

    /// Returns the response after ``promise`` was completed with its status.
    func finishedResponse(status: Int) -> TransportResponse {
        response.withLock { TransportResponse(status: status, headers: $0.headers, body: $0.body) }
    }
}

/// The order of submission and cancellation of one transfer: the cancellation may come first.
struct TransferCancellation {
    private enum State { case created, submitted, canceled }
    private var state = State.created

    /// Returns whether the transfer may start: false if it was canceled before.
    mutating func submit() -> Bool {
        guard state == .created else { return false }
        state = .submitted
        return true
    }

    /// Returns whether the transfer was submitted, so that the loop has to stop it.
    mutating func cancel() -> Bool {
        defer { state = .canceled }
        return state == .submitted
    }
}

/// The transfers that exceed the limit of concurrent requests, in order of arrival.
struct TransferQueue {
    private var transfers: [Transfer?] = []
    private var head = 0
    private var endedCount = 0
    /// A time that is not later than the deadline of any transfer in the queue; nil if the queue is empty.
    private(set) var nextDeadline: ContinuousClock.Instant?

    var isEmpty: Bool { head == transfers.count }
    var count: Int { transfers.count - head }

    mutating func append(_ transfer: Transfer) {
        transfers.append(transfer)
        nextDeadline = min(nextDeadline ?? transfer.deadline, transfer.deadline)
    }

    /// Removes and returns the first transfer that has not ended in the meantime.
    mutating func popFirst() -> Transfer? {
        while head < transfers.count {
            let transfer = transfers[head]
            transfers[head] = nil
            head += 1
            if let transfer, !transfer.promise.isCompleted {
                dropEmptyPlaces()
                return transfer
            }
            endedCount = max(0, endedCount - 1)
        }
        transfers.removeAll(keepingCapacity: transfers.capacity <= 1024)
        head = 0
        nextDeadline = nil
        return nil
    }

    /// Counts a transfer that ended while queued; ended transfers are removed once they are the majority.
    mutating func countEnded() {
        endedCount += 1
        if endedCount * 2 > count { keep { !$0.promise.isCompleted } }
    }

    /// Removes and returns the transfers whose deadline has passed.
    mutating func removeExpired(at now: ContinuousClock.Instant) -> [Transfer] {
        guard let nextDeadline, nextDeadline <= now else { return [] }
        var expired: [Transfer] = []
        keep { transfer in
            if transfer.deadline <= now { expired.append(transfer) }
            return transfer.deadline > now && !transfer.promise.isCompleted
        }
        return expired
    }

    private mutating func keep(_ isKept: (Transfer) -> Bool) {
        transfers = transfers[head...].filter { $0.map(isKept) ?? false }
        head = 0
        endedCount = 0
        nextDeadline = transfers.lazy.compactMap { $0?.deadline }.min()
    }

    /// Shortens the array once most of its places are empty; otherwise a queue that never empties would only grow.
    private mutating func dropEmptyPlaces() {
        guard head > 256, head * 2 > transfers.count else { return }
        transfers.removeFirst(head)
        head = 0
    }
}
