import Foundation
import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

/// Sends every call of pods, volumes, GPUs and billing to a transport that records it.
@Suite("Requests for pods", .timeLimit(.minutes(1)))
struct PodsTests {
    let clock = TestClock()

    func client(_ transport: RecordingTransport, projectID: String? = nil) throws -> Client {
        try Client(
            apiToken: "test", projectID: projectID, apiEndpoint: "https://api.example.com",
            environment: PodstackEnvironment([:]), transport: transport, time: clock.time)
    }

    /// Returns the method, the path with the query, and the body of the only request of a call.
    func request(
        _ response: ScriptedResponse, projectID: String? = nil, _ call: (Client) async throws -> Void
    ) async throws -> (line: String, body: JSONValue?, request: TransportRequest) {
        let transport = RecordingTransport(response)
        try await call(try client(transport, projectID: projectID))
        let request = try #require(transport.requests.first)
        #expect(transport.requests.count == 1)
        let body = try request.body.map { try APICoding.decode(JSONValue.self, from: $0) }
        return ("\(request.method) \(request.url.dropFirst("https://api.example.com".count))", body, request)
    }

    func header(_ name: String, _ request: TransportRequest) -> String? {
        request.headers.first { $0.name == name }?.value
    }

    // MARK: - Create

    @Test("a specification without more than a name and an image has the documented defaults")
    func defaults() async throws {
        let (line, body, request) = try await request(.json(Pod.sample, status: 201)) { (client: Client) async throws in
            let pod = try await client.pods.create(PodSpecification(name: "trainer", image: "busybox"))
            #expect(pod == .sample)
        }
        #expect(line == "POST /v1/pods")
        #expect(body == ["name": "trainer", "image": "busybox", "cpu": 4, "memory": 16, "disk": 50])
        #expect(header("Idempotency-Key", request)?.isEmpty == false)
    }

    @Test("a whole specification becomes the fields of the API")
    func wholeSpecification() async throws {
        let specification = PodSpecification(
            name: "trainer", image: "registry.example.com/train:1", gpuType: "A100", cpu: 0.5, memory: 64, disk: 100,
            ports: [80, 443], env: ["A": "1"], command: "make",
            volumes: [Pod.VolumeMount(volumeID: "vol_1", mountPath: "/d")],
            labels: ["team": "vision"], projectID: "prj_2",
            registryAuth: RegistryCredentials(username: "u", password: "secret-password"), stopAfter: .seconds(90.5),
            deleteAfter: .seconds(3600), maxCost: 2.5, tokenScopes: [.podsRead])
        let (_, body, request) = try await request(.json(Pod.sample, status: 201), projectID: "prj_1") {
            (client: Client) async throws in
            _ = try await client.pods.create(specification)
        }
        #expect(
            body == [
                "name": "trainer", "image": "registry.example.com/train:1", "gpu_type": "A100", "gpu_count": 1,
                "cpu": 0.5,
                "memory": 64, "disk": 100, "ports": [80, 443], "env": ["A": "1"], "command": "make",
                "volumes": [["volume_id": "vol_1", "mount_path": "/d"]], "labels": ["team": "vision"],
                "project_id": "prj_2", "registry_auth": ["username": "u", "password": "secret-password"],
                "stop_after": 91, "delete_after": 3600, "max_cost": 2.5, "token_scopes": ["pods:read"],
            ])
        // The project of the specification replaces the client's; two different ones would be an error.
        #expect(header("X-Project-ID", request) == nil)
    }

    @Test("neither a specification nor the credentials of a registry show a secret")
    func secrets() {
        let registry = RegistryCredentials(username: "u", password: "secret-password")
        let specification = PodSpecification(
            name: "trainer", image: "busybox", env: ["KEY": "secret-value"], registryAuth: registry)
        var dumped = ""
        dump(specification, to: &dumped)
        dump(registry, to: &dumped)
        for text in ["\(specification)", String(reflecting: specification), "\(registry)", dumped] {
            #expect(!text.contains("secret"), "\(text)")
        }
        #expect(dumped.contains("KEY"))
        #expect(registry.withPassword { $0 } == "secret-password")
    }

