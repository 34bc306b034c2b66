import Podstack
import Synchronization
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// For tests that wait for processes and sockets: they run on threads of their own. On those of the concurrency runtime,
/// of which there are as many as processors, they would hold up every other test.
package struct BlockingTrait: TestTrait, SuiteTrait, TestScoping {
    package let isRecursive = true

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await withTaskExecutorPreference(ThreadExecutor.shared) { try await function() }
    }
}

extension Trait where Self == BlockingTrait {
    package static var blocking: BlockingTrait { BlockingTrait() }
}

/// Runs each job on a thread that is started for it when no idle one is left, up to a limit.
private final class ThreadExecutor: TaskExecutor {
    static let shared = ThreadExecutor()

    private struct State {
        var jobs: [UnownedJob] = []
        var idle = 0
        var threads = 0
    }

    /// More than tests that block at once, and few enough for those that count threads.
    private static let mostThreads = 64

    private let state = Mutex(State())
    private let arrival = Semaphore()

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let needsThread = state.withLock { state in
            state.jobs.append(job)
            guard state.jobs.count > state.idle, state.threads < Self.mostThreads else { return false }
            state.threads += 1
            return true
        }
        if needsThread { BlockingThread.start { self.work() } }
        arrival.signal()
    }

    private func work() {
        while true {
            state.withLock { $0.idle += 1 }
            arrival.wait()
            let job = state.withLock { state in
                state.idle -= 1
                return state.jobs.isEmpty ? nil : state.jobs.removeFirst()
            }
            job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }
}

// Safe: the C library's own semaphore, made once and used only through its functions.
private final class Semaphore: @unchecked Sendable {
    private let pointer = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(pointer, 0, 0) }
    deinit {
        sem_destroy(pointer)
        pointer.deallocate()
    }

    func signal() { sem_post(pointer) }
    func wait() { while sem_wait(pointer) != 0 {} }
}
