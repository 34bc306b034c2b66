import PodstackTestSupport
import Synchronization
import Testing

@testable import Podstack

@Suite("SingleFlight", .timeLimit(.minutes(2)))
struct SingleFlightTests {
    struct Trouble: Error, Equatable {}

    /// An operation that ends when the test finishes it.
    final class Work: Sendable {
        let runs = Atomic(0)
        let cancellations = Atomic(0)
        private let gate = AsyncStream.makeStream(of: Result<Int, Trouble>.self)

        func finish(_ result: Result<Int, Trouble>) { gate.continuation.yield(result) }

        @Sendable func run() async throws -> Int {
            runs.add(1, ordering: .relaxed)
            for await result in gate.stream { return try result.get() }
            cancellations.add(1, ordering: .relaxed)
            throw CancellationError()
        }

        func waitForRuns(_ count: Int) async throws {
            try await eventually("the operation has started") { runs.load(ordering: .relaxed) >= count }
        }
    }

    @Test("100 concurrent callers share one run")
    func shared() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await flight.run(work.run) } }
            try await work.waitForRuns(1)
            try await eventually("all callers wait") { flight.callerCount == 100 }
            work.finish(.success(7))
            for try await value in group { #expect(value == 7) }
        }
        #expect(work.runs.load(ordering: .relaxed) == 1)
    }

    @Test("a failure is thrown to the waiting callers, and the next caller starts a new run")
    func recovery() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        work.finish(.failure(Trouble()))
        await #expect(throws: Trouble.self) { try await flight.run(work.run) }
        work.finish(.success(1))
        #expect(try await flight.run(work.run) == 1)
    }

    /// The result of a caller, which the test polls: awaiting a caller that is never resumed would hang the test.
    final class Caller: Sendable {
        private let result = Mutex<Result<Int, any Error>?>(nil)
        private let task = Mutex<Task<Void, Never>?>(nil)

        init(_ flight: SingleFlight<Int>, _ work: Work) {
            task.withLock {
                $0 = Task {
                    let result: Result<Int, any Error>
                    do { result = .success(try await flight.run(work.run)) } catch { result = .failure(error) }
                    self.result.withLock { $0 = result }
                }
            }
        }

        func cancel() { task.withLock { $0?.cancel() } }

        func value() async throws -> Int {
            try await eventually("the caller is resumed") { result.withLock { $0 != nil } }
            let resumed = result.withLock { $0 }
            return try #require(resumed).get()
        }
    }

    @Test("canceling one caller does not affect the other", arguments: [0, 1])
    func oneCanceled(index: Int) async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        let callers = [Caller(flight, work), Caller(flight, work)]
        try await work.waitForRuns(1)
        try await eventually("both callers wait") { flight.callerCount == 2 }
        callers[index].cancel()
        await #expect(throws: CancellationError.self) { try await callers[index].value() }
        #expect(flight.callerCount == 1)
        work.finish(.success(3))
        #expect(try await callers[1 - index].value() == 3)
        #expect(work.runs.load(ordering: .relaxed) == 1)
        #expect(work.cancellations.load(ordering: .relaxed) == 0)
    }

    @Test("canceling the last caller cancels the run, and the next caller starts a new one")
    func allCanceled() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        let only = Task { try await flight.run(work.run) }
        try await work.waitForRuns(1)
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        try await eventually("the run is canceled") { work.cancellations.load(ordering: .relaxed) == 1 }
        #expect(try await flight.run { 4 } == 4)
    }

    @Test("a caller that is canceled before it calls gets a CancellationError")
    func early() async throws {
        let flight = SingleFlight<Int>()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await flight.run { 1 }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
