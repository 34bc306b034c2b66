import PodstackTestSupport
import Synchronization
import Testing

@testable import Podstack

@Suite("The one result of a transfer", .blocking)
struct CompletionTests {
    @Test("an end and a cancellation at the same moment hold each other up in no round", .timeLimit(.minutes(5)))
    func endAndCancellation() async {
        for _ in 0..<20_000 {
            let completion = Completion<TransportResponse>()
            let isWaiting = Atomic(false)
            let task = Task {
                await withTaskCancellationHandler {
                    isWaiting.store(true, ordering: .releasing)
                    _ = try? await completion.value
                } onCancel: {
                    completion.finish(.failure(CancellationError()))
                }
            }
            while !isWaiting.load(ordering: .acquiring) { await Task.yield() }
            async let end: Void = Task.detached {
                completion.finish(.success(TransportResponse(status: 200, headers: [], body: [])))
            }.value
            task.cancel()
            await end
            await task.value
        }
    }
}
