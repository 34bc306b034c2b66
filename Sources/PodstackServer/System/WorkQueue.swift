import Synchronization

/// Does one piece of work after the other, on a thread of its own that is there as long as there is work.
final class WorkQueue: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isRunning = false
    }

    /// So many wait at most, beside the one that is being done.
    let mostWaiting: Int
    private let state = Mutex(State())

    init(mostWaiting: Int) { self.mostWaiting = mostWaiting }

    var waiting: Int { state.withLock { $0.waiting.count } }

    /// False when too many wait; then `work` is not done.
    func add(_ work: @escaping @Sendable () -> Void) -> Bool {
        let mustStart: Bool? = state.withLock { state in
            guard state.waiting.count < mostWaiting else { return nil }
            state.waiting.append(work)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard let mustStart else { return false }
        // Without a thread to have, whoever asks does it: late is better than never.
        if mustStart, !WorkerThread.start({ [self] in run() }) { run() }
        return true
    }

    private func run() {
        while let next { next() }
    }

    private var next: (@Sendable () -> Void)? {
        state.withLock { state in
            state.isRunning = !state.waiting.isEmpty
            return state.isRunning ? state.waiting.removeFirst() : nil
        }
    }
}
