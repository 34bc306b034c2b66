import PodstackSystem

/// A value that a process creates again after a fork.
///
/// A child process has none of its parent's threads, and shares its parent's sockets. So it must use neither: a client
/// that was created before gets new connections, and the parent's calls do not exist for it (``Handles``).
final class ForkLocal<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var forks: Int
    }

    private let state: Lock<State>
    private let renew: @Sendable (Value) -> Value

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - value: The value of this process.
    ///   - renew: Returns the value of a child process from that of its parent.
    init(_ value: Value, renew: @escaping @Sendable (Value) -> Value) {
        state = Lock(State(value: value, forks: Fork.count))
        self.renew = renew
    }

    deinit {
        state.withLock { state in
            if state.forks != Fork.count { keepForever(state.value) }
        }
    }

    /// The value of this process.
    var current: Value {
        state.withLock { state in
            if state.forks != Fork.count {
                let inherited = state.value
                keepForever(inherited)
                state.value = renew(inherited)
                state.forks = Fork.count
            }
            return state.value
        }
    }
}

/// Never releases a value of a parent process, which could end the parent's work.
func keepForever(_ value: Any) { _ = Unmanaged.passRetained(Kept(value)) }

private final class Kept {
    let value: Any
    init(_ value: Any) { self.value = value }
}
