import PodstackAPI
import Synchronization

/// A browser that receives the new entries of an audit log.
struct AuditWatcher: Sendable {
    var sessionID: String
    /// The account of the viewer.
    var viewerAccountID: String
    /// The account whose log is watched.
    var accountID: String
    var filter: AuditFilter
    /// The number of the last event that the browser has received.
    var after: Int64
    /// Returns whether the viewer may still read the log.
    var mayWatch: @Sendable (any DatabaseConnection) throws -> Bool
    /// Encodes events, oldest first, as messages of the stream.
    var messages: @Sendable ([AuditRecord], any DatabaseConnection) throws -> [UInt8]
}

/// Sends new entries of audit logs to the browsers that watch them.
///
/// While there are watchers, one thread reads the database once a second, with two statements if there are no new
/// entries. It therefore also finds the entries that other instances of the service write.
final class AuditWatch: Sendable {
    private static let maximumPerSession = 4
    private static let maximum = 200
    private static let batchSize = 100

    private struct State {
        var watches: [Watch] = []
        var isRunning = false
        var isStopped = false
    }

    private let database: any Database
    private let sessions: WebSessions
    private let limit: AccountLimit
    private let now: @Sendable () -> Int64
    private let state = Monitor(State())

    init(
        database: any Database, sessions: WebSessions, limit: AccountLimit, now: @escaping @Sendable () -> Int64
    ) {
        self.database = database
        self.sessions = sessions
        self.limit = limit
        self.now = now
    }

    /// Starts a stream of new entries.
    ///
    /// - Parameter watcher: The browser that receives the entries.
    /// - Returns: The stream.
    /// - Throws: ``ErrorResponse`` if there are too many streams or if no thread can be started.
    func watch(_ watcher: AuditWatcher) throws -> ResponseStream {
        // The comment makes the server send the head of the response at once. The second line is the time in
        // milliseconds after which the browser reconnects.
        let stream = ResponseStream(maxSeconds: Watch.lifetimeSeconds, beginning: Array(": here\nretry: 3000\n\n".utf8))
        let mustStart = try state.change { state in
            state.watches.removeAll { $0.stream.isOver }
            let countOfSession = state.watches.count { $0.watcher.sessionID == watcher.sessionID }
            guard countOfSession < Self.maximumPerSession, state.watches.count < Self.maximum, !state.isStopped,
                let slot = limit.take(watcher.viewerAccountID)
            else {
                throw ErrorResponse(
                    status: 429, code: .rateLimited, message: "Too many pages are watching the audit log",
                    headers: [("Retry-After", "60")])
            }
            state.watches.append(Watch(watcher, stream, slot))
            defer { state.isRunning = true }
            return !state.isRunning
        }
        if mustStart, !WorkerThread.start({ [self] in run() }) {
            state.change { state in
                state.watches = []
                state.isRunning = false
            }
            throw DomainError.unavailable("The service is too busy to send new entries", retryAfterSeconds: 5)
        }
        return stream
    }

    /// Ends all streams, and returns when the thread no longer reads the database.
    func stop() {
        for watch in state.change({ state in
            state.isStopped = true
            return state.watches
        }) { watch.stream.end() }
        _ = state.wait(10) { $0.isRunning ? nil : true }
    }

    private func run() {
        while true {
            _ = state.wait(1) { $0.isStopped ? true : nil }
            let watches: [Watch]? = state.change { state in
                state.watches.removeAll { $0.isDone }
                state.isRunning = !state.watches.isEmpty && !state.isStopped
                return state.isRunning ? state.watches : nil
            }
            guard let watches else { return }
            // If the database is unavailable, other parts of the service log it. The next round tries again.
            try? update(watches)
        }
    }

    private func update(_ watches: [Watch]) throws {
        let now = now()
        let time = MonotonicClock.seconds()
        let updates = try database.read { connection in
            let alive = try sessions.alive(Array(Set(watches.map(\.watcher.sessionID))), now: now, in: connection)
            let accounts = Set(watches.map(\.watcher.accountID))
            let newest = try AuditStore.newest(of: Array(accounts), in: connection)
            return try watches.map { watch -> Update in
                let watcher = watch.watcher
                let last = watch.last
                guard alive.contains(watcher.sessionID) else { return .ended }
                guard let end = newest[watcher.accountID], end > last else { return .none }
                guard try watcher.mayWatch(connection) else { return .ended }
                let page = try AuditStore.page(
                    watcher.filter, limit: Self.batchSize, .after(last), maxBytes: .max, in: connection)
                return .events(try watcher.messages(page.events, connection), through: page.end?.number ?? end)
            }
        }
        for (watch, update) in zip(watches, updates) { watch.apply(update, at: time) }
    }
}

extension AuditWatch {
    /// The result of one round for one watcher.
    private enum Update {
        case none
        /// The session has ended, or the viewer may no longer read the log.
        case ended
        case events([UInt8], through: Int64)
    }

    /// A watcher with its stream and its progress.
    private final class Watch: Sendable {
        /// The time after which the stream ends and the browser reconnects.
        static let lifetimeSeconds: Int64 = 600
        /// The time without entries after which a comment shows the browser that the stream is alive.
        private static let keepAliveSeconds: Int64 = 15
        /// The time in which a browser must have read everything that was sent.
        private static let readTimeoutSeconds: Int64 = 30

        let watcher: AuditWatcher
        let stream: ResponseStream
        private let slot: AccountLimit.Slot
        private let progress: Mutex<Progress>

        private struct Progress {
            var last: Int64
            let startedAt = MonotonicClock.seconds()
            var wroteAt = MonotonicClock.seconds()
            var drainedAt = MonotonicClock.seconds()
        }

        init(_ watcher: AuditWatcher, _ stream: ResponseStream, _ slot: AccountLimit.Slot) {
            self.watcher = watcher
            self.stream = stream
            self.slot = slot
            progress = Mutex(Progress(last: watcher.after))
        }

        /// The number of the last event that was written.
        var last: Int64 { progress.withLock { $0.last } }

        /// Whether the stream is over.
        ///
        /// Reading this ends the stream of a browser that is gone or does not read.
        var isDone: Bool {
            if stream.isOver { return true }
            let time = MonotonicClock.seconds()
            let isStalled = progress.withLock { progress in
                if stream.isDrained { progress.drainedAt = time }
                return time - progress.drainedAt > Self.readTimeoutSeconds
            }
            if isStalled || stream.isClientGone { stream.cut() }
            return stream.isOver
        }

        func apply(_ update: Update, at time: Int64) {
            progress.withLock { progress in
                switch update {
                case .ended: stream.end()
                case .none: break
                case .events(let bytes, let through):
                    // Events that do not fit are read again in the next round.
                    guard stream.write(bytes) else { break }
                    progress.last = through
                    if !bytes.isEmpty { progress.wroteAt = time }
                }
                if time - progress.startedAt >= Self.lifetimeSeconds { return stream.end() }
                if time - progress.wroteAt >= Self.keepAliveSeconds {
                    stream.write(Array(": still here\n\n".utf8))
                    progress.wroteAt = time
                }
            }
        }
    }
}
