import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs the tasks of the program on its main thread.
///
/// The executor of the standard library starts three threads and a timer, which takes longer than most commands.
/// Unstructured tasks, and children that ask for it, still run there.
final class MainThreadExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])
    /// Counts the jobs.
    // Safe: it lives as long as the process, and any thread may call the functions that take it.
    nonisolated(unsafe) private let available: UnsafeMutablePointer<sem_t>

    private init() {
        available = .allocate(capacity: 1)
        sem_init(available, 0, 0)
    }

    /// Runs a program to its end, and ends the process with the status that it returns.
    ///
    /// Call it on the main thread.
    static func run(_ program: @escaping @Sendable () async -> Int32) -> Never {
        let executor = MainThreadExecutor()
        Task.detached(executorPreference: executor) {
            let status = await program()
            fflush(nil)
            // Without the clean-up of the libraries, because the system frees their memory sooner.
            _exit(status)
        }
        while true { executor.runNext() }
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
        sem_post(available)
    }

    private func runNext() {
        // A signal may interrupt it.
        while sem_wait(available) != 0 {}
        let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
        job?.runSynchronously(on: asUnownedTaskExecutor())
    }
}
