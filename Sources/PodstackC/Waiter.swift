import Glibc
import PodstackSystem

/// A thread that waits until another one wakes it.
// Safe: the mutex and the condition are made for use by several threads, and live as long as the object.
final class Waiter: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var isWoken = false

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Ends the current or the next wait.
    func wake() {
        pthread_mutex_lock(mutex)
        isWoken = true
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until the thread is woken.
    func wait() {
        Fork.outside {
            pthread_mutex_lock(mutex)
            while !isWoken { pthread_cond_wait(condition, mutex) }
            isWoken = false
            pthread_mutex_unlock(mutex)
        }
    }

    /// Waits until the thread is woken, or until a time.
    ///
    /// - Returns: Whether the thread was woken.
    func wait(until end: ContinuousClock.Instant) -> Bool {
        let left = max(.zero, end - .now).components
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        time.tv_sec += Int(left.seconds)
        time.tv_nsec += Int(left.attoseconds / 1_000_000_000)
        if time.tv_nsec >= 1_000_000_000 {
            time.tv_nsec -= 1_000_000_000
            time.tv_sec += 1
        }
        return Fork.outside {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            while !isWoken {
                if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return false }
            }
            isWoken = false
            return true
        }
    }
}
