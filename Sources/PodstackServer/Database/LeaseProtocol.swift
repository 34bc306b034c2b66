// How several instances on one PostgreSQL database keep cached state that another instance may change.
//
// An instance uses cached state only under a lease of one second. A write that makes cached state stale sends an
// announcement in its transaction, and returns only when no other instance can use that state any more. Each following
// instance has a row in the table `instances` with the number of the last announcement that it has applied (`heard`).
//
// An instance (InstanceFollower):
//
//                  registered                       recorded
//     disconnected ───────────▶ following ◀──────────────────┐
//          ▲        forgetAll      │   received: forget, record
//          │        extendLease    └─────────────────────────┘  (then extendLease)
//          │                       │
//          └── failed, or fenced ──┤   cancelLease, forgetAll
//                                  └── stopped: cancelLease, deregister ──▶ ended
//
// A writer that waits after its commit (AnnouncementWait):
//
//     waiting ── every instance has recorded the announcement ─────────────────────────────────▶ finished
//        │                                                                                          ▲
//        └── an instance is late or disconnected ──▶ fence it ── one lease later (its lease is over) ┘
//
// Invariants; the tests are in LeaseProtocolTests:
//  1. A lease begins before the database was asked to record the instance's progress, so a fence ends every lease of the
//     instance within one lease. (leaseBegins)
//  2. An instance records an announcement only after it has forgotten the state that the announcement names. (forgetFirst)
//  3. An instance extends its lease only after the database has recorded its progress, and never while it is fenced,
//     disconnected or stopped. (extendedOnlyAfterRecording)
//  4. After a loss or a fence, the lease is cancelled first, then everything is forgotten, and the instance registers under
//     a new ID. (loss)
//  5. An instance that registers has forgotten everything before its first lease. (registration)
//  6. A writer returns only when every other instance has recorded the announcement, or was fenced by this writer more than
//     one lease ago. (writerWaits)
//  7. A writer waits at most about two leases, whatever the other instances do. (writerReturns)
//  8. Together: once a write has returned, no instance uses state from before it. (randomSchedules)

import Synchronization

// MARK: - Announcements

/// A message between instances that names the tokens and users whose cached state is stale.
struct Announcement: Sendable, Equatable {
    var tokens: Set<String> = []
    var users: Set<String> = []

    var isEmpty: Bool { tokens.isEmpty && users.isEmpty }

    init(tokens: Set<String> = [], users: Set<String> = []) {
        self.tokens = tokens
        self.users = users
    }

    /// The announcement as lines of at most 7,000 bytes, the limit of a PostgreSQL notification being 8,000.
    var lines: [String] {
        var lines: [String] = []
        for name in tokens.sorted().map({ "t:" + $0 }) + users.sorted().map({ "u:" + $0 }) {
            if let last = lines.last, last.utf8.count + name.utf8.count < 7000 {
                lines[lines.count - 1] += " " + name
            } else {
                lines.append(name)
            }
        }
        return lines
    }

    init(line: some StringProtocol) {
        for name in line.split(separator: " ") {
            if name.hasPrefix("t:") { tokens.insert(String(name.dropFirst(2))) }
            if name.hasPrefix("u:") { users.insert(String(name.dropFirst(2))) }
        }
    }
}

// MARK: - Lease

/// The period in which an instance may use its cached state without asking the database.
///
/// It ends by the clock alone, because a process that is stopped or cut off cannot be notified.
final class Lease: Sendable {
    /// The length of a lease in nanoseconds.
    static let length: Int64 = 1_000_000_000

    private let end = Atomic<Int64>(.min)

    var isValid: Bool { MonotonicClock.nanoseconds < end.load(ordering: .acquiring) }

    /// Extends the lease.
    ///
    /// - Parameter start: A time before the database was asked for the extension.
    func extend(from start: Int64) { end.store(start + Self.length, ordering: .releasing) }

    func cancel() { end.store(.min, ordering: .releasing) }
}

// MARK: - The instance

