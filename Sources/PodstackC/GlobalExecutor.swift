import CPodstack
import CPosix
import Glibc
import PodstackTransport
import PodstackSystem

/// Runs jobs on the thread that makes them ready, in place of the pool of libdispatch.
///
/// Most calls then finish on the thread of the caller, without a switch to another thread, and no pool of threads exists
/// that a `fork` would lose.
///
/// 1. A job that becomes ready while its thread runs another one waits for that one to end or to suspend.
/// 2. No job blocks. Files, pipes and commands are read on threads of their own (`BlockingThread`).
/// 3. Sleeping tasks are woken by one thread, which is started with the first of them, and once more after a `fork`.
enum GlobalExecutor {
    /// Replaces the global executor of the Swift runtime in this library.
    static func install() { _ = isInstalled }

    private static let isInstalled: Bool = {
        Fork.watch()
        pthread_atfork(nil, nil, { CallInProgress.count.store(0, ordering: .relaxed) })
        podstack_replace_global_executor(
            { job, _ in if let job { run(Job(pointer: job)) } },
            { nanoseconds, job, _ in
                guard let job else { return }
                let now = Timers.now
                let (sum, isLarge) = now.addingReportingOverflow(Int64(clamping: nanoseconds))
                let later = Job(pointer: job)
                Timers.shared.run(at: isLarge ? .max : sum) { run(later) }
            },
            { seconds, nanoseconds, _, _, clock, job in
                guard let job else { return }
                // The deadline is a time of the clock, which may differ from the clock of the timers.
                let left = Timers.nanoseconds(seconds, nanoseconds) - Timers.time(ofSwiftClock: clock)
                let (sum, isLarge) = Timers.now.addingReportingOverflow(max(0, left))
                let later = Job(pointer: job)
                Timers.shared.run(at: isLarge ? .max : sum) { run(later) }
            })
        return true
    }()

    /// A job of the runtime, which runs exactly once.
    // Safe: the runtime hands each job to one executor, which runs it on one thread.
    struct Job: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    /// The thread's list of jobs that are ready, while it runs one.
    private static let listKey: pthread_key_t = {
        var key = pthread_key_t()
        pthread_key_create(&key, nil)
        return key
    }()

    /// Runs a job now, or after the one that this thread runs.
    static func run(_ job: Job) {
        if let list = pthread_getspecific(listKey) {
            list.assumingMemoryBound(to: [Job].self).pointee.append(job)
        } else {
            runJobs(after: { podstack_run_job(job.pointer) })
        }
    }

    /// Runs a function, and then the jobs that it makes ready.
    ///
    /// The runtime holds a lock of a task while it cancels it. A job of that task must not run before the lock is free.
    static func runJobs(after body: () -> Void) {
        guard pthread_getspecific(listKey) == nil else { return body() }
        var ready: [Job] = []
        withUnsafeMutablePointer(to: &ready) { list in
            pthread_setspecific(listKey, list)
            body()
            var index = 0
            while index < list.pointee.count {
                podstack_run_job(list.pointee[index].pointer)
                index += 1
            }
            pthread_setspecific(listKey, nil)
        }
    }
}

/// Functions to run later, in the order of their times.
final class Timers: Sendable {
    static let shared = Timers()

    private struct State {
        /// A binary heap: the function with the earliest time is the first.
        var heap: [(time: Int64, action: @Sendable () -> Void)] = []
        var hasThread = false
        /// The number of forks before the thread was started.
        var forks = 0
        /// Ends the thread's wait when it is written to.
        var wakeUp: Int32 = -1
    }

    private let state = Lock(State())

    /// The time in nanoseconds of a clock that never goes back.
    static var now: Int64 { time(of: CLOCK_BOOTTIME) }

    static func time(ofSwiftClock clock: Int32) -> Int64 {
        switch clock {
        case 2: time(of: CLOCK_MONOTONIC)
        case 3: time(of: CLOCK_REALTIME)
        default: now
        }
    }

    static func nanoseconds(_ seconds: Int64, _ nanoseconds: Int64) -> Int64 {
        let (product, isLarge) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, isLarger) = product.addingReportingOverflow(nanoseconds)
        return isLarge || isLarger ? .max / 2 : min(sum, .max / 2)
    }

    private static func time(of clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// Waits for a duration, also in a child process whose parent slept before.
    static func sleep(_ duration: Duration) async throws {
        let promise = Promise<Void>()
        let components = max(.zero, duration).components
        let (end, isLarge) = now.addingReportingOverflow(
            nanoseconds(components.seconds, components.attoseconds / 1_000_000_000))
        shared.run(at: isLarge ? .max : end) { promise.complete(with: .success(())) }
        try await withTaskCancellationHandler {
            try await promise.value
        } onCancel: {
            promise.fail(CancellationError())
        }
    }

    /// Runs a function at a time of ``now``, on the thread of the timers.
    func run(at time: Int64, _ action: @escaping @Sendable () -> Void) {
        let (wakeUp, mustStart) = state.withLock { state in
            if state.wakeUp < 0 || state.forks != Fork.count {
                // The parent's functions are not this process's, and its descriptor is shared with it.
                if state.forks != Fork.count { state.heap = [] }
                state.wakeUp = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))
                state.forks = Fork.count
                state.hasThread = false
            }
            state.heap.append((time, action))
            var index = state.heap.count - 1
            while index > 0, state.heap[(index - 1) / 2].time > state.heap[index].time {
                state.heap.swapAt(index, (index - 1) / 2)
                index = (index - 1) / 2
            }
            defer { state.hasThread = true }
            return (state.wakeUp, !state.hasThread)
        }
        if mustStart {
            guard BlockingThread.startWithoutSignals({ [self] in runActions(wakeUp) }) else {
                state.withLock { $0.hasThread = false }
                return
            }
        }
        eventfd_write(wakeUp, 1)
    }

    private func runActions(_ wakeUp: Int32) {
        while true {
            let (action, wait) = state.withLock { state -> ((@Sendable () -> Void)?, Int32) in
                guard let first = state.heap.first else { return (nil, -1) }
                let left = first.time - Self.now
                guard left <= 0 else { return (nil, Int32(min(left / 1_000_000 + 1, 3_600_000))) }
                return (Self.removeFirst(&state.heap), 0)
            }
            if let action {
                action()
                continue
            }
            var descriptor = pollfd(fd: wakeUp, events: Int16(POLLIN), revents: 0)
            Fork.outside { _ = poll(&descriptor, 1, wait) }
            var value: eventfd_t = 0
            eventfd_read(wakeUp, &value)
        }
    }

    private static func removeFirst(
        _ heap: inout [(time: Int64, action: @Sendable () -> Void)]
    ) -> @Sendable () -> Void {
        heap.swapAt(0, heap.count - 1)
        let removed = heap.removeLast().action
        var index = 0
        while true {
            var least = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].time < heap[least].time
            {
                least = child
            }
            guard least != index else { return removed }
            heap.swapAt(index, least)
            index = least
        }
    }
}
