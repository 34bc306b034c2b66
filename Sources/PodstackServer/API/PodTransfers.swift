import Synchronization

/// The transfers between clients and pods: output, commands and files.
///
/// Each occupies a thread, because the engine is asked with blocking calls. One thread watches all of them, and ends those
/// whose client is gone, whose caller may no longer do it, or whose time is over.
final class PodTransfers: Sendable {
    /// The seconds that a client may follow the output of a pod.
    static let followSeconds: Int64 = 86_400
    /// The seconds that a client may take to read or write something that has an end.
    static let transferSeconds: Int64 = 3600
    /// The most seconds of a command without a terminal.
    static let commandSeconds = 3600

    /// A transfer in progress.
    final class Transfer: Sendable {
        /// Ends the engine's work.
        let cancellation = EngineCancellation()
        fileprivate let stream: ResponseStream?
        /// The monotonic second at which the transfer is ended.
        fileprivate let deadline: Int64
        /// Returns whether the caller may still do this.
        fileprivate let isAllowed: @Sendable () -> Bool
        fileprivate let timedOut = Atomic(false)
        /// The place within the limit of the account; nil once the transfer has ended.
        fileprivate let slot: Mutex<AccountLimit.Slot?>

        /// Whether the transfer was ended because its time is over.
        var isTimedOut: Bool { timedOut.load(ordering: .acquiring) }

        fileprivate init(
            _ stream: ResponseStream?, seconds: Int64, _ slot: AccountLimit.Slot,
            isAllowed: @escaping @Sendable () -> Bool
        ) {
            self.stream = stream
            self.slot = Mutex(slot)
            self.isAllowed = isAllowed
            deadline = MonotonicClock.seconds() + seconds
        }
    }

    private struct State {
        var open: [ObjectIdentifier: Transfer] = [:]
        var isWatched = false
        var isStopping = false
    }

    /// The seconds between two checks of all transfers.
    private static let pauseSeconds = 0.5
    /// The checks between two reads of the callers' permissions, each of which is a transaction for each transfer.
    private static let checksPerRead = 2

    // An account may use a small part of each queue: see AccountLimits. Otherwise a few could keep out all others.

    /// Work that begins a transfer and waits for its first bytes, and measurements.
    let starts = WorkQueue(
        capacity: 128, threads: 128, maxWaitSeconds: 10, workSeconds: Int64(PodTransfers.transferSeconds))
    /// Commands without a terminal.
    let commands = WorkQueue(
        capacity: 32, threads: 512, maxWaitSeconds: 10, workSeconds: Int64(PodTransfers.commandSeconds))
    /// Work that belongs to a stream.
    let work = WorkQueue(capacity: 32, threads: 512)
    private let state = Monitor(State())

    /// Begins a transfer; ``end(_:)`` must follow.
    ///
    /// - Parameters:
    ///   - stream: The body that is written; nil for none.
    ///   - seconds: The seconds after which the transfer is ended.
    ///   - slot: The place within the limit of the account.
    ///   - isAllowed: Returns whether the caller may still do this.
    /// - Returns: The transfer.
    func begin(
        _ stream: ResponseStream?, seconds: Int64, _ slot: AccountLimit.Slot,
        isAllowed: @escaping @Sendable () -> Bool = { true }
    ) -> Transfer {
        let transfer = Transfer(stream, seconds: seconds, slot, isAllowed: isAllowed)
        let (isFirst, isStopping) = state.change(waking: .none) { state in
            state.open[ObjectIdentifier(transfer)] = transfer
            defer { state.isWatched = true }
            return (!state.isWatched, state.isStopping)
        }
        if isStopping { transfer.cancellation.cancel() }
        if isFirst, !WorkerThread.start({ [self] in watch() }) { state.change { $0.isWatched = false } }
        return transfer
    }

    func end(_ transfer: Transfer) {
        state.change { $0.open[ObjectIdentifier(transfer)] = nil }
        transfer.slot.withLock { $0 = nil }
    }

    /// Ends all transfers, and all later ones.
    func stop() {
        let open = state.change { state in
            state.isStopping = true
            return Array(state.open.values)
        }
        for transfer in open { transfer.cancellation.cancel() }
    }

    private func watch() {
        var count = 0
        while true {
            let isOver = state.wait(Self.pauseSeconds) { state -> Bool? in
                guard state.open.isEmpty else { return nil }
                state.isWatched = false
                return true
            }
            if isOver == true { return }
            count += 1
            let now = MonotonicClock.seconds()
            for transfer in state.change(waking: .none, { Array($0.open.values) }) {
                if now >= transfer.deadline {
                    transfer.timedOut.store(true, ordering: .releasing)
                    cut(transfer)
                } else if transfer.stream?.isClientGone == true
                    || count % Self.checksPerRead == 0 && !transfer.isAllowed()
                {
                    cut(transfer)
                }
            }
        }
    }

    private func cut(_ transfer: Transfer) {
        transfer.cancellation.cancel()
        transfer.stream?.cut()
    }
}

/// The body of a response that a thread writes, and that waits for its reader.
final class BlockingBody: Sendable {
    let stream: ResponseStream
    private let isDrained = Monitor(false)

    /// Creates a body.
    ///
    /// - Parameters:
    ///   - maxSeconds: The seconds after which the connection is closed.
    ///   - isLive: Whether the body has no end of its own.
    ///   - onRelease: Called when the connection does not use the body any more.
    init(maxSeconds: Int64, isLive: Bool, onRelease: @escaping @Sendable () -> Void) {
        let isDrained = isDrained
        stream = ResponseStream(
            maxSeconds: maxSeconds, beginning: [], isLive: isLive,
            requestPart: { _ in isDrained.change { $0 = true } },
            onRelease: {
                onRelease()
                isDrained.change { $0 = true }
            })
    }

    /// Writes bytes, once the reader has room for them; returns false if the reader is gone.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        while true {
            isDrained.change(waking: .none) { $0 = false }
            if stream.write(bytes) { return true }
            if stream.isOver { return false }
            _ = isDrained.wait(1) { $0 ? true : nil }
        }
    }

    func write(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes(write) }
}
