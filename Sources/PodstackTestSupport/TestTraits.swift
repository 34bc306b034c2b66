#if canImport(Testing)
    import Podstack
    import Synchronization
    package import Testing

    #if canImport(Glibc)
        import Glibc
    #elseif canImport(Musl)
        import Musl
    #endif

    #if canImport(FoundationEssentials)
        import FoundationEssentials
    #else
        import Foundation
    #endif

    // MARK: - Databases

    /// Creates the suite of a test case on the case's database.
    ///
    /// A test on every database takes it as its argument, `arguments: TestDatabase.selected`, so that a failure names it.
    /// Its suite is created before the test gets the argument. Therefore this trait finds the database among the arguments
    /// of the case, and makes it ``TestDatabase/current`` for the initializer too.
    package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
        package let isRecursive = true

        package func provideScope(
            for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
        ) async throws {
            guard let testCase else { return try await function() }
            guard let database = Self.database(in: testCase) else {
                Issue.record(
                    "The test has no TestDatabase argument: add arguments: TestDatabase.selected",
                    sourceLocation: test.sourceLocation)
                return
            }
            try await TestDatabase.$current.withValue(database) { try await function() }
        }

        /// Swift Testing has no public property for a case's arguments.
        private static func database(in value: Any, depth: Int = 0) -> TestDatabase? {
            if let database = value as? TestDatabase { return database }
            guard depth < 8 else { return nil }
            return Mirror(reflecting: value).children.lazy.compactMap { database(in: $0.value, depth: depth + 1) }.first
        }
    }

    extension Trait where Self == DatabaseTrait {
        /// The suite's tests take a ``TestDatabase`` as an argument, and run on it.
        package static var databases: DatabaseTrait { DatabaseTrait() }
    }

    extension Trait where Self == ConditionTrait {
        /// The tests need PostgreSQL, and are skipped where `PODSTACK_TEST_DATABASE` names another database.
        package static var needsPostgreSQL: ConditionTrait {
            .enabled(if: TestDatabase.selected.contains(.postgresql), "PODSTACK_TEST_DATABASE leaves out PostgreSQL")
        }
    }

    // MARK: - Time limit

    extension TimeLimitTrait.Duration {
        /// The time limit of each test: far more than one takes on a busy machine.
        package static var perTest: Self {
            let isSanitized = ProcessInfo.processInfo.environment["TSAN_OPTIONS"] != nil
            return .minutes(Rounds.isLong ? 60 : isSanitized ? 30 : 10)
        }
    }

    // MARK: - Blocking

    /// Runs tests that wait for processes and sockets on their own threads.
    ///
    /// The concurrency runtime has as many threads as processors: on those, a blocked test would hold up every other test.
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
        /// The suite's tests block their threads.
        package static var blocking: BlockingTrait { BlockingTrait() }
    }

    /// Runs each job on an idle thread, or on a new one up to a limit.
    private final class ThreadExecutor: TaskExecutor {
        static let shared = ThreadExecutor()

        private struct State {
            var jobs: [UnownedJob] = []
            var idle = 0
            var threads = 0
        }

        /// The most threads: more than the tests that block at once, and few enough for tests that count threads.
        private static let maxThreads = 64

        private let state = Mutex(State())
        private let arrival = Semaphore()

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            let needsThread = state.withLock { state in
                state.jobs.append(job)
                guard state.jobs.count > state.idle, state.threads < Self.maxThreads else { return false }
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

    // Safe: the C library's own semaphore, created once and used only through its functions.
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
#endif
