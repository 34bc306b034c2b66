import Testing

@testable import PodstackServer

/// The invariants at the beginning of `Database/LeaseProtocol.swift`.
@Suite("Leases and announcements", .timeLimit(.minutes(1)))
struct LeaseProtocolTests {
    private func following(start: Int64 = 100, last: Int64 = 5) -> InstanceFollower {
        var follower = InstanceFollower()
        _ = follower.handle(.registered(start: start, last: last))
        return follower
    }

    private func announcement(_ token: String) -> Announcement { Announcement(tokens: [token]) }

    private func received(_ announcements: (number: Int64, token: String)...) -> InstanceFollower.Event {
        .received(announcements.map { (number: $0.number, announcement: announcement($0.token)) })
    }

    // MARK: - The instance

    @Test("a lease begins before the database was asked")
    func leaseBegins() {
        var follower = InstanceFollower()
        #expect(follower.handle(.registered(start: 100, last: 5)).contains(.extendLease(from: 100)))
        #expect(follower.handle(.received([])) == [.record(heard: 5)])
        #expect(follower.handle(.recorded(start: 300, isAccepted: true)) == [.extendLease(from: 300)])
        let lease = Lease()
        lease.extend(from: MonotonicClock.nanoseconds - Lease.length)
        #expect(!lease.isValid)
        lease.extend(from: MonotonicClock.nanoseconds)
        #expect(lease.isValid)
        lease.cancel()
        #expect(!lease.isValid)
    }

    @Test("an announcement is recorded only after its state is forgotten")
    func forgetFirst() {
        var follower = following(last: 5)
        let actions = follower.handle(received((6, "a"), (8, "b"), (7, "c")))
        let expected: [InstanceFollower.Action] = [
            .forget(announcement("a")), .forget(announcement("b")), .forget(announcement("c")), .record(heard: 8),
        ]
        #expect(actions == expected)
        // Progress never goes back.
        #expect(follower.handle(received((2, "d"))).last == .record(heard: 8))
    }

    @Test("a lease is extended only after recording, and never while fenced, disconnected or stopped")
    func extendedOnlyAfterRecording() {
        var arrived = following()
        #expect(!arrived.handle(received((6, "a"))).contains { $0.extendsLease })
        var fenced = following()
        #expect(!fenced.handle(.recorded(start: 300, isAccepted: false)).contains { $0.extendsLease })
        #expect(fenced.handle(.recorded(start: 400, isAccepted: true)).isEmpty)
        var lost = following()
        _ = lost.handle(.failed)
        #expect(lost.handle(.recorded(start: 400, isAccepted: true)).isEmpty)
        #expect(lost.handle(.received([])).isEmpty)
        var stopped = following()
        #expect(stopped.handle(.stopped) == [.cancelLease, .deregister])
        for event: InstanceFollower.Event in [
            .registered(start: 1, last: 1), .received([]), .recorded(start: 1, isAccepted: true), .failed, .stopped,
        ] {
            #expect(stopped.handle(event).isEmpty)
        }
    }

