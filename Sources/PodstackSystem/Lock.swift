#if os(Linux)
    #if canImport(Musl)
        package import Musl
    #else
        package import Glibc
    #endif

    /// A value that one thread uses at a time, also in a child process.
    ///
    /// `Mutex` of the standard library contains the ID of the thread that has it, which the thread looks up once. A thread
    /// that forks has another ID in the child and does not notice, so the child ends as soon as two of its threads want
    /// the same mutex. A `pthread_mutex_t` works in a child. ``Fork`` makes sure that no thread has one locked when the
    /// process forks.
    // Safe: the value is used only by the thread that has the mutex.
    package struct Lock<Value: ~Copyable>: ~Copyable, @unchecked Sendable {
        @usableFromInline let mutex: UnsafeMutablePointer<pthread_mutex_t>
        @usableFromInline let value: UnsafeMutablePointer<Value>

        /// Creates a lock around a value.
        @inlinable
        package init(_ value: consuming sending Value) {
            mutex = .allocate(capacity: 1)
            pthread_mutex_init(mutex, nil)
            self.value = .allocate(capacity: 1)
            self.value.initialize(to: value)
        }

        @inlinable
        deinit {
            value.deinitialize(count: 1)
            value.deallocate()
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
        }

        /// Runs a closure that may read and change the value, while no other thread does.
        @inlinable
        package borrowing func withLock<Result: ~Copyable, Failure: Error>(
            _ body: (inout sending Value) throws(Failure) -> sending Result
        ) throws(Failure) -> sending Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value.pointee)
        }
    }
#else
    package import Synchronization

    /// A value that one thread uses at a time.
    package typealias Lock = Mutex
#endif
