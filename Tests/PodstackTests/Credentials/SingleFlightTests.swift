import PodstackTestSupport
import Synchronization
import Testing

@testable import Podstack

@Suite("SingleFlight")
struct SingleFlightTests {
    struct Trouble: Error, Equatable {}

    /// Work that ends when the test says so.
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
            while runs.load(ordering: .relaxed) < count { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    @Test("many who ask at once share one run")
    func shared() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<100 { group.addTask { try await flight.run(work.run) } }
            try await work.waitForRuns(1)
            try await Task.sleep(for: .milliseconds(20))
            work.finish(.success(7))
            for try await value in group { #expect(value == 7) }
        }
        // Who came after the end began a run of its own; nobody did.
        #expect(work.runs.load(ordering: .relaxed) == 1)
    }

    @Test("a failure is told to those who waited, and the next one tries again")
    func recovery() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        work.finish(.failure(Trouble()))
        await #expect(throws: Trouble.self) { try await flight.run(work.run) }
        work.finish(.success(1))
        #expect(try await flight.run(work.run) == 1)
    }

    @Test("one of two who is cancelled leaves the other alone")
    func oneCancelled() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        let first = Task { try await flight.run(work.run) }
        try await work.waitForRuns(1)
        let second = Task { try await flight.run(work.run) }
        try await Task.sleep(for: .milliseconds(20))
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        work.finish(.success(3))
        #expect(try await second.value == 3)
        #expect(work.runs.load(ordering: .relaxed) == 1)
    }

    @Test("when nobody waits any more the work is cancelled, and the next one begins anew")
    func allCancelled() async throws {
        let (flight, work) = (SingleFlight<Int>(), Work())
        let only = Task { try await flight.run(work.run) }
        try await work.waitForRuns(1)
        only.cancel()
        await #expect(throws: CancellationError.self) { try await only.value }
        while work.cancellations.load(ordering: .relaxed) == 0 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(try await flight.run { 4 } == 4)
    }

    @Test("whoever is cancelled before asking gets that")
    func early() async throws {
        let flight = SingleFlight<Int>()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await flight.run { 1 }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
