import CPodstack
import Podstack
import PodstackSystem
import Synchronization

/// The result of a call: JSON, and whether it describes an error.
struct CallResult: Sendable {
    var status: podstack_status
    var json: [UInt8]

    static func success(_ json: [UInt8]) -> CallResult { CallResult(status: PODSTACK_OK, json: json) }
    static func failure(_ error: any Error) -> CallResult {
        CallResult(status: PODSTACK_ERROR, json: ErrorJSON.encode(error))
    }
}

/// One call, from its start until its caller has the result.
///
/// A call belongs to the thread that waits for it, or to a queue. Messages are delivered before the result.
final class CallInProgress: HandleObject {
    /// The call that a task works for; set only where messages may be sent.
    @TaskLocal static var current: CallInProgress?

    /// The number of calls without a result.
    static let count = Atomic(0)

    private struct State {
        var result: CallResult?
        var messages: [Message] = []
        var task: Task<Void, Never>?
        var isCanceled = false
        /// Whether messages can no longer reach the caller.
        var isFinished = false
        var waiter: Waiter?
    }

    private let state = Lock(State())
    /// The queue that receives messages and the result, and the caller's number there; nil for a call with a waiter.
    private let queue: (queue: CompletionQueue, tag: UInt64)?
    /// The routes of requests to the caller; nil if the object has no callbacks.
    let requests: CallerRequests?

    init(queue: (queue: CompletionQueue, tag: UInt64)? = nil, requests: CallerRequests?) {
        self.queue = queue
        self.requests = requests
    }

    /// Runs an operation, on this thread as far as possible.
    func start(_ operation: @escaping @Sendable () async throws -> [UInt8]) {
        requests?.begin(self)
        Self.count.add(1, ordering: .relaxed)
        let task = Task { [self] in
            let result: CallResult
            do {
                if requests == nil {
                    result = .success(try await operation())
                } else {
                    result = .success(try await Self.$current.withValue(self) { try await operation() })
                }
            } catch { result = .failure(error) }
            finish(result)
        }
        let isLate = state.withLock { state in
            if state.result == nil { state.task = task }
            return state.isCanceled
        }
        if isLate { GlobalExecutor.runJobs(after: { task.cancel() }) }
    }

    func cancel() {
        let task = state.withLock { state in
            state.isCanceled = true
            return state.task
        }
        GlobalExecutor.runJobs(after: { task?.cancel() })
    }

    func close() {
        cancel()
        // A request that no thread will take from this call is delivered to another one.
        requests?.end(
            self,
            undelivered: state.withLock { state in
                state.isFinished = true
                defer { state.messages = [] }
                return state.messages
            })
    }

    private func finish(_ result: CallResult) {
        defer { Self.count.subtract(1, ordering: .releasing) }
        if let queue {
            if let requests {
                state.withLock { $0.isFinished = true }
                requests.end(self, undelivered: [])
            }
            queue.queue.finish(queue.tag, result)
            return
        }
        let (waiter, undelivered) = state.withLock { state -> (Waiter?, [Message]) in
            state.result = result
            state.isFinished = true
            state.task = nil
            // Requests are answered only while the call is in progress; events are delivered before the result.
            let undelivered = state.messages.filter { $0.reply != nil }
            state.messages.removeAll { $0.reply != nil }
            return (state.waiter, undelivered)
        }
        requests?.end(self, undelivered: undelivered)
        waiter?.wake()
    }

    /// Delivers a message to the caller; false if the call has ended.
    func deliver(_ message: Message) -> Bool {
        let (isFinished, waiter) = state.withLock { state -> (Bool, Waiter?) in
            if !state.isFinished, queue == nil { state.messages.append(message) }
            return (state.isFinished, state.waiter)
        }
        guard !isFinished else { return false }
        queue?.queue.add(queue?.tag ?? 0, CallResult(status: PODSTACK_MESSAGE, json: message.json))
        waiter?.wake()
        return true
    }

    /// Waits for a message or the result; nil if neither arrives in time.
    func wait(milliseconds: Int64) -> CallResult? {
        if let result = take() { return result }
        let waiter = state.withLock { state in
            if let waiter = state.waiter { return waiter }
            let waiter = Waiter()
            state.waiter = waiter
            return waiter
        }
        let end = ContinuousClock.now + .milliseconds(min(max(milliseconds, 0), 3_600_000))
        while true {
            if let result = take() { return result }
            guard waiter.wait(until: end) else { return take() }
        }
    }

    private func take() -> CallResult? {
        state.withLock { state in
            if !state.messages.isEmpty {
                return CallResult(status: PODSTACK_MESSAGE, json: state.messages.removeFirst().json)
            }
            return state.result
        }
    }
}
