#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A state behind a mutex, with a condition variable: threads can change it, and wait until another thread has.
// Safe: `state` is accessed only with the mutex locked, and both C values stay at their address.
final class Monitor<State>: @unchecked Sendable {
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        #if os(Linux)
            // A change of the system's time must not lengthen a wait.
            pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        #endif
        pthread_cond_init(changed, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    /// The waiting threads that a change of the state wakes.
    enum Waking {
        case all, one, none
    }

    /// Changes the state and wakes waiting threads.
    func change<Result>(waking: Waking = .all, _ body: (inout State) throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer {
            switch waking {
            case .all: pthread_cond_broadcast(changed)
            case .one: pthread_cond_signal(changed)
            case .none: break
            }
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits until `body` returns a value, at most `seconds`, and returns that value.
    func wait<Result>(_ seconds: Double, for body: (inout State) -> Result?) -> Result? {
        var end = timespec()
        #if os(Linux)
            clock_gettime(CLOCK_MONOTONIC, &end)
        #else
            clock_gettime(CLOCK_REALTIME, &end)
        #endif
        let nanoseconds = end.tv_nsec + Int((seconds - seconds.rounded(.down)) * 1e9)
        end.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
        end.tv_nsec = nanoseconds % 1_000_000_000
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            if pthread_cond_timedwait(changed, mutex, &end) == ETIMEDOUT { return body(&state) }
        }
    }
}
