import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackTransport

@Suite("The result of a transfer", .blocking, .timeLimit(.minutes(10)))
struct PromiseTests {
    @Test("a result and a cancellation at the same moment do not deadlock")
    func resultAndCancellation() async {
        for _ in 0..<5_000 {
            let promise = Promise<Int>()
            let isAwaiting = Atomic(false)
            let task = Task {
                await withTaskCancellationHandler {
                    isAwaiting.store(true, ordering: .releasing)
                    _ = try? await promise.value
                } onCancel: {
                    promise.fail(CancellationError())
                }
            }
            // Not `eventually`: its pauses would keep the two from happening at the same moment.
            while !isAwaiting.load(ordering: .acquiring) { await Task.yield() }
            async let end: Void = Task.detached { promise.complete(with: .success(200)) }.value
            task.cancel()
            await end
            await task.value
        }
    }

    @Test("only the first result counts, whether it comes before or after the task awaits it")
    func firstResult() async throws {
        let early = Promise<Int>()
        #expect(!early.isCompleted)
        early.complete(with: .success(1))
        early.complete(with: .success(2))
        early.fail(CancellationError())
        #expect(early.isCompleted)
        #expect(try await early.value == 1)
        let late = Promise<Int>()
        let awaiting = Task { try await late.value }
        await Task.yield()
        late.fail(CancellationError())
        late.complete(with: .success(1))
        await #expect(throws: CancellationError.self) { try await awaiting.value }
    }
}
