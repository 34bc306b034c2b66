import Foundation
import PodstackAPI
import PodstackTestSupport
import PodstackTransport
import Synchronization
import Testing

@testable import PodstackServer

/// The real program with a real engine, either of which is killed at random moments.
@Suite("Pods on a real engine", .blocking, .databases, .needsEngine, .timeLimit(.perTest))
struct PodEngineTests {
    let place: ServerPlace
    let bench: EngineBench

    init() throws {
        place = try ServerPlace()
        bench = try EngineBench(try TestEngine(gpus: 2))
    }

    private func serve() throws -> (process: ToolProcess, port: UInt16) {
        let process = try ToolProcess(
            "podstack-server",
            [
                "serve", "--listen", "127.0.0.1:0", "--data", place.data, "--engine", bench.test.url, "--max-pods",
                "9999",
            ],
            environment: place.environment)
        do { try process.waitForOutput { $0.hasSuffix("\n") } } catch {
            process.signal(SIGKILL)
            throw error
        }
        let line = process.standardOutput.split(separator: "\n").first
        guard let port = line?.split(separator: ":").last.flatMap({ UInt16($0) }) else {
            process.signal(SIGKILL)
            throw SetupFailure("the service has no port: \(process.standardOutput)")
        }
        return (process, port)
    }

    private func createToken() throws -> String {
        let arguments = ["--data", place.data]
        _ = try ToolProcess.run(
            "podstack-server", ["user", "add", RunningServer.email] + arguments, environment: place.environment)
        let created = try ToolProcess.run(
            "podstack-server", ["token", "create", RunningServer.email, "--name", "t"] + arguments,
            environment: place.environment)
        return created.output.filter { $0 != "\n" }
    }

    private func pod(_ id: String, _ client: TestClient) throws -> Pod {
        try client.send("GET", "/v1/pods/\(id)").decoded(Pod.self)
    }

    private func wait(for status: Pod.Status, _ id: String, _ client: TestClient) throws {
        try blockUntil(within: .seconds(60), "the pod is \(status.rawValue)") { try pod(id, client).status == status }
    }

    private static let body =
        #"{"name": "NAME", "image": "podstack-test:1", "command": "exec sleep 1000", "cpu": 0.1, "memory": 1, "disk": 1}"#

    // MARK: - Crashes