    @Test(
        "a create whose response is lost is repeated with its key, and a token may be in a variable but not in a name")
    func repetition() async throws {
        let transport = RecordingTransport(
            .failure(.network("lost", kind: .connectionLost)), .failure(.server(status: 503)),
            try .json(Pod.sample, status: 201))
        let client = try client(transport)
        let token = APIToken.sample.withSecret { $0 }
        _ = try await client.pods.create(PodSpecification(name: "x", image: "busybox", env: ["TOKEN": token]))
        #expect(Set(transport.requests.map { header("Idempotency-Key", $0) ?? "" }).count == 1)
        #expect(transport.requests.count == 3)
        let error = await #expect(throws: ValidationError.self) {
            try await client.pods.create(PodSpecification(name: token, image: "busybox", env: ["TOKEN": token]))
        }
        #expect(error?.message.contains("contains an API token") == true)
        #expect(transport.requests.count == 3)
    }

    // MARK: - Other calls

    @Test("filters of a list become the query, and the project the header")
    func list() async throws {
        let page = Page<Pod>(elements: [.sample], nextCursor: nil)
        let (line, _, request) = try await request(.json(page), projectID: "prj_1") { (client: Client) async throws in
            let pods = try await client.pods.list(
                projectID: "prj_2", status: .running, labels: ["b": "2", "a": "x=y z"], name: "trainer"
            ).all()
            #expect(pods == [.sample])
        }
        #expect(
            line == "GET /v1/pods?status=running&label=a%3Dx%3Dy%20z&label=b%3D2&name=trainer&limit=200")
        #expect(header("X-Project-ID", request) == "prj_2")
        #expect(
            try await self.request(.json(page)) { _ = try await $0.pods.list().all() }.line == "GET /v1/pods?limit=200")
    }

    @Test("an update sends only what changes, and null for a limit that is removed")
    func update() async throws {
        let (line, body, _) = try await request(.json(Pod.sample)) { (client: Client) async throws in
            _ = try await client.pods.update(
                "pod_1", name: "n", labels: [:], stopAfter: .set(.seconds(60)), maxCost: .remove)
        }
        #expect(line == "PATCH /v1/pods/pod_1")
        #expect(body == ["name": "n", "labels": .object([:]), "stop_after": 60, "max_cost": .null])
        let (_, empty, _) = try await request(.json(Pod.sample)) { _ = try await $0.pods.update("pod_1") }
        #expect(empty == .object([:]))
    }

    @Test("actions are requests without a body, and repeated safely")
    func actions() async throws {
        let calls: [(String, (Client) async throws -> Void)] = [
            ("POST /v1/pods/pod_1/start", { try await $0.pods.start("pod_1") }),
            ("POST /v1/pods/pod_1/stop", { try await $0.pods.stop("pod_1") }),
            ("POST /v1/pods/pod_1/stop?force=true", { try await $0.pods.stop("pod_1", force: true) }),
            ("POST /v1/pods/pod_1/restart", { try await $0.pods.restart("pod_1") }),
        ]
        for (expected, call) in calls {
            let (line, body, request) = try await request(.json(Pod.sample, status: 202), call)
            #expect(line == expected && body == nil)
            #expect(header("Idempotency-Key", request) != nil)
        }
    }

    @Test("a delete returns the pod while it is being removed, and nil when it is gone")
    func delete() async throws {
        let (line, _, _) = try await request(.json(Pod.sample, status: 202)) { (client: Client) async throws in
            #expect(try await client.pods.delete("pod_1", force: true) == .sample)
        }
        #expect(line == "DELETE /v1/pods/pod_1?force=true")
        let (plain, _, _) = try await request(.noContent) { (client: Client) async throws in
            #expect(try await client.pods.delete("pod_1") == nil)
        }
        #expect(plain == "DELETE /v1/pods/pod_1")
    }

    @Test("logs are text, and a page of a proxy is not")
    func logs() async throws {
        let headers = [HeaderField("Content-Type", "text/plain; charset=utf-8")]
        let (line, _, request) = try await request(.text("a\nb\n", headers: headers)) { (client: Client) async throws in
            let since = Date(timeIntervalSince1970: 1_900_000_000)
            #expect(try await client.pods.logs("pod_1", tail: 2, since: since) == "a\nb\n")
        }
        #expect(line == "GET /v1/pods/pod_1/logs?tail=2&since=2030-03-17T17%3A46%3A40Z")
        #expect(header("Accept", request) == "text/plain")
        let proxy = RecordingTransport(.text("<html>", headers: [HeaderField("Content-Type", "text/html")]))
        await #expect(throws: ServerError.self) { try await client(proxy).pods.logs("pod_1") }
    }

    @Test("a command is sent as a list, with a time that the client's own limit does not shorten")
    func exec() async throws {
        let (line, body, request) = try await request(.json(PodExecResult.sample)) { (client: Client) async throws in
            #expect(try await client.pods.exec("pod_1", ["ls", "-l"], timeout: .seconds(600)) == .sample)
        }
        #expect(line == "POST /v1/pods/pod_1/exec")
        #expect(body == ["command": ["ls", "-l"], "timeout_seconds": 600])
        #expect(request.timeout > .seconds(600))
        let (_, shell, _) = try await self.request(.json(PodExecResult.sample)) { (client: Client) async throws in
            _ = try await client.pods.exec("pod_1", "ls | wc")
        }
        #expect(shell == ["command": ["/bin/sh", "-c", "ls | wc"], "timeout_seconds": 60])
    }

    @Test(
        "a command that may have run is not repeated",
        arguments: [DocumentedFailure.network("lost", kind: .connectionLost), .server(status: 503), .execTimeout])
    func execOnce(failure: DocumentedFailure) async throws {
        let transport = RecordingTransport(.failure(failure), try .json(PodExecResult.sample))
        let error = await #expect(throws: (any Error).self) {
            try await client(transport).pods.exec("pod_1", ["true"])
        }
        #expect(error is any PodstackError)
        #expect(transport.requests.count == 1)
        // One that was refused before it ran is.
        let busy = RecordingTransport(.failure(.rateLimited(retryAfter: 1)), try .json(PodExecResult.sample))
        #expect(try await client(busy).pods.exec("pod_1", ["true"]) == .sample)
    }

    @Test("metrics, events, volumes, GPUs and billing have their paths")
    func others() async throws {
        let calls: [(String, ScriptedResponse, (Client) async throws -> Void)] = [
            ("GET /v1/pods/pod_1", try .json(Pod.sample), { _ = try await $0.pods.get("pod_1") }),
            (
                "GET /v1/pods/pod_1/metrics", try .json(PodMetrics.sample),
                { (client: Client) async throws in #expect(try await client.pods.metrics("pod_1") == .sample) }
            ),
            (
                "GET /v1/pods/pod_1/events?limit=200", try .json(Page<PodEvent>(elements: [.sample], nextCursor: nil)),
                { (client: Client) async throws in #expect(try await client.pods.events("pod_1").all() == [.sample]) }
            ),
            (
                "GET /v1/volumes?limit=200", try .json(Page<Volume>(elements: [.sample], nextCursor: nil)),
                { (client: Client) async throws in #expect(try await client.volumes.list().all() == [.sample]) }
            ),
            ("GET /v1/volumes/vol_1", try .json(Volume.sample), { _ = try await $0.volumes.get("vol_1") }),
            ("DELETE /v1/volumes/vol_1", .noContent, { try await $0.volumes.delete("vol_1") }),
            (
                "GET /v1/gpus", try .json(Page<GPU>(elements: [.sample], nextCursor: nil)),
                { (client: Client) async throws in #expect(try await client.gpus.list() == [.sample]) }
            ),
            (
                "GET /v1/billing/wallet", try .json(Wallet.sample),
                { (client: Client) async throws in #expect(try await client.billing.wallet() == .sample) }
            ),
            (
                "GET /v1/billing/usage?group_by=day", try .json(Usage.sample),
                { (client: Client) async throws in #expect(try await client.billing.usage() == .sample) }
            ),
            (
                "GET /v1/billing/usage?from=2030-03-17T17%3A46%3A40Z&group_by=token", try .json(Usage.sample),
                {
                    let from = Date(timeIntervalSince1970: 1_900_000_000)
                    _ = try await $0.billing.usage(from: from, groupedBy: .token)
                }
            ),
        ]
        for (expected, response, call) in calls { #expect(try await request(response, call).line == expected) }
        let (line, body, request) = try await request(.json(Volume.sample, status: 201), projectID: "prj_1") {
            (client: Client) async throws in
            #expect(try await client.volumes.create(name: "datasets", projectID: "prj_2") == .sample)
        }
        #expect(line == "POST /v1/volumes" && body == ["name": "datasets", "project_id": "prj_2"])
        #expect(header("X-Project-ID", request) == nil && header("Idempotency-Key", request) != nil)
    }

    // MARK: - Wait

    static func pod(_ status: Pod.Status, _ reason: String? = nil, exitCode: Int? = nil) -> Pod {
        var pod = Pod.sample
        (pod.status, pod.statusReason, pod.exitCode) = (status, reason, exitCode)
        return pod
    }

    @Test("the wait returns the pod that runs, and reports each change once")
    func waiting() async throws {
        let states = [
            Self.pod(.creating), Self.pod(.creating), Self.pod(.pending, "waits for a GPU"), Self.pod(.running),
        ]
        let responses = try states.map { try ScriptedResponse.json($0).response() }
        let left = Mutex(responses[...])
        let transport = RecordingTransport { _ in try #require(left.withLock { $0.popFirst() }) }
        let seen = Mutex<[String]>([])
        let pod = try await client(transport).pods.waitUntilRunning("pod_1") { pod in
            seen.withLock { $0.append(pod.status.rawValue) }
        }
        #expect(pod.status == .running)
        #expect(seen.withLock { $0 } == ["creating", "pending", "running"])
        #expect(transport.requests.count == 4)
        #expect(clock.sleeps.count == 3 && clock.sleeps == clock.sleeps.sorted())
    }

    @Test("the wait ends with the pod's reason when it fails, ends or is deleted")
    func failing() async throws {
        for (pod, message) in [
            (Self.pod(.failed, "the image x does not exist"), "failed: the image x does not exist"),
            (Self.pod(.stopped, exitCode: 0), "stopped before it was seen running, with exit code 0"),
            (Self.pod(.terminated), "was deleted"),
        ] {
            let transport = RecordingTransport(try .json(Self.pod(.creating)), try .json(pod))
            let error = await #expect(throws: PodNotRunningError.self) {
                try await client(transport).pods.waitUntilRunning("pod_1")
            }
            #expect(error?.message == "The pod trainer (pod_00000000000000000001) \(message)")
            #expect(error?.pod == pod && error?.isTimeout == false)
        }
    }

    @Test("the wait lasts 300 seconds, or the given time, and says in which state the pod is", arguments: [nil, 7])
    func timeout(seconds: Int?) async throws {
        let transport = RecordingTransport(try .json(Self.pod(.pending, "waits for a GPU of the type A100")))
        let client = try client(transport)
        let start = clock.date
        let error = await #expect(throws: PodNotRunningError.self) {
            if let seconds {
                try await client.pods.waitUntilRunning("pod_1", timeout: .seconds(seconds))
            } else {
                try await client.pods.waitUntilRunning("pod_1")
            }
        }
        #expect(abs(clock.date.timeIntervalSince(start) - Double(seconds ?? 300)) < 1)
        #expect(error?.isTimeout == true && error?.pod.status == .pending)
        #expect(
            error?.message.hasSuffix("is still pending after \(seconds ?? 300) s: waits for a GPU of the type A100")
                == true)
        #expect(error?.details["status"] == "pending")
    }

    // MARK: - Errors

    @Test("errors have their documented fields")
    func errors() async throws {
        func error(_ failure: DocumentedFailure) async throws -> (any Error)? {
            do {
                _ = try await client(RecordingTransport(.failure(failure))).pods.get("pod_1")
                return nil
            } catch { return error }
        }
        let gpu = try #require(
            await error(.gpuNotAvailable(type: "B300", availableTypes: ["A100"])) as? GPUNotAvailableError)
        #expect(gpu.gpuType == "B300" && gpu.availableTypes == ["A100"] && gpu.code == .gpuNotAvailable)
        let state = try #require(await error(.wrongState(current: "stopped", required: "running")) as? ConflictError)
        #expect(state.currentState == "stopped" && state.requiredState == "running" && state.podIDs.isEmpty)
        let balance = try #require(
            await error(.insufficientBalance(required: 0.041667, available: 0.01)) as? InsufficientBalanceError)
        #expect(balance.required == Amount(millionths: 41_667) && balance.available == 0.01 && balance.limit == nil)
        #expect(balance.requiredAmount == 0.041667)
        #expect(try await error(.execTimeout) is ExecTimeoutError)
        let quota = try #require(
            await error(.quotaExceeded(resourceType: "pods", limit: 100, current: 100)) as? QuotaExceededError)
        #expect(quota.resourceType == "pods")
    }

    @Test("a conflict about a state is not a validation error, and one about a name still is")
    func conflicts() async throws {
        func error(_ details: [String: JSONValue]) async throws -> (any Error)? {
            let body = ErrorBody(code: .conflict, message: "No", requestID: "req_1", details: details)
            do {
                _ = try await client(RecordingTransport(try .json(body, status: 409))).volumes.delete("vol_1")
                return nil
            } catch { return error }
        }
        #expect((try await error(["pod_ids": ["pod_1", "pod_2"]]) as? ConflictError)?.podIDs == ["pod_1", "pod_2"])
        #expect(try await error([:]) is ValidationError)
    }
}
