#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Hears what other instances change, on a connection and a thread of its own, and has it forgotten.
///
/// What is remembered is used under a lease, which only this thread lengthens: each time after it has forgotten all
/// that it was told to, and the database has taken down how far that is. Without the connection the lease is cancelled
/// at once, and everything is forgotten; should the thread not learn of the loss, the lease ends by itself.
final class PostgresListener: Sendable {
    /// Milliseconds between two lengthenings of the lease when nothing happens.
    private static let beat = 250

    private struct State {
        /// Whether it ever was.
        var isListening = false
        /// Whether it was told that the connection is gone; nil before the first.
        var isLost: Bool?
        var isStopping = false
        var hasEnded = false
    }

    /// Another instance waited for this one in vain.
    private struct GivenUp: Error {}

    private let url: PostgresURL
    private let process: String
    private let lease: Lease
    private let cache: any AnnouncedCache
    private let log: Log
    private let state = Monitor(State())
    /// To shut the first wakes the thread, which waits for the second.
    private let wake: (Int32, Int32)

    init(_ url: PostgresURL, process: String, lease: Lease, cache: any AnnouncedCache, log: Log) throws {
        self.url = url
        self.process = process
        self.lease = lease
        self.cache = cache
        self.log = log
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw DatabaseFailure(reason: "PostgreSQL: no socket for its listener")
        }
        wake = (ends[0], ends[1])
    }

    deinit {
        close(wake.0)
        close(wake.1)
    }

    /// Returns when it listens; or after 2 seconds, when nothing is remembered yet.
    func start() {
        // Without it nothing is ever remembered.
        guard WorkerThread.start({ [self] in run() }) else { return state.change { $0.hasEnded = true } }
        _ = state.wait(2) { $0.isListening ? true : nil }
    }

    func stop() {
        state.change { $0.isStopping = true }
        shutdown(wake.0, Int32(SHUT_RDWR))
    }

    /// After ``stop()``: waits until nothing is used any more of what is remembered and the database knows that, for
    /// 5 seconds at most.
    func waitForEnd() { _ = state.wait(5) { $0.hasEnded ? true : nil } }

    private var isStopping: Bool { state.change { $0.isStopping } }

    private func run() {
        var number = 0
        while !isStopping {
            number += 1
            do { try listen(as: "\(process).\(number)") } catch {
                lease.cancel()
                cache.forgetAll()
                lost(error)
                // Not as fast as it can: the database may be starting.
                _ = state.wait(0.1) { $0.isStopping ? true : nil }
            }
        }
        state.change { $0.hasEnded = true }
    }

    /// Once for each loss, however often it is tried to connect again.
    private func lost(_ error: any Error) {
        let isNews = state.change { state in
            defer { state.isLost = true }
            return state.isLost != true && !state.isStopping
        }
        guard isNews else { return }
        let reason = (error as? DatabaseFailure)?.reason ?? "another instance waited for this one in vain"
        log.write("listening_lost", level: "warning", [("reason", reason)])
    }

    private func found() {
        let isNews = state.change { state in
            defer { (state.isLost, state.isListening) = (false, true) }
            return state.isLost == true
        }
        if isNews { log.write("listening_again") }
    }

    private func listen(as id: String) throws {
        let connection = try PostgresConnection(url)
        try connection.script("SET application_name = 'podstack-server listener'")
        try connection.script("LISTEN \(PostgresTransaction.channel)")
        var start = Lease.now
        try connection.script(PostgresDatabase.beginWrite)
        var heard = try Instances.add(id, of: process, in: connection)
        guard try connection.script("COMMIT") == "COMMIT" else { throw GivenUp() }
        // To lose how far it had come does no harm: whoever waits for that waits longer.
        try connection.script("SET synchronous_commit = off")
        cache.forgetAll()
        while !isStopping {
            lease.extend(from: start)
            found()
            for message in try connection.notifications(within: Self.beat, or: wake.1) {
                let parts = message.split(separator: " ", maxSplits: 1)
                guard parts.count == 2, let number = Int64(parts[0]) else { continue }
                cache.forget(Announcement(line: parts[1]))
                heard = max(heard, number)
            }
            start = Lease.now
            guard try Instances.note(id, heard: heard, in: connection) else { throw GivenUp() }
        }
        lease.cancel()
        try Instances.remove(process: process, in: connection)
    }
}
