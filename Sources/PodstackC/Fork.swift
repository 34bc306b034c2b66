import Glibc
import Synchronization

/// Counts the forks that led to this process.
///
/// A child process has none of its parent's threads, and shares its parent's sockets. So it must use neither: a client
/// that was created before gets new connections, and the parent's calls do not exist for it.
enum Fork {
    private static let forks = Atomic(0)

    /// The number of forks between the process that loaded the library and this one.
    static var count: Int { forks.load(ordering: .relaxed) }

    /// Counts each fork from now on, in the child.
    static func watch() {
        pthread_atfork(
            nil, nil,
            {
                Fork.forks.add(1, ordering: .relaxed)
                CallInProgress.count.store(0, ordering: .relaxed)
            })
    }
}

/// A value that a process creates again after a fork.
final class ForkLocal<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var forks: Int
        /// The values of parent processes: releasing them would close the parent's connections.
        var kept: [Value] = []
    }

    private let state: Mutex<State>
    private let renew: @Sendable (Value) -> Value

    /// Creates a value.
    ///
    /// - Parameters:
    ///   - value: The value of this process.
    ///   - renew: Returns the value of a child process from that of its parent.
    init(_ value: Value, renew: @escaping @Sendable (Value) -> Value) {
        state = Mutex(State(value: value, forks: Fork.count))
        self.renew = renew
    }

    /// The value of this process.
    var current: Value {
        state.withLock { state in
            if state.forks != Fork.count {
                state.kept.append(state.value)
                state.value = renew(state.value)
                state.forks = Fork.count
            }
            return state.value
        }
    }
}
