import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("The steady clock", .timeLimit(.perTest))
struct SteadyClockTests {
    private final class Steps: Sendable { let all = Mutex<[SteadyClock.Step]>([]) }

    private let system = ManualClock(1_000_000)
    private let steps = Steps()
    private let clock: SteadyClock

    init() {
        clock = SteadyClock({ [system] in system.now }, elapsed: { [system] in system.elapsed }) { [steps] step in
            steps.all.withLock { $0.append(step) }
        }
        _ = clock.now
    }

    private var reported: [SteadyClock.Step] { steps.all.withLock { $0 } }

    @Test("it follows the system's clock")
    func follows() {
        for seconds: Int64 in [0, 1, 1, 0, 60, 86_400, 40 * 86_400] {
            system.advance(seconds)
            #expect(clock.now == system.now)
        }
        #expect(reported.isEmpty)
    }

    @Test("after a step back it advances at half speed until both meet")
    func slews() {
        system.step(-100)
        #expect(clock.now == 1_000_000)
        for passed: Int64 in 1...197 {
            system.advance(1)
            #expect(clock.now == 1_000_000 + passed / 2)
            #expect(clock.now == 1_000_000 + passed / 2)
        }
        system.advance(3)
        #expect(clock.now == system.now)
        system.advance(7)
        #expect(clock.now == system.now)
        #expect(reported == [.init(direction: .backward, seconds: 100)])
    }

    @Test("a step is reported once, in either direction, and a small one is not")
    func reports() {
        system.step(86_400)
        for _ in 0..<10 {
            _ = clock.now
            system.advance(1)
        }
        #expect(reported == [.init(direction: .forward, seconds: 86_400)])
        system.step(-86_400)
        for _ in 0..<10 {
            _ = clock.now
            system.advance(1)
        }
        #expect(reported.count == 2 && reported.last == .init(direction: .backward, seconds: 86_400))
        for small: Int64 in [1, -1, 3, -3, 2, -2] {
            system.step(small)
            _ = clock.now
            system.advance(10)
            _ = clock.now
        }
        #expect(reported.count == 2)
    }

    @Test("it never goes back and never stands still, whatever the system's clock does")
    func neverBack() {
        var generator = TestSeed.generator()
        var previous = clock.now
        var stood: Int64 = 0
        for _ in 0..<5_000 {
            system.step(Int64.random(in: -50...50, using: &generator) * Int64.random(in: 0...1, using: &generator))
            let passed = Int64.random(in: 0...5, using: &generator)
            system.advance(passed)
            let now = clock.now
            #expect(now >= previous)
            #expect(now >= system.now)
            stood = now == previous ? stood + passed : 0
            #expect(stood < 15)
            previous = now
        }
    }
}

@Suite("Stored times", .timeLimit(.perTest))
struct StoredTimeTests {
    @Test("a wait is never longer than its length, and a start far in the future ends it")
    func remaining() {
        for (start, left) in [(100, 10), (95, 5), (90, 0), (0, 0), (101, 10), (160, 10), (161, 0), (86_500, 0)] {
            #expect(StoredTime.remaining(of: 10, since: Int64(start), now: 100) == Int64(left), "\(start)")
        }
    }
}

@Suite("A clock that jumps ahead a day and is corrected", .blocking, .databases, .timeLimit(.perTest))
struct ClockStepTests {
    let clock = ManualClock()

    /// Lets the server work with the time of tomorrow, and corrects the clock.
    func jump(_ server: RunningServer, _ body: () throws -> Void = {}) throws {
        clock.step(86_400)
        #expect(try TestClient(server).get("/readyz").status == 200)
        _ = server.server.service.now()
        try body()
        clock.step(-86_400)
        _ = server.server.service.now()
    }

    @Test("the step is logged and counted", arguments: TestDatabase.selected)
    func reported(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        try jump(server)
        let lines = server.log.split(separator: "\n").filter { $0.contains("clock_stepped") }
        #expect(lines.count == 2)
        #expect(lines.first?.contains("forward") == true && lines.last?.contains("backward") == true)
        let metrics = try TestClient(server).get("/metrics").body
        #expect(metrics.contains("podstack_clock_steps_total{direction=\"forward\"} 1"))
        #expect(metrics.contains("podstack_clock_steps_total{direction=\"backward\"} 1"))
    }

