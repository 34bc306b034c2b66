import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Work queues", .blocking, .timeLimit(.perTest))
struct WorkQueueTests {
    private final class Log: Sendable {
        private let entries = Mutex<[Int]>([])
        var all: [Int] { entries.withLock { $0 } }
        func add(_ entry: Int) { entries.withLock { $0.append(entry) } }
    }

    @Test("as many pieces of work run at once as there are threads, and the rest wait in their order")
    func bounded() throws {
        let queue = WorkQueue(capacity: 3, threads: 2)
        let (gate, log) = (Gate(), Log())
        for _ in 0..<2 { #expect(queue.add { gate.pass() }) }
        #expect(gate.holds(2))
        #expect(queue.running == 2 && queue.waiting == 0)
        for index in 0..<3 { #expect(queue.add { log.add(index) }) }
        #expect(queue.waiting == 3)
        #expect(!queue.add { log.add(-1) })
        #expect(queue.add(isContinuation: true) { log.add(3) })
        gate.open()
        try blockUntil("all work is done") { log.all.count == 4 }
        #expect(log.all.sorted() == [0, 1, 2, 3])
        try blockUntil("no work is running") { queue.running == 0 }
    }

    @Test("with one thread, work runs in the order in which it was added")
    func ordered() throws {
        let queue = WorkQueue(capacity: 100)
        let log = Log()
        for index in 0..<100 { #expect(queue.add { log.add(index) }) }
        try blockUntil("all work is done") { log.all.count == 100 }
        #expect(log.all == Array(0..<100))
    }

    @Test("work that takes too long is noticed while it runs")
    func overlong() throws {
        let queue = WorkQueue(capacity: 1)
        let gate = Gate()
        #expect(!queue.isRunning(longerThan: 0))
        #expect(queue.add { gate.pass() })
        #expect(gate.holds(1))
        try blockUntil("the work has run for a millisecond") { queue.isRunning(longerThan: 1_000_000) }
        #expect(!queue.isRunning(longerThan: 3_600_000_000_000))
        gate.open()
        try blockUntil("the work has ended") { !queue.isRunning(longerThan: 0) }
    }

    @Test("many threads add work at once, and every piece runs once")
    func concurrent() async throws {
        let queue = WorkQueue(capacity: 10_000, threads: 4)
        let log = Log()
        await withTaskGroup(of: Void.self) { group in
            for start in 0..<8 {
                group.addTask { for index in 0..<250 { queue.add { log.add(start * 250 + index) } } }
            }
        }
        try await eventually("all work is done") { log.all.count == 2000 }
        #expect(log.all.sorted() == Array(0..<2000))
    }

    @Test("an account has a limited number of places, which are free when they are released")
    func accounts() {
        let limit = AccountLimit(2)
        var slots = [limit.take("a"), limit.take("a"), limit.take("b")]
        #expect(slots.allSatisfy { $0 != nil })
        #expect(limit.take("a") == nil)
        slots.removeFirst()
        #expect(limit.take("a") != nil)
        slots = []
        slots = [limit.take("a"), limit.take("a"), limit.take("a")]
        #expect(slots.map { $0 != nil } == [true, true, false])
    }
}