/// The state of an instance that follows the announcements of others.
///
/// It returns the actions to take, in their order.
struct InstanceFollower {
    enum Event {
        /// The database has registered the instance.
        ///
        /// `start` is a time before the registration, and `last` the number of the last announcement before it.
        case registered(start: Int64, last: Int64)
        /// Announcements have arrived, or the time to extend the lease has come.
        case received([(number: Int64, announcement: Announcement)])
        /// The database was asked to record the instance's progress.
        ///
        /// `start` is a time before that, and `isAccepted` is false if the instance was fenced.
        case recorded(start: Int64, isAccepted: Bool)
        /// The connection is lost or cannot be opened.
        case failed
        case stopped
    }

    enum Action: Equatable {
        case forgetAll
        case forget(Announcement)
        /// Record the number of the last announcement that was applied.
        case record(heard: Int64)
        case extendLease(from: Int64)
        case cancelLease
        /// Close the connection and register again under a new ID.
        case reconnect
        /// Remove the instance's row.
        case deregister
        case logLoss, logReturn
    }

    private enum Phase {
        case disconnected
        case following(heard: Int64)
        case ended
    }

    private var phase = Phase.disconnected
    private var isLossLogged = false

    mutating func handle(_ event: Event) -> [Action] {
        switch (phase, event) {
        case (.ended, _): return []
        case (_, .stopped):
            phase = .ended
            return [.cancelLease, .deregister]
        case (.disconnected, .registered(let start, let last)):
            phase = .following(heard: last)
            defer { isLossLogged = false }
            return [.forgetAll, .extendLease(from: start)] + (isLossLogged ? [.logReturn] : [])
        case (.following(let heard), .received(let announcements)):
            let last = announcements.reduce(heard) { max($0, $1.number) }
            phase = .following(heard: last)
            return announcements.map { .forget($0.announcement) } + [.record(heard: last)]
        case (.following, .recorded(let start, isAccepted: true)):
            return [.extendLease(from: start)]
        case (.following, .recorded(_, isAccepted: false)), (.following, .failed), (.disconnected, .failed):
            phase = .disconnected
            defer { isLossLogged = true }
            return [.cancelLease, .forgetAll] + (isLossLogged ? [] : [.logLoss]) + [.reconnect]
        case (.following, .registered), (.disconnected, .received), (.disconnected, .recorded):
            // These cannot follow each other on one connection.
            return []
        }
    }
}

// MARK: - The writer

/// The state of a writer that waits until no other instance can use state from before its announcement.
struct AnnouncementWait {
    /// An instance that has not recorded the announcement.
    struct Instance: Equatable {
        var id: String
        /// Whether the connection exists through which the instance gets announcements.
        var isConnected: Bool
    }

    enum Action: Equatable {
        /// Prevent the instance from extending its lease, then call ``AnnouncementWait/fenced(_:at:)``.
        case fence(String)
        /// Wait, then read the instances again.
        case wait(microseconds: UInt32)
        /// Remove the rows of these fenced instances and return.
        case finish(removing: [String])
    }

    /// The nanoseconds that an instance has to record an announcement before it is fenced.
    static let timeout: Int64 = 1_000_000_000

    private let start: Int64
    private var pause: UInt32 = 200
    /// The time at which this writer fenced an instance, by ID.
    private var fences: [String: Int64] = [:]

    init(startedAt start: Int64) { self.start = start }

    /// Decides what to do next.
    ///
    /// - Parameters:
    ///   - behind: The other instances that have not recorded the announcement, or are fenced.
    ///   - now: The time in nanoseconds.
    /// - Returns: The actions to take, in their order.
    mutating func next(behind: [Instance], now: Int64) -> [Action] {
        let relevant = behind.filter { instance in fences[instance.id].map { now - $0 <= Lease.length } ?? true }
        guard !relevant.isEmpty else { return [.finish(removing: fences.keys.sorted())] }
        let isLate = now - start > Self.timeout
        let late = relevant.filter { fences[$0.id] == nil && (isLate || !$0.isConnected) }
        defer { pause = min(pause * 2, 20_000) }
        return late.map { .fence($0.id) } + [.wait(microseconds: pause)]
    }

    /// Stores the time at which the database has fenced an instance.
    mutating func fenced(_ id: String, at time: Int64) { fences[id] = time }
}
