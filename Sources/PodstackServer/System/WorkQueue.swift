import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A bounded queue that runs one piece of work after the other, on a thread that exists while there is work.
final class WorkQueue: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var isRunning = false
    }

    /// The number of pieces of work that can wait, in addition to the one that is running.
    let capacity: Int
    private let state = Mutex(State())

    init(capacity: Int) { self.capacity = capacity }

    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Adds work; returns false, without ever running it, if the queue is full.
    func add(_ work: @escaping @Sendable () -> Void) -> Bool {
        let mustStart: Bool? = state.withLock { state in
            guard state.waiting.count < capacity else { return nil }
            state.waiting.append(work)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard let mustStart else { return false }
        // If the system has no thread left, the caller's thread runs the work: late is better than never.
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

/// A thread for work that blocks.
enum WorkerThread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a thread; returns false if the system cannot start another one.
    @discardableResult
    static func start(_ run: @escaping @Sendable () -> Void) -> Bool {
        var thread = pthread_t()
        let body = Unmanaged.passRetained(Body(run))
        let code = pthread_create(
            &thread, nil,
            { context in
                if let context { Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            }, body.toOpaque())
        guard code == 0 else {
            body.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
