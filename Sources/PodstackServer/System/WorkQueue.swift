import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A bounded queue whose work runs on a limited number of threads.
///
/// Work starts in the order in which it was added. Threads start when work needs them, and end after some seconds
/// without any.
final class WorkQueue: Sendable {
    typealias Work = @Sendable () -> Void

    private struct State {
        var waiting: [(id: Int, work: Work)] = []
        var lastID = 0
        /// The number of threads, and of those that wait for work.
        var threads = 0
        var idle = 0
        /// The start of the work that each thread runs, in nanoseconds.
        var running: [Int: Int64] = [:]
        var lastThread = 0
    }

    /// The seconds after which a thread without work ends.
    private static let idleSeconds = 10.0
    /// The nice value of threads with low priority.
    private static let lowPriority: Int32 = 10

    /// The number of pieces of work that can wait, in addition to those that are running.
    let capacity: Int
    /// The maximum number of threads.
    let maxThreads: Int
    /// The seconds after which a request is refused although its work has started; nil if it then has to be completed.
    ///
    /// Only for work that changes nothing.
    let maxSeconds: Int64?
    /// The seconds after which a request is refused if its work has not started; nil for never.
    let maxWaitSeconds: Int64?
    /// The seconds that the work of a request may take in addition to the usual time; nil for none.
    let workSeconds: Int64?
    private let hasLowPriority: Bool
    private let state = Monitor(State())
    private let refusals = Atomic<Int>(0)

    /// Creates a queue without threads.
    ///
    /// - Parameters:
    ///   - capacity: The number of pieces of work that can wait.
    ///   - threads: The maximum number of threads.
    ///   - maxSeconds: The seconds after which the work of a request is given up; nil for never.
    ///   - maxWaitSeconds: The seconds after which work that has not started is given up; nil for never.
    ///   - workSeconds: The seconds that the work of a request may take in addition to the usual time; nil for none.
    ///   - hasLowPriority: Whether the system prefers other threads. New threads inherit this, so the work of such a
    ///     queue must not start any.
    init(
        capacity: Int, threads: Int = 1, maxSeconds: Int64? = nil, maxWaitSeconds: Int64? = nil,
        workSeconds: Int64? = nil, hasLowPriority: Bool = false
    ) {
        self.capacity = capacity
        maxThreads = threads
        self.maxSeconds = maxSeconds
        self.maxWaitSeconds = maxWaitSeconds
        self.workSeconds = workSeconds
        self.hasLowPriority = hasLowPriority
    }

    /// The number of pieces of work that wait for a thread.
    var waiting: Int { state.change(waking: .none) { $0.waiting.count } }

    /// The number of pieces of work that are running.
    var running: Int { state.change(waking: .none) { $0.running.count } }

    /// The number of pieces of work that were refused so far.
    var refused: Int { refusals.load(ordering: .relaxed) }

    /// Returns whether a piece of work has been running for longer than a time.
    func isRunning(longerThan nanoseconds: Int64) -> Bool {
        let end = MonotonicClock.nanoseconds - nanoseconds
        return state.change(waking: .none) { state in state.running.values.contains { $0 < end } }
    }

    /// Adds work; returns false, without ever running it, if the queue is full or the system has no thread for it.
    ///
    /// - Parameters:
    ///   - isContinuation: Whether the work continues work that was accepted before, and therefore is accepted even if the
    ///     queue is full.
    ///   - work: The work.
    /// - Returns: Whether the work is in the queue.
    @discardableResult
    func add(isContinuation: Bool = false, _ work: @escaping Work) -> Bool {
        let added: (id: Int, newThread: Int?)? = state.change(waking: .one) { state in
            guard isContinuation || state.waiting.count < capacity else { return nil }
            state.lastID += 1
            state.waiting.append((state.lastID, work))
            guard state.idle < state.waiting.count, state.threads < maxThreads else { return (state.lastID, nil) }
            state.threads += 1
            state.lastThread += 1
            return (state.lastID, state.lastThread)
        }
        guard let added else {
            refusals.add(1, ordering: .relaxed)
            return false
        }
        guard let thread = added.newThread, !WorkerThread.start({ [self] in run(thread) }) else { return true }
        return state.change(waking: .none) { state in
            state.threads -= 1
            if state.threads > 0 { return true }
            let count = state.waiting.count
            state.waiting.removeAll { $0.id == added.id }
            return state.waiting.count == count
        }
    }

    private func run(_ thread: Int) {
        #if os(Linux)
            // On Linux, this changes the calling thread only.
            if hasLowPriority { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, Self.lowPriority) }
        #endif
        while let work = next(thread) { work() }
    }

    /// Returns the next piece of work for a thread, or nil if the thread has to end.
    private func next(_ thread: Int) -> Work? {
        func take(_ state: inout State) -> Work? {
            guard !state.waiting.isEmpty else { return nil }
            state.idle -= 1
            state.running[thread] = MonotonicClock.nanoseconds
            return state.waiting.removeFirst().work
        }
        state.change(waking: .none) { state in
            state.running[thread] = nil
            state.idle += 1
        }
        if let work = state.wait(Self.idleSeconds, for: take) { return work }
        return state.change(waking: .none) { state in
            if let work = take(&state) { return work }
            state.idle -= 1
            state.threads -= 1
            return nil
        }
    }
}

// MARK: - Pools

/// The kinds of work that may block.
enum WorkerPool: Sendable {
    /// Work that only reads the database.
    case reads
    /// Work that changes the database, and may wait for its lock.
    case writes
    /// Work that reads much of the database, such as an export.
    case searches
    /// Checks of the database, which wait for nothing else.
    case checks
    /// Searches for the tokens that anonymous clients report.
    case reports
}

/// The worker threads of the service.
///
/// Each kind of work has its own threads, so that one kind cannot keep the others waiting. The hashing of passwords has
/// a queue of its own.
struct WorkerPools: Sendable {
    let reads = WorkQueue(capacity: 256, threads: 8, maxSeconds: 5)
    /// A write that has started waits for the lock of the database, for ten seconds at most.
    let writes = WorkQueue(capacity: 256, threads: 4, maxWaitSeconds: 15)
    let searches = WorkQueue(capacity: 64, threads: 2, hasLowPriority: true)

    let checks = WorkQueue(capacity: 256, maxSeconds: 5)
    /// One thread: however many anonymous clients report tokens, they take one connection and one processor at most.
    let reports = WorkQueue(capacity: 64, maxSeconds: 10)

    subscript(_ pool: WorkerPool) -> WorkQueue {
        switch pool {
        case .reads: reads
        case .writes: writes
        case .searches: searches
        case .checks: checks
        case .reports: reports
        }
    }
}

// MARK: - Threads

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
