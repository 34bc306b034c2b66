/// Checks that the database can be read, and shares the result of ``Database/checkWritable()`` for a second.
///
/// Anonymous clients ask for it: even a thousand callers must not cause more than one write a second.
final class WriteCheck: Sendable {
    private struct State {
        var isRunning = false
        /// The result of the last check, and the time at which it was complete, in nanoseconds.
        var last: (failure: DatabaseFailure?, time: Int64)?
    }

    private enum Step {
        case use(DatabaseFailure?)
        case check
    }

    /// The nanoseconds for which a result is used again.
    private static let lifetime: Int64 = 1_000_000_000
    /// The seconds that a caller waits for a check that another caller has started.
    private static let timeoutSeconds = 3.0

    private let database: any Database
    private let state = Monitor(State())

    init(_ database: any Database) { self.database = database }

    /// Checks that the database can be read, and that a change could be saved unless that was checked within a second.
    ///
    /// - Throws: ``DatabaseFailure`` with the reason if no change could be saved.
    func run() throws {
        let step = state.wait(Self.timeoutSeconds) { state -> Step? in
            if let last = state.last, MonotonicClock.nanoseconds - last.time < Self.lifetime {
                return .use(last.failure)
            }
            guard !state.isRunning else { return nil }
            state.isRunning = true
            return .check
        }
        switch step {
        case .use(nil):
            _ = try database.read { try $0.query("SELECT version FROM schema_version") }
            return
        case .use(let failure?): throw failure
        case .check: break
        case nil: throw DatabaseFailure(.busy, reason: "the check of the database takes too long")
        }
        var failure: DatabaseFailure?
        do {
            _ = try database.read { try $0.query("SELECT version FROM schema_version") }
            try database.checkWritable()
        } catch {
            failure = error as? DatabaseFailure ?? DatabaseFailure(reason: "the check of the database failed")
        }
        state.change { $0 = State(isRunning: false, last: (failure, MonotonicClock.nanoseconds)) }
        if let failure { throw failure }
    }
}
