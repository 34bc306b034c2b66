/// Connections that are shared by threads, at most so many.
final class PostgresPool: Sendable {
    private struct State {
        var idle: [PostgresConnection] = []
        var busy = 0
    }

    /// How long a thread waits for one of the others to be done.
    private static let patience = 10.0

    private let url: PostgresURL
    private let size: Int
    private let state = Monitor(State())

    init(_ url: PostgresURL, size: Int) {
        self.url = url
        self.size = size
    }

    /// A connection on which `begin` was run; ``give(_:)`` must follow.
    ///
    /// One that was idle may have died meanwhile. Nothing was done on it yet, so another takes its place in silence.
    func take(beginning begin: String) throws -> PostgresConnection {
        while true {
            let known = try place()
            var opened: PostgresConnection?
            do {
                let connection = try known ?? PostgresConnection(url)
                opened = connection
                try connection.script(begin)
                return connection
            } catch {
                let wasAlive = opened?.isAlive == true
                give(opened)
                if known == nil || wasAlive { throw error }
            }
        }
    }

    /// Takes back a connection; one in the middle of something is closed. Nil when none could be made.
    func give(_ connection: PostgresConnection?) {
        state.change { state in
            state.busy -= 1
            if let connection, connection.isIdle { state.idle.append(connection) }
        }
    }

    /// The right to use a connection, and one that is there already; nil to make one.
    private func place() throws -> PostgresConnection? {
        let found: PostgresConnection?? = state.wait(Self.patience) { state in
            guard !state.idle.isEmpty || state.busy < size else { return nil }
            state.busy += 1
            return .some(state.idle.popLast())
        }
        guard let found else { throw DatabaseFailure(reason: "all connections to the database are busy") }
        return found
    }
}
