import Synchronization

/// Keeps a client from making an overloaded service's day worse: of retries there is a reserve of a hundred, and when
/// that is used up one more for every five requests that succeed.
final class RetryBudget: Sendable {
    private static let capacity = 500
    private static let cost = 5
    private let balance = Atomic(capacity)

    func withdraw() -> Bool {
        var current = balance.load(ordering: .relaxed)
        while current >= Self.cost {
            let (exchanged, original) = balance.weakCompareExchange(
                expected: current, desired: current - Self.cost, ordering: .relaxed)
            if exchanged { return true }
            current = original
        }
        return false
    }

    func deposit() {
        // The usual case is a full purse, which costs no write.
        guard balance.load(ordering: .relaxed) < Self.capacity else { return }
        balance.add(1, ordering: .relaxed)
    }
}
