import Synchronization
import Testing

/// A trait that runs at most two of the tests at once, because each Chromium has a dozen processes.
///
/// With `.serialized`, each test would wait behind all other tests of the run when the previous one is done.
struct FewAtOnce: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    private struct State {
        var places = 2
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private static let state = Mutex(State())

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await withCheckedContinuation { continuation in
            let isFree = Self.state.withLock { state in
                if state.places == 0 {
                    state.waiting.append(continuation)
                    return false
                }
                state.places -= 1
                return true
            }
            if isFree { continuation.resume() }
        }
        defer {
            let next = Self.state.withLock { state -> CheckedContinuation<Void, Never>? in
                if !state.waiting.isEmpty { return state.waiting.removeFirst() }
                state.places += 1
                return nil
            }
            next?.resume()
        }
        try await function()
    }
}

extension Trait where Self == FewAtOnce {
    static var fewAtOnce: FewAtOnce { FewAtOnce() }
}
