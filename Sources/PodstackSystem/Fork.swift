import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Keeps forks of the process apart from the work of its other threads.
///
/// A child process has only the thread that forked. A lock that another thread held at that moment would stay locked in
/// the child, and values that it was changing would stay half changed. So each thread that runs this package's code is
/// *inside*, except while it waits, and a fork waits until no thread is inside.
///
/// ```
///              inside { … }                  outside { wait }
///    outside ──────────────▶ inside ──────────────────────────▶ outside ─────▶ inside
///                  fork: closes the gate, waits until no thread is inside, forks, opens the gate
/// ```
///
/// 1. No thread becomes inside while the gate is closed.
/// 2. A thread that waits for another process, a file or a time is outside, and holds no ``Lock`` that a child process
///    could want. So a fork takes no longer because a call is in progress.
/// 3. A fork waits for at most ``longestWait``. If a thread is still inside then, the child ``isUnusable``.
///
/// Nothing of this happens in a program that does not call ``watch()``.
package enum Fork {
    /// The longest time that a fork waits for threads that are inside, in nanoseconds.
    static let longestWait: Int64 = 1_000_000_000

    /// The number of threads inside, and above 32 bits the number of forks that have closed the gate.
    private static let gate = Atomic<UInt64>(0)
    private static let closing: UInt64 = 1 << 32
    private static let forks = Atomic(0)
    private static let isWatching = Atomic(false)
    private static let isInterrupted = Atomic(false)

    /// The number of forks between the process that called ``watch()`` and this one.
    package static var count: Int { forks.load(ordering: .relaxed) }

    /// Whether this process was forked while another thread was inside: what that thread used is not safe to use.
    package static var isUnusable: Bool { count > 0 && isInterrupted.load(ordering: .relaxed) }

    /// Whether this thread is inside: the value is not nil then.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    private static var isInside: Bool { pthread_getspecific(key) != nil }
    private static func setInside(_ isInside: Bool) {
        pthread_setspecific(key, isInside ? UnsafeMutableRawPointer(bitPattern: 1) : nil)
    }

    // MARK: - Threads

    /// Runs code of this package on a thread, while the process does not fork.
    package static func inside<Result: ~Copyable, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard isWatching.load(ordering: .relaxed), !isInside else { return try body() }
        enter()
        defer { leave() }
        return try body()
    }

    /// Waits, while the process may fork.
    package static func outside<Result: ~Copyable, Failure: Error>(
        _ wait: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard isWatching.load(ordering: .relaxed), isInside else { return try wait() }
        leave()
        defer {
            // The caller reads the reason of a failure.
            let code = errno
            enter()
            errno = code
        }
        return try wait()
    }

    private static func enter() {
        while gate.add(1, ordering: .sequentiallyConsistent).newValue >= closing {
            gate.subtract(1, ordering: .sequentiallyConsistent)
            while gate.load(ordering: .relaxed) >= closing { usleep(50) }
        }
        setInside(true)
    }

    private static func leave() {
        setInside(false)
        gate.subtract(1, ordering: .sequentiallyConsistent)
    }

    // MARK: - Forks

    /// Lets each fork of the process wait for this package's threads from now on.
    package static func watch() { _ = watchOnce }

    private static let watchOnce: Void = {
        // A fork may come before the first thread is inside, and must not initialize anything.
        _ = key
        pthread_atfork({ Fork.prepare() }, { Fork.openInParent() }, { Fork.openInChild() })
        isWatching.store(true, ordering: .sequentiallyConsistent)
    }()

    private static func prepare() {
        gate.add(closing, ordering: .sequentiallyConsistent)
        let own: UInt64 = isInside ? 1 : 0
        let end = ContinuousClock.now + .nanoseconds(longestWait)
        var turns = 0
        while gate.load(ordering: .sequentiallyConsistent) % closing > own {
            turns += 1
            if turns < 20 { sched_yield() } else { usleep(50) }
            guard ContinuousClock.now < end else { return isInterrupted.store(true, ordering: .relaxed) }
        }
    }

    private static func openInParent() {
        isInterrupted.store(false, ordering: .relaxed)
        gate.subtract(closing, ordering: .sequentiallyConsistent)
    }

    private static func openInChild() {
        forks.add(1, ordering: .relaxed)
        gate.store(isInside ? 1 : 0, ordering: .sequentiallyConsistent)
    }
}
