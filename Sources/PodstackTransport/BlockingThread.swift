import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A new thread for work that blocks, so that no thread of the concurrency runtime does.
///
/// The work waits in ``Fork/outside(_:)``.
package enum BlockingThread {
    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs a closure on a new thread and returns its result.
    package static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            start { continuation.resume(with: Result { try body() }) }
        }
    }

    /// Runs a closure on a new thread, or on this one if the system has no thread left.
    package static func start(_ run: @escaping @Sendable () -> Void) {
        if !startIfPossible(run) { run() }
    }

    /// Runs a closure on a new thread that receives no signals.
    ///
    /// The process's signals are left to the threads that expect them.
    ///
    /// - Returns: Whether the thread could be started.
    package static func startWithoutSignals(_ run: @escaping @Sendable () -> Void) -> Bool {
        var all = sigset_t()
        var previous = sigset_t()
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        return startIfPossible(run)
    }

    private static func startIfPossible(_ run: @escaping @Sendable () -> Void) -> Bool {
        let context = Unmanaged.passRetained(Work(run)).toOpaque()
        #if canImport(Darwin)
            var thread: pthread_t?
            let failure = pthread_create(
                &thread, nil,
                {
                    let work = $0
                    Fork.inside { Unmanaged<Work>.fromOpaque(work).takeRetainedValue().run() }
                    return nil
                }, context)
            if failure == 0, let thread { pthread_detach(thread) }
        #else
            var thread = pthread_t()
            let failure = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    Fork.inside { Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run() }
                    return nil
                }, context)
            if failure == 0 { pthread_detach(thread) }
        #endif
        if failure != 0 { Unmanaged<Work>.fromOpaque(context).release() }
        return failure == 0
    }
}