    @Test("a device that polls as it was told is not slowed down", arguments: TestDatabase.selected)
    func polls(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let client = TestClient(server)
        func begin() throws -> DeviceCode {
            try client.send("POST", "/v1/device/code", #"{"client_name": "a"}"#).decoded(DeviceCode.self)
        }
        func poll(_ code: DeviceCode) throws -> String? {
            try client.send("POST", "/v1/device/token", #"{"device_code": "\#(code.deviceCode)"}"#).code
        }
        var inside: DeviceCode?
        try jump(server) { () throws in
            inside = try begin()
            clock.advance(5)
            #expect(try poll(try #require(inside)) == "authorization_pending")
        }
        for code in [try #require(inside), try begin()] {
            for _ in 0..<4 {
                clock.advance(5)
                #expect(try poll(code) == "authorization_pending")
            }
            #expect(try poll(code) == "slow_down")
        }
    }

    @Test("rate limits refill at once", arguments: TestDatabase.selected)
    func limits(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock, failedAuthentications: 20, requests: 6)
        let token = try server.createToken()
        func status(_ token: String) throws -> Int { try TestClient(server, token).whoami().status }
        try jump(server) { () throws in
            for _ in 0..<6 { #expect(try status(token) == 200) }
            #expect(try status(token) == 429)
            for _ in 0..<20 { #expect(try status("x") == 401) }
        }
        #expect(try status(token) == 429)
        #expect(try status("x") == 429)
        clock.advance(10)
        #expect(try status(token) == 200)
        #expect(try status("x") == 401)
    }

    @Test("back-off ends in its time", arguments: TestDatabase.selected)
    func backOff(_: TestDatabase) throws {
        let client = try TestClient(signedUpAt: .anywhere(clock))
        client.cookies = [:]
        func attempt(_ password: String) throws -> Int {
            try client.signIn(password: password, headers: from("192.0.2.1")).status
        }
        try jump(client.server) { () throws in
            for _ in 0..<6 { _ = try attempt("wrong") }
            #expect(try attempt(TestClient.password) == 429)
        }
        // The stored failure lies far in the future, which would keep the user waiting for a day.
        #expect(try attempt("wrong") == 422)
        #expect(try attempt(TestClient.password) == 429)
        clock.advance(8)
        #expect(try attempt(TestClient.password) == 303)
    }

    @Test("a session goes on, ends by itself, and stays ended", arguments: TestDatabase.selected)
    func sessions(_: TestDatabase) throws {
        let client = try TestClient(signedUpAt: .anywhere(clock))
        try jump(client.server) { () throws in #expect(try !client.isSignedIn) }
        // The session stays ended after the correction.
        #expect(try !client.isSignedIn)
        client.cookies = [:]
        #expect(try client.signIn().status == 303)
        #expect(try client.isSignedIn)
        // The clock is ahead and advances at half speed, so twelve hours take twice as long, and not until the day after.
        clock.advance(2 * WebSession.idleSeconds + 2)
        #expect(try !client.isSignedIn)
    }

    @Test("tokens that expired meanwhile stay expired, and others work", arguments: TestDatabase.selected)
    func tokens(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let short = try server.createToken(expiresAt: clock.now + 3600)
        let long = try server.createToken(expiresAt: clock.now + 10 * 86_400)
        try jump(server) { () throws in #expect(try TestClient(server, short).tokenState() == "expired_token") }
        #expect(try TestClient(server, short).tokenState() == "expired_token")
        #expect(try TestClient(server, long).tokenState() == "ok")
        // The clock meets the system's clock again after two days.
        clock.advance(2 * 86_400)
        #expect(server.server.service.now() == clock.now)
    }

    @Test("housekeeping removes no events that are not old", arguments: TestDatabase.selected)
    func audit(_: TestDatabase) throws {
        let server = try RunningServer(clock: clock)
        let client = TestClient(server, try server.createToken())
        let housekeeping = Housekeeping(server.server.service)
        func events() throws -> Int {
            try client.send("GET", "/v1/audit-logs").decoded(Page<AuditEvent>.self).elements.count
        }
        let before = try events()
        clock.step(89 * 86_400)
        clock.advance(2 * 86_400)
        clock.step(-89 * 86_400)
        housekeeping.run()
        clock.step(100 * 86_400)
        clock.advance(7200)
        housekeeping.run()
        clock.step(-100 * 86_400)
        let count = try server.server.service.database.read { try $0.query("SELECT id FROM audit_events").count }
        #expect(count >= before && before > 0)
    }
}

@Suite("What was stored while the clock was ahead", .blocking, .databases, .timeLimit(.perTest))
struct FutureTimeTests {
    @Test("a session, a device request and a link of the future are over", arguments: TestDatabase.selected)
    func over(_: TestDatabase) throws {
        let now: Int64 = 1_000_000
        let user = UserRecord(
            id: "usr_1", accountID: "acc_1", email: "you@example.com", defaultProjectID: "prj_1", createdAt: 1)
        func session(_ time: Int64) -> WebSession {
            WebSession(id: "ses_1", user: user, createdAt: time, lastSeenAt: time, address: "", userAgent: nil)
        }
        #expect(!session(now + 300).isOver(at: now))
        #expect(session(now + 301).isOver(at: now))
        func request(_ time: Int64) -> DeviceRequest {
            DeviceRequest(
                id: "dev_1", clientName: "c", createdAt: time, expiresAt: time + 600, interval: 5, address: "")
        }
        #expect(!request(now + 300).isExpired(at: now))
        #expect(request(now + 301).isExpired(at: now))
        let server = try RunningServer()
        try server.server.service.database.write { connection in
            for (digest, time) in [([UInt8](repeating: 1, count: 32), now + 300), ([2], now + 301)] {
                try SignInStore.insertLink(digest, userID: nil, createdAt: time, expiresAt: time + 600, in: connection)
                #expect(try (SignInStore.link(digest, now: now, in: connection) != nil) == (time == now + 300))
            }
        }
    }

    @Test("device requests of the future neither count nor stay", arguments: TestDatabase.selected)
    func deviceRequests(_: TestDatabase) throws {
        let clock = ManualClock()
        let server = try RunningServer(clock: clock, deviceCodes: 1000)
        let client = TestClient(server)
        let body = #"{"client_name": "c"}"#
        let headers = [("Content-Type", "application/json")]
        try server.server.service.database.write { connection in
            for index in 0..<100 {
                let request = DeviceRequest(
                    id: "dev_\(index)", clientName: "c", createdAt: clock.now + 86_400,
                    expiresAt: clock.now + 87_000, interval: 5, address: "")
                try DeviceStore.insert(
                    request, network: "127.0.0.1", deviceDigest: [UInt8(index)], userDigest: [UInt8(index)],
                    in: connection)
            }
        }
        #expect(try client.request("POST", "/v1/device/code", headers: headers, body: body).status == 200)
        #expect(try server.server.service.database.read { try DeviceStore.count(in: $0) } == 1)
    }
}