    @Test(
        "whatever is killed, and when, engine, database and bills agree in the end", arguments: TestDatabase.selected)
    func crashes(_: TestDatabase) throws {
        var generator = TestSeed.generator()
        var (server, port) = try serve()
        defer { server.signal(SIGKILL) }
        let token = try createToken()
        var client = TestClient(port: port, token)
        /// The pods, and the state that was asked for last.
        var wanted: [String: Pod.Status] = [:]
        for round in 0..<Rounds.count(6, long: 200) {
            let key = [("Idempotency-Key", "create-\(round)")]
            let body = Self.body.replacing("NAME", with: "p\(round)")
            // The client repeats its request until it gets a response, as the SDK does.
            func send(_ method: String, _ path: String, _ body: String?, _ headers: [(String, String)]) throws -> Pod? {
                var found: Pod?
                try blockUntil(within: .seconds(60), "\(method) \(path) is responded to") {
                    guard let response = try? client.send(method, path, body, headers: headers) else {
                        if !server.isRunning {
                            (server, port) = try serve()
                            client = TestClient(port: port, token)
                        }
                        return false
                    }
                    found = try? response.decoded(Pod.self)
                    return response.status < 300 || response.code == "conflict" || response.code == "not_found"
                }
                return found
            }
            let delay = Duration.milliseconds(Int.random(in: 0..<700, using: &generator))
            let killsEngine = round % 3 == 2
            let victim = server
            let isDone = Mutex(false)
            BlockingThread.start {
                BoundedWait.sleep(delay)
                if killsEngine {
                    try? bench.test.kill()
                    try? bench.test.start()
                } else {
                    victim.signal(SIGKILL)
                }
                isDone.withLock { $0 = true }
            }
            let created = try #require(try send("POST", "/v1/pods", body, key))
            wanted[created.id] = .running
            if round % 2 == 1, let other = wanted.keys.sorted().randomElement(using: &generator) {
                if Bool.random(using: &generator) {
                    _ = try send("POST", "/v1/pods/\(other)/stop?force=true", nil, [])
                    if wanted[other] != .terminated { wanted[other] = .stopped }
                } else {
                    _ = try send("DELETE", "/v1/pods/\(other)?force=true", nil, [])
                    wanted[other] = .terminated
                }
            }
            try blockUntil(within: .seconds(60), "the round's crash is over") { isDone.withLock { $0 } }
            if killsEngine {
                // The engine's crash may have ended programs: their pods have failed.
                try blockUntil(within: .seconds(60), "the engine is reachable") { try !pod(created.id, client).isStale }
            } else {
                try blockUntil("the server is killed") { !victim.isRunning }
                // A request may have started the next one already.
                if server === victim {
                    (server, port) = try serve()
                    client = TestClient(port: port, token)
                }
            }
        }
        for (id, status) in wanted where status == .terminated { try wait(for: .terminated, id, client) }
        var containers: [String: EngineObservation] = [:]
        let instance = try #require(try database { try PodStore.instance(in: $0) })
        try blockUntil(within: .seconds(60), "every pod is settled") {
            containers = Dictionary(
                uniqueKeysWithValues: try bench.engine.observe(instance: instance).map { ($0.podID, $0) })
            return try wanted.keys.allSatisfy { id in
                // After a crash of the engine, the service needs a moment to see which programs it ended.
                let (status, isRunning) = (try pod(id, client).status, containers[id]?.state == .running)
                return isRunning ? status == .running : [.stopped, .failed, .terminated].contains(status)
            }
        }
        for (id, status) in wanted {
            let current = try pod(id, client)
            if status == .terminated { #expect(containers[id] == nil, "\(id)") }
            let isRunning = containers[id]?.state == .running
            #expect(isRunning == (current.status == .running), "\(id) \(current.status)")
            if status == .stopped { #expect(!isRunning) }
            // The bill has the engine's own times.
            let runs = try database { try BillingStore.runs(ofPods: [id], in: $0) }
            // A pod that was stopped before it had a container gets none.
            if status != .terminated { #expect(containers[id] != nil || runs.isEmpty, "\(id) \(current.status)") }
            for (run, next) in zip(runs, runs.dropFirst()) { #expect((run.finishedAt ?? .max) <= next.startedAt) }
            if let observed = containers[id], let start = observed.startedAt {
                #expect(runs.last?.startedAt == start, "\(id)")
                #expect(runs.last?.finishedAt == (isRunning ? nil : observed.finishedAt), "\(id)")
            }
            if status == .terminated { #expect(runs.allSatisfy { $0.finishedAt != nil }) }
        }
        #expect(Set(containers.keys).isSubset(of: wanted.keys))
    }

    /// Reads the database of the service from another process's place.
    private func database<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        if let url = place.database?.portURL, let address = PostgresURL(url) {
            return try PostgresDatabase(address).read(body)
        }
        return try SQLiteDatabase(path: place.data + "/podstack.sqlite", mayCreate: false).read(body)
    }

    // MARK: - Terminals

    @Test(
        "a command with a terminal gets input and sizes, and ends with its exit code", arguments: TestDatabase.selected)
    func terminal(_: TestDatabase) throws {
        let (server, port) = try serve()
        defer { server.signal(SIGKILL) }
        let client = TestClient(port: port, try createToken())
        let created = try client.send("POST", "/v1/pods", Self.body.replacing("NAME", with: "a")).decoded(Pod.self)
        try wait(for: .running, created.id, client)
        let socket = try UpgradedClient(
            port: port, path: "/v1/pods/\(created.id)/exec", token: client.token,
            body: #"{"command": ["/bin/sh"], "terminal": {"rows": 24, "columns": 80}}"#)
        #expect(socket.head.hasPrefix("HTTP/1.1 101 "))
        #expect(socket.head.lowercased().contains("upgrade: podstack-exec/1"))
        try socket.send(4, "30x100")
        try socket.send(0, "stty size; exit 7\n")
        let frames = try socket.framesToEnd()
        let output = frames.filter { $0.type == 1 }.map { String(decoding: $0.payload, as: UTF8.self) }.joined()
        #expect(output.contains("30 100"))
        #expect(frames.last?.type == 3)
        #expect(frames.last.map { String(decoding: $0.payload, as: UTF8.self) } == "7")
        // Pipes keep the streams apart, and the end of the input ends the command.
        let pipes = try UpgradedClient(
            port: port, path: "/v1/pods/\(created.id)/exec", token: client.token,
            body: #"{"command": ["/bin/sh", "-c", "cat; echo problem >&2"], "terminal": null}"#)
        let large = String(repeating: "0123456789", count: 20_000)
        for part in stride(from: 0, to: large.count, by: 50_000) {
            try pipes.send(0, String(large.dropFirst(part).prefix(50_000)))
        }
        try pipes.send(5, "")
        let parts = try pipes.framesToEnd()
        #expect(parts.filter { $0.type == 1 }.flatMap(\.payload) == Array(large.utf8))
        #expect(parts.filter { $0.type == 2 }.flatMap(\.payload) == Array("problem\n".utf8))
        #expect(parts.last.map { String(decoding: $0.payload, as: UTF8.self) } == "0")
        // The service ends although a session is open.
        let open = try UpgradedClient(
            port: port, path: "/v1/pods/\(created.id)/exec", token: client.token, body: #"{"command": ["cat"]}"#)
        server.signal(SIGTERM)
        _ = try? open.framesToEnd()
        try blockUntil(within: .seconds(20), "the service has ended") { !server.isRunning }
        #expect(server.wait() == 0)
    }
}

/// A client of an upgraded connection.
private final class UpgradedClient {
    let head: String
    private let connection: RawHTTP
    private var rest: [UInt8]

    init(port: UInt16, path: String, token: String, body: String) throws {
        connection = try RawHTTP(port: port)
        try connection.send(
            "POST \(path) HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(token)\r\n"
                + "Connection: Upgrade\r\nUpgrade: podstack-exec/1\r\nContent-Type: application/json\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        var received: [UInt8] = []
        let end = Array("\r\n\r\n".utf8)
        while received.firstRange(of: end) == nil {
            let part = try connection.readBytes()
            guard !part.isEmpty else { throw RawHTTP.Failure(reason: "the connection was closed") }
            received += part
        }
        let range = try #require(received.firstRange(of: end))
        head = String(decoding: received[..<range.lowerBound], as: UTF8.self)
        rest = Array(received[range.upperBound...])
    }

    func send(_ type: UInt8, _ payload: String) throws {
        let count = UInt32(payload.utf8.count)
        try connection.send(
            [type] + (0..<4).map { UInt8(truncatingIfNeeded: count >> (24 - 8 * $0)) } + Array(payload.utf8))
    }

    func framesToEnd() throws -> [(type: UInt8, payload: [UInt8])] {
        while case let part = try connection.readBytes(), !part.isEmpty { rest += part }
        var frames: [(type: UInt8, payload: [UInt8])] = []
        while rest.count >= 5 {
            let count = rest[1..<5].reduce(0) { $0 << 8 | Int($1) }
            frames.append((rest[0], Array(rest[5..<5 + count])))
            rest.removeFirst(5 + count)
        }
        return frames
    }
}
