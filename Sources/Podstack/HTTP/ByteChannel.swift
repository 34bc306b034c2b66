import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Carries bytes from a thread that may block to a task that must not, and holds a limited number of them.
///
/// 1. The thread waits while the task has not taken what was sent before.
/// 2. After ``cancel()``, sending returns false and never waits.
/// 3. One task waits at a time.
// Safe: `state` is accessed only with the mutex locked, and both C values stay at their address.
final class ByteChannel: @unchecked Sendable {
    private struct State {
        var pieces: [[UInt8]] = []
        var size = 0
        var end: Result<Void, any Error>?
        var isCanceled = false
        var waiter: CheckedContinuation<[UInt8]?, any Error>?
    }

    private var state = State()
    private let limit: Int
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Creates a channel.
    ///
    /// - Parameter limit: The number of bytes after which the thread waits.
    init(limit: Int = 1 << 20) {
        self.limit = limit
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    private func withState<Result>(_ body: (inout State) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(changed)
            pthread_mutex_unlock(mutex)
        }
        return body(&state)
    }

    private var isFull: Bool { state.size >= limit && !state.isCanceled }

    // MARK: - The thread

    /// Sends bytes, and waits while the task has enough of them; returns false once the task wants no more.
    func send(_ bytes: [UInt8]) -> Bool {
        pthread_mutex_lock(mutex)
        while isFull {
            pthread_mutex_unlock(mutex)
            Fork.outside {
                pthread_mutex_lock(mutex)
                while isFull { pthread_cond_wait(changed, mutex) }
                pthread_mutex_unlock(mutex)
            }
            pthread_mutex_lock(mutex)
        }
        let waiter = state.waiter
        let isCanceled = state.isCanceled
        if !isCanceled, waiter == nil {
            state.pieces.append(bytes)
            state.size += bytes.count
        }
        if !isCanceled { state.waiter = nil }
        pthread_mutex_unlock(mutex)
        if !isCanceled { waiter?.resume(returning: bytes) }
        return !isCanceled
    }

    /// Ends the channel after the bytes that were sent.
    func finish(_ result: Result<Void, any Error> = .success(())) {
        let waiter = withState { state in
            state.end = state.end ?? result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(with: result.map { nil })
    }

    // MARK: - The task

    /// Returns the next bytes; nil at the end.
    func next() async throws -> [UInt8]? {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let ready = withState { state -> Result<[UInt8]?, any Error>? in
                    if state.isCanceled { return .failure(CancellationError()) }
                    guard state.pieces.isEmpty else {
                        // All pieces at once: a task switch costs more than a copy.
                        let bytes = state.pieces.count == 1 ? state.pieces[0] : Array(state.pieces.joined())
                        (state.pieces, state.size) = ([], 0)
                        return .success(bytes)
                    }
                    if let end = state.end { return end.map { nil } }
                    state.waiter = continuation
                    return nil
                }
                if let ready { continuation.resume(with: ready) }
            }
        } onCancel: {
            cancel()
        }
    }

    /// Ends the channel at once, because the task wants no more.
    func cancel() {
        let waiter = withState { state in
            state.isCanceled = true
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(throwing: CancellationError())
    }
}
