import Synchronization

/// Somebody who watches the audit log.
struct AuditWatcher: Sendable {
    var sessionID: String
    /// Whose log it is.
    var accountID: String
    var filter: AuditFilter
    /// The number of the last event that is known already.
    var after: Int64
    /// Whether it is still allowed.
    var mayWatch: @Sendable (any DatabaseConnection) throws -> Bool
    /// Events as they are sent, oldest first.
    var messages: @Sendable ([AuditRecord], any DatabaseConnection) throws -> [UInt8]
}

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

extension AuditWatch {
    /// Of one round, for one watcher.
    enum News {
        case none, over
        case events([UInt8], through: Int64)
    }

    /// A watcher, and how far it is.
    final class Watching: Sendable {
        /// Seconds until the browser has to ask again.
        static let life: Int64 = 600
        /// Seconds of silence after which a watcher is shown that the stream is alive.
        private static let silence: Int64 = 15
        /// Seconds in which a watcher must have taken what was sent.
        private static let patience: Int64 = 30

        let watcher: AuditWatcher
        let stream: ResponseStream
        private let progress: Mutex<Progress>

        private struct Progress {
            var last: Int64
            let began = MonotonicClock.seconds()
            var spokeAt = MonotonicClock.seconds()
            var drainedAt = MonotonicClock.seconds()
        }

        init(_ watcher: AuditWatcher, _ stream: ResponseStream) {
            self.watcher = watcher
            self.stream = stream
            progress = Mutex(Progress(last: watcher.after))
        }

        var last: Int64 { progress.withLock { $0.last } }

        /// Ends the stream of who is gone, or stalls.
        var isDone: Bool {
            if stream.isOver { return true }
            let time = MonotonicClock.seconds()
            let stalls = progress.withLock { progress in
                if stream.isDrained { progress.drainedAt = time }
                return time - progress.drainedAt > Self.patience
            }
            if stalls || stream.isClientGone { stream.cut() }
            return stream.isOver
        }

        func take(_ news: News, at time: Int64) {
            progress.withLock { progress in
                switch news {
                case .over: stream.end()
                case .none: break
                case .events(let bytes, let through):
                    // What did not fit is looked for again.
                    guard stream.write(bytes) else { break }
                    progress.last = through
                    if !bytes.isEmpty { progress.spokeAt = time }
                }
                if time - progress.began >= Self.life { return stream.end() }
                if time - progress.spokeAt >= Self.silence {
                    stream.write(Array(": still here\n\n".utf8))
                    progress.spokeAt = time
                }
            }
        }
    }
}
