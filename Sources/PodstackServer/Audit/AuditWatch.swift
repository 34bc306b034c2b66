/// Tells those who watch the audit log of each new event.
///
/// One thread asks the database once a second, with two statements as long as nothing is new, and only while somebody
/// watches. So it hears of what any instance of the service writes.
final class AuditWatch: Sendable {
    private static let mostOfSession = 4
    private static let most = 200
    private static let batch = 100

    private struct State {
        var watchers: [Watching] = []
        var isRunning = false
        var isStopped = false
    }

    private let database: any Database
    private let sessions: WebSessions
    private let now: @Sendable () -> Int64
    private let state = Monitor(State())

    init(database: any Database, sessions: WebSessions, now: @escaping @Sendable () -> Int64) {
        self.database = database
        self.sessions = sessions
        self.now = now
    }

    /// Begins a stream of what is new.
    func watch(_ watcher: AuditWatcher) throws -> ResponseStream {
        // The first comment brings the browser the head of the answer; then it knows how soon to come back.
        let stream = ResponseStream(maxSeconds: Watching.life, beginning: Array(": here\nretry: 3000\n\n".utf8))
        let watching = Watching(watcher, stream)
        let mustStart = try state.change { state in
            state.watchers.removeAll { $0.stream.isOver }
            let ofSession = state.watchers.count { $0.watcher.sessionID == watcher.sessionID }
            guard ofSession < Self.mostOfSession, state.watchers.count < Self.most, !state.isStopped else {
                throw ErrorResponse(
                    status: 429, code: .rateLimited, message: "Too many pages are watching the audit log",
                    headers: [("Retry-After", "60")])
            }
            state.watchers.append(watching)
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart, !WorkerThread.start({ [self] in run() }) {
            state.change { state in
                state.watchers = []
                state.isRunning = false
            }
            throw ErrorResponse.unavailable
        }
        return stream
    }

    /// Ends all streams; when this returns the database is not asked any more.
    func stop() {
        for watching in state.change({ state in
            state.isStopped = true
            return state.watchers
        }) { watching.stream.end() }
        _ = state.wait(10) { $0.isRunning ? nil : true }
    }

    private func run() {
        while true {
            _ = state.wait(1) { $0.isStopped ? true : nil }
            let watchers: [Watching]? = state.change { state in
                state.watchers.removeAll { $0.isDone }
                state.isRunning = !state.watchers.isEmpty && !state.isStopped
                return state.isRunning ? state.watchers : nil
            }
            guard let watchers else { return }
            // Without the database nothing is new, and others say so.
            try? look(for: watchers)
        }
    }

    private func look(for watchers: [Watching]) throws {
        let now = now()
        let time = MonotonicClock.seconds()
        let found = try database.read { connection in
            let alive = try sessions.alive(Array(Set(watchers.map(\.watcher.sessionID))), now: now, in: connection)
            let accounts = Set(watchers.map(\.watcher.accountID))
            let newest = try AuditStore.newest(of: Array(accounts), in: connection)
            return try watchers.map { watching -> News in
                let watcher = watching.watcher
                let last = watching.last
                guard alive.contains(watcher.sessionID) else { return .over }
                guard let end = newest[watcher.accountID], end > last else { return .none }
                guard try watcher.mayWatch(connection) else { return .over }
                let events = try AuditStore.list(
                    watcher.filter, limit: Self.batch, after: last, in: connection)
                let through = events.count < Self.batch ? end : events.last?.number ?? end
                return .events(try watcher.messages(events, connection), through: through)
            }
        }
        for (watching, news) in zip(watchers, found) { watching.take(news, at: time) }
    }
}
