import Foundation
import PodstackAPI
import PodstackTestSupport
import PodstackTransport
import Testing

@testable import PodstackServer

/// The real program with a real Docker Swarm.
@Suite("Pods on a real Docker Swarm", .blocking, .needsSwarm, .timeLimit(.perTest))
struct SwarmPodTests {
    let place: ServerPlace
    let swarm: TestSwarm
    let bench: EngineBench

    init() throws {
        place = try ServerPlace()
        swarm = try TestSwarm()
        bench = try EngineBench(swarm: swarm)
    }

    private func serve(_ token: String? = nil) throws -> (process: ToolProcess, client: TestClient) {
        let process = try ToolProcess(
            "podstack-server",
            [
                "serve", "--listen", "127.0.0.1:0", "--data", place.data, "--engine", swarm.url, "--max-pods", "9999",
                "--pods-address", "0.0.0.0",
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
        return (process, TestClient(port: port, try token ?? createToken()))
    }

    /// Creates the account and its token.
    private func createToken() throws -> String {
        let arguments = ["--data", place.data]
        _ = try ToolProcess.run(
            "podstack-server", ["user", "add", RunningServer.email] + arguments, environment: place.environment)
        let created = try ToolProcess.run(
            "podstack-server", ["token", "create", RunningServer.email, "--name", "t"] + arguments,
            environment: place.environment)
        return created.output.filter { $0 != "\n" }
    }

    private func create(_ name: String, gpu: String? = nil, _ client: TestClient) throws -> Pod {
        let gpus = gpu.map { #""gpu_type": "\#($0)", "# } ?? ""
        return try client.send(
            "POST", "/v1/pods",
            #"{"name": "\#(name)", "image": "podstack-test:1", \#(gpus)"command": "exec sleep 1000", "#
                + #""cpu": 0.1, "memory": 1, "disk": 1, "ports": [80]}"#,
            headers: [("Idempotency-Key", name)]
        ).decoded(Pod.self)
    }

    private func pod(_ id: String, _ client: TestClient) throws -> Pod {
        try client.send("GET", "/v1/pods/\(id)").decoded(Pod.self)
    }

    private func wait(for status: Pod.Status, _ id: String, _ client: TestClient) throws {
        try blockUntil(within: .seconds(60), "the pod is \(status.rawValue)") { try pod(id, client).status == status }
    }

    @Test("run, wait for GPUs, are lost with their node, and are billed until then")
    func life() throws {
        let (server, client) = try serve()
        defer { server.signal(SIGKILL) }
        let listed = try client.send("GET", "/v1/gpus").decoded(Page<GPU>.self).elements
        #expect(listed.map(\.id) == ["A100", "T4"])
        #expect(listed.map(\.total) == [2, 2])
        let refused = try client.send("POST", "/v1/pods", #"{"name": "x", "image": "x", "gpu_type": "H200"}"#)
        #expect(refused.code == "gpu_not_available")
        let first = try create("first", gpu: "T4", client).id
        let second = try create("second", gpu: "T4", client).id
        for id in [first, second] { try wait(for: .running, id, client) }
        #expect(try pod(first, client).node != nil)
        #expect(try pod(first, client).ports.first?.address != nil)
        let third = try create("third", gpu: "T4", client).id
        try wait(for: .pending, third, client)
        #expect(try pod(third, client).statusReason?.contains("T4") == true)
        _ = try client.send("DELETE", "/v1/pods/\(first)?force=true")
        try wait(for: .terminated, first, client)
        try wait(for: .running, third, client)

        try swarm.kill(node: 2)
        try wait(for: .failed, third, client)
        try wait(for: .failed, second, client)
        #expect(try pod(third, client).statusReason?.contains("does not respond") == true)
        let runs = try database { try BillingStore.runs(ofPods: [second, third], in: $0) }
        #expect(runs.count == 2)
        #expect(runs.allSatisfy { $0.finishedAt != nil })
        try swarm.start()
        _ = try client.send("POST", "/v1/pods/\(third)/start")
        try wait(for: .running, third, client)
        // The container that kept running on the dead node is not billed.
        let later = try database { try BillingStore.runs(ofPods: [second], in: $0) }
        #expect(later.map(\.finishedAt) == runs.filter { $0.charge.podID == second }.map(\.finishedAt))
        #expect(try pod(second, client).status == .failed)
    }

    @Test("run once each and are billed by the engine's times, whenever the service is killed")
    func crashes() throws {
        var generator = TestSeed.generator()
        var (server, client) = try serve()
        defer { server.signal(SIGKILL) }
        var wanted: [String: Pod.Status] = [:]
        for round in 0..<Rounds.count(4, long: 50) {
            let id = try create("p\(round)", gpu: round % 2 == 0 ? "A100" : nil, client).id
            wanted[id] = .running
            if round > 1, let other = wanted.keys.sorted().randomElement(using: &generator) {
                _ = try client.send("DELETE", "/v1/pods/\(other)?force=true")
                wanted[other] = .terminated
            }
            BoundedWait.sleep(.milliseconds(Int.random(in: 0..<1500, using: &generator)))
            server.signal(SIGKILL)
            try blockUntil("the server is killed") { !server.isRunning }
            (server, client) = try serve(client.token)
        }
        let instance = try #require(try database { try PodStore.instance(in: $0) })
        for (id, status) in wanted {
            try wait(for: status, id, client)
            let observation = try bench.engine.observe(id)
            #expect((observation != nil) == (status != .terminated))
            let runs = try database { try BillingStore.runs(ofPods: [id], in: $0) }
            if let observation {
                #expect(runs.map(\.startedAt) == [observation.startedAt])
                #expect(runs.allSatisfy { $0.finishedAt == nil })
            } else {
                #expect(runs.count <= 1 && runs.allSatisfy { $0.finishedAt != nil })
            }
        }
        let observed = try bench.engine.observe(instance: instance).map(\.podID)
        #expect(Set(observed) == Set(wanted.filter { $0.value == .running }.keys))
        // No pod has a second container.
        for node in 1...2 {
            let list = try ToolProcess.run(
                "/usr/bin/curl",
                [
                    "-s", "--unix-socket", String(swarm.url(ofNode: node).dropFirst("unix://".count)),
                    "http://engine/containers/json",
                ]
            ).output
            for id in observed { #expect(list.split(separator: "\"/\(id).").count <= 2, "\(id)") }
        }
    }

    /// Reads the database of the service from another process's place.
    private func database<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        if let url = place.database?.portURL, let address = PostgresURL(url) {
            return try PostgresDatabase(address).read(body)
        }
        return try SQLiteDatabase(path: place.data + "/podstack.sqlite", mayCreate: false).read(body)
    }
}