    @Test("after a loss or a fence, the lease is cancelled, everything is forgotten and the loss is logged once")
    func loss() {
        for event: InstanceFollower.Event in [.failed, .recorded(start: 300, isAccepted: false)] {
            var follower = following()
            #expect(follower.handle(event) == [.cancelLease, .forgetAll, .logLoss, .reconnect])
            #expect(follower.handle(.failed) == [.cancelLease, .forgetAll, .reconnect])
            #expect(
                follower.handle(.registered(start: 500, last: 9)) == [
                    .forgetAll, .extendLease(from: 500), .logReturn,
                ])
            #expect(follower.handle(.failed).contains(.logLoss))
        }
    }

    @Test("an instance forgets everything before its first lease")
    func registration() {
        var follower = InstanceFollower()
        #expect(follower.handle(.registered(start: 100, last: 5)) == [.forgetAll, .extendLease(from: 100)])
    }

    // MARK: - The writer

    @Test("a writer returns when every instance has recorded the announcement, or was fenced more than a lease ago")
    func writerWaits() {
        var wait = AnnouncementWait(startedAt: 0)
        let (quick, slow) = (
            AnnouncementWait.Instance(id: "a", isConnected: true), AnnouncementWait.Instance(id: "b", isConnected: true)
        )
        #expect(wait.next(behind: [quick, slow], now: 1) == [.wait(microseconds: 200)])
        #expect(wait.next(behind: [slow], now: 2) == [.wait(microseconds: 400)])
        let late = AnnouncementWait.timeout + 1
        #expect(wait.next(behind: [slow], now: late) == [.fence("b"), .wait(microseconds: 800)])
        wait.fenced("b", at: late)
        #expect(wait.next(behind: [slow], now: late + Lease.length) == [.wait(microseconds: 1600)])
        #expect(wait.next(behind: [slow], now: late + Lease.length + 1) == [.finish(removing: ["b"])])

        var alone = AnnouncementWait(startedAt: 0)
        #expect(alone.next(behind: [], now: 0) == [.finish(removing: [])])
    }

    @Test("an instance without its connection is fenced at once")
    func disconnected() {
        var wait = AnnouncementWait(startedAt: 0)
        let gone = AnnouncementWait.Instance(id: "a", isConnected: false)
        #expect(wait.next(behind: [gone], now: 1) == [.fence("a"), .wait(microseconds: 200)])
        wait.fenced("a", at: 2)
        #expect(wait.next(behind: [gone], now: 3) == [.wait(microseconds: 400)])
    }

    @Test("a writer returns after two leases, even if an instance never records anything")
    func writerReturns() {
        var wait = AnnouncementWait(startedAt: 0)
        let stuck = AnnouncementWait.Instance(id: "a", isConnected: true)
        var now: Int64 = 0
        waiting: while true {
            for action in wait.next(behind: [stuck], now: now) {
                switch action {
                case .fence(let id): wait.fenced(id, at: now)
                case .wait(let microseconds): now += Int64(microseconds) * 1000
                case .finish: break waiting
                }
            }
            guard now < 10 * Lease.length else { break }
        }
        #expect(now <= AnnouncementWait.timeout + Lease.length + 50_000_000)
    }

    // MARK: - Together

    /// An instance in a simulation: it learns the value of the database, may use it under its lease, and can be delayed,
    /// cut off or slow at any step.
    private struct Simulated {
        var id: String
        var follower = InstanceFollower()
        var leaseEnd = Int64.min
        /// The version of the database's state that is cached; nil if nothing is.
        var cached: Int64?
        var inbox: [(number: Int64, announcement: Announcement)] = []
        var isRegistered = false
        /// No announcement arrives, and neither side notices.
        var isDeaf = false
        /// PostgreSQL has closed the connection, and the instance has not noticed yet.
        var isCut = false
        /// A record that the instance has decided on, with the time before it.
        var pending: (start: Int64, heard: Int64)?

        mutating func perform(_ actions: [InstanceFollower.Action], now: Int64) {
            for action in actions {
                switch action {
                case .forgetAll, .forget: cached = nil
                case .extendLease(let start): leaseEnd = start + Lease.length
                case .cancelLease: leaseEnd = .min
                case .record(let heard): pending = (now, heard)
                case .reconnect:
                    (isRegistered, isDeaf, isCut, pending, inbox) = (false, false, false, nil, [])
                case .deregister, .logLoss, .logReturn: break
                }
            }
        }
    }

    @Test("once a write has returned, no instance uses state from before it, in random schedules")
    func randomSchedules() {
        let seed = UInt64.random(in: 0 ... .max)
        var random = SeededGenerator(state: seed)
        for round in 0..<300 {
            var now: Int64 = 0
            var version: Int64 = 0
            var returned: Int64 = 0
            var rows: [String: (heard: Int64, isFenced: Bool, owner: Int)] = [:]
            var instances = (0..<3).map { Simulated(id: "i\($0)") }
            var writer: (wait: AnnouncementWait, number: Int64)?
            var names = 0
            for _ in 0..<400 {
                now += Int64.random(in: 0...60_000_000, using: &random)
                let index = Int.random(in: 0..<3, using: &random)
                switch Int.random(in: 0..<10, using: &random) {
                case 0 where !instances[index].isRegistered:
                    names += 1
                    for id in rows.keys where rows[id]?.owner == index { rows[id] = nil }
                    instances[index].id = "i\(index).\(names)"
                    rows[instances[index].id] = (version, false, index)
                    let start = now
                    now += Int64.random(in: 0...20_000_000, using: &random)
                    instances[index].isRegistered = true
                    instances[index].perform(
                        instances[index].follower.handle(.registered(start: start, last: version)), now: now)
                case 1, 2:
                    // The event of an instance that is slow just comes late.
                    if instances[index].isRegistered, instances[index].pending == nil {
                        let messages = instances[index].isDeaf ? [] : instances[index].inbox
                        if !instances[index].isDeaf { instances[index].inbox = [] }
                        instances[index].perform(instances[index].follower.handle(.received(messages)), now: now)
                    }
                case 3, 4:
                    if instances[index].pending != nil, instances[index].isCut {
                        instances[index].perform(instances[index].follower.handle(.failed), now: now)
                    } else if let pending = instances[index].pending {
                        instances[index].pending = nil
                        let row = rows[instances[index].id]
                        let isAccepted = row.map { !$0.isFenced } ?? false
                        if isAccepted { rows[instances[index].id]?.heard = pending.heard }
                        instances[index].perform(
                            instances[index].follower.handle(.recorded(start: pending.start, isAccepted: isAccepted)),
                            now: now)
                    }
                case 5:
                    switch Int.random(in: 0..<20, using: &random) {
                    case 0: instances[index].perform(instances[index].follower.handle(.failed), now: now)
                    case 1: instances[index].isCut = instances[index].isRegistered
                    case 2, 3: instances[index].isDeaf = instances[index].isRegistered
                    default: break
                    }
                case 6:
                    // A read under a valid lease caches what it has read.
                    if now < instances[index].leaseEnd { instances[index].cached = version }
                case 7 where writer == nil:
                    version += 1
                    for other in instances.indices where instances[other].isRegistered {
                        instances[other].inbox.append((version, announcement("t")))
                    }
                    writer = (AnnouncementWait(startedAt: now), version)
                default:
                    guard var current = writer else { break }
                    let behind = rows.filter { $0.value.heard < current.number || $0.value.isFenced }.map { row in
                        AnnouncementWait.Instance(
                            id: row.key,
                            isConnected: instances[row.value.owner].isRegistered && !instances[row.value.owner].isCut
                                && instances[row.value.owner].id == row.key)
                    }
                    for action in current.wait.next(behind: behind, now: now) {
                        switch action {
                        case .fence(let id):
                            rows[id]?.isFenced = true
                            current.wait.fenced(id, at: now)
                        case .wait: break
                        case .finish(let fenced):
                            for id in fenced where rows[id]?.isFenced == true { rows[id] = nil }
                            returned = current.number
                        }
                    }
                    writer = returned == current.number ? nil : current
                }
                for instance in instances where now < instance.leaseEnd {
                    #expect(
                        instance.cached.map { $0 >= returned } ?? true,
                        "seed \(seed), round \(round): \(instance.id) uses version \(instance.cached ?? 0) after \(returned)"
                    )
                }
            }
        }
    }

    /// A generator whose sequence a seed determines (SplitMix64).
    private struct SeededGenerator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }
}

extension InstanceFollower.Action {
    fileprivate var extendsLease: Bool { if case .extendLease = self { true } else { false } }
}
