import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The pod controller", .blocking, .databases, .timeLimit(.perTest))
struct PodControllerTests {
    private func runs(_ service: PodServer, _ podID: String) throws -> [(startedAt: Int64, finishedAt: Int64?)] {
        try service.server.server.service.database.read { connection in
            try connection.query(
                "SELECT started_at, finished_at FROM usage_intervals WHERE pod_id = \(podID) ORDER BY started_at"
            ).map { (try $0.integer("started_at"), try $0.optionalInteger("finished_at")) }
        }
    }

    private func credit(_ service: PodServer, _ amount: Amount, cpuPrice: Amount) throws {
        let accountID = try #require(try service.owner.whoami().decoded(User.self).accountID)
        try service.server.server.service.database.write { connection in
            try BillingStore.set(cpuPrice.millionths, of: .cpu, in: connection)
            try BillingStore.credit(amount.millionths, accountID: accountID, reason: nil, at: 0, in: connection)
        }
    }

    // MARK: - Steps

    @Test("a pull that takes long delays neither other pods nor their end", arguments: TestDatabase.selected)
    func slowPull(_: TestDatabase) throws {
        let service = try PodServer()
        service.engine.change { $0.slowImages = ["slow:1"] }
        let slow = try service.owner.send("POST", "/v1/pods", #"{"name": "slow", "image": "slow:1"}"#).decoded(Pod.self)
        try blockUntil("the pull has begun") { try service.pod(slow.id).statusReason == "Pulling slow:1" }
        let quick = try service.runningPod(name: "quick")
        #expect(try service.pod(slow.id).status == .creating)
        try service.owner.send("POST", "/v1/pods/\(quick.id)/stop")
        try service.wait(for: .stopped, quick.id)
        // A pod that is deleted while its image is pulled is never started.
        #expect(try service.owner.send("DELETE", "/v1/pods/\(slow.id)").status == 202)
        service.engine.change { $0.slowImages = [] }
        try service.wait(for: .terminated, slow.id)
        #expect(service.engine.calls("start") == 1)
        #expect(service.engine.objects.keys.sorted() == [quick.id])
    }

    @Test(
        "a lost response neither loses nor doubles a pod, whether the engine did it or not",
        arguments: TestDatabase.selected)
    func lostResponses(_: TestDatabase) throws {
        let service = try PodServer()
        for (number, hasEffect) in [false, true].enumerated() {
            for operation in ["ensure", "start"] {
                service.engine.fail(operation, .unreachable, hasEffect: hasEffect)
            }
            let pod = try service.create(name: "p\(number)")
            try service.wait(for: .running, pod.id)
            service.engine.fail("stop", .unreachable, hasEffect: hasEffect)
            service.engine.fail("remove", .unreachable, hasEffect: hasEffect)
            try blockUntil("the engine is reachable") { try !service.pod(pod.id).isStale }
            #expect(try service.owner.send("DELETE", "/v1/pods/\(pod.id)?force=true").status == 202)
            try service.wait(for: .terminated, pod.id)
            let bill = try runs(service, pod.id)
            #expect(bill.count == 1)
            #expect(bill.first?.finishedAt != nil)
            try blockUntil("the engine is reachable") { service.server.server.service.pods.link.isStale == false }
        }
        #expect(service.engine.objects.isEmpty)
    }

    @Test(
        "a step that keeps failing is given up, and one that fails for a moment is not",
        arguments: TestDatabase.selected)
    func retries(_: TestDatabase) throws {
        let service = try PodServer()
        service.engine.fail("start", .failed, "try later")
        let pod = try service.runningPod()
        #expect(service.engine.calls("start") == 2)
        try service.owner.send("DELETE", "/v1/pods/\(pod.id)?force=true")
        for _ in 0..<5 { service.engine.fail("ensure", .noSpace, "the disk is full") }
        let full = try service.create(name: "full")
        let failed = try service.waitLong(for: .failed, full.id)
        #expect(failed.statusReason == "the disk is full")
        // A user may try again.
        #expect(try service.owner.send("POST", "/v1/pods/\(full.id)/start").status == 202)
        try service.wait(for: .running, full.id)
    }

    @Test(
        "a container that the engine has lost ends its pod, which can be started anew", arguments: TestDatabase.selected
    )
    func lost(_: TestDatabase) throws {
        let service = try PodServer()
        let pod = try service.runningPod()
        service.engine.change { state in
            state.objects[pod.id] = nil
            state.changed.insert(pod.id)
        }
        let failed = try service.wait(for: .failed, pod.id)
        #expect(failed.statusReason == "The engine lost the pod's container")
        #expect(try runs(service, pod.id).first?.finishedAt != nil)
        try service.owner.send("POST", "/v1/pods/\(pod.id)/start")
        try service.wait(for: .running, pod.id)
        #expect(try runs(service, pod.id).count == 2)
    }

    @Test("a container with the service's label and without a pod is removed", arguments: TestDatabase.selected)
    func orphans(_: TestDatabase) throws {
        let service = try PodServer()
        let pod = try service.runningPod()
        let own = try #require(service.engine.objects[pod.id])
        try service.owner.send("DELETE", "/v1/pods/\(pod.id)?force=true")
        try service.wait(for: .terminated, pod.id)
        // One that belongs to a deleted pod, one that belongs to no pod, and one of another service.
        service.engine.change { state in
            state.objects[pod.id] = own
            for (id, instance) in [("pod_unknown", own.specification.instance), ("pod_foreign", "other")] {
                var object = own
                object.specification.podID = id
                object.specification.instance = instance
                state.objects[id] = object
            }
            state.isDown = true
        }
        // The service observes all containers when the engine responds again.
        try blockUntil("the service notices") { service.server.server.service.pods.link.isStale }
        service.engine.change { $0.isDown = false }
        try blockUntil("the orphans are gone") { service.engine.objects.keys.sorted() == ["pod_foreign"] }
        try blockUntil("the removal is in the audit log") { try service.audited().first == "pod_orphaned" }
        #expect(service.server.log.contains("pod_orphaned"))
    }

    // MARK: - Limits

    @Test("a pod is stopped after its stop_after, and deleted after its delete_after", arguments: TestDatabase.selected)
    func timeLimits(_: TestDatabase) throws {
        let clock = ManualClock()
        let service = try PodServer(clock: clock)
        let pod = try service.runningPod(#""stop_after": 60, "delete_after": "2m""#)
        try service.waitForController()
        clock.advance(58)
        try service.waitForController()
        #expect(try service.pod(pod.id).status == .running)
        // A step of the system's clock is not time that passed.
        clock.step(3600)
        try service.waitForController()
        #expect(try service.pod(pod.id).status == .running)
        clock.advance(3)
        let stopped = try service.wait(for: .stopped, pod.id)
        #expect(stopped.statusReason == "The pod was stopped because it reached its stop_after of 60 seconds")
        #expect(try service.events(pod.id).contains("limit_reached"))
        clock.advance(60)
        try service.wait(for: .terminated, pod.id)
        #expect(try service.audited().filter { $0 == "limit_reached" }.count == 2)
        #expect(service.engine.objects.isEmpty)
    }

    @Test("a start or create that the wallet does not cover is refused", arguments: TestDatabase.selected)
    func cover(_: TestDatabase) throws {
        let clock = ManualClock()
        let service = try PodServer(clock: clock)
        try credit(service, 0.001, cpuPrice: 3)
        let refused = try service.owner.send("POST", "/v1/pods", #"{"name": "a", "image": "a", "cpu": 2}"#)
        #expect(refused.status == 402)
        #expect(refused.code == "insufficient_balance")
        #expect(refused.error?.details["required_amount"] == 0.001667)
        #expect(refused.error?.details["available_amount"] == 0.001)
        #expect(refused.error?.details["limit"] == "wallet")
        let pod = try service.runningPod(#""cpu": 1"#)
        #expect(pod.pricePerHour == 3)
        // A second costs 0.000833.
        clock.advance(3)
        let stopped = try service.wait(for: .stopped, pod.id)
        #expect(stopped.statusReason == "The pod was stopped because the wallet of its account is empty")
        #expect(try service.owner.send("POST", "/v1/pods/\(pod.id)/start").code == "insufficient_balance")
    }

    @Test("a pod is stopped at its max_cost, and not started again", arguments: TestDatabase.selected)
    func maxCost(_: TestDatabase) throws {
        let clock = ManualClock()
        let service = try PodServer(clock: clock)
        try credit(service, 100, cpuPrice: 36)
        let pod = try service.runningPod(#""cpu": 1, "max_cost": 1"#)
        try service.waitForController()
        clock.advance(99)
        #expect(try service.pod(pod.id).status == .running)
        #expect(try service.pod(pod.id).cost > 0.9)
        clock.advance(2)
        let stopped = try service.wait(for: .stopped, pod.id)
        #expect(stopped.statusReason == "The pod was stopped because it reached its max_cost")
        let refused = try service.owner.send("POST", "/v1/pods/\(pod.id)/start")
        #expect(refused.error?.details["limit"] == "pod")
        #expect(try service.owner.send("PATCH", "/v1/pods/\(pod.id)", #"{"max_cost": 5}"#).status == 200)
        #expect(try service.owner.send("POST", "/v1/pods/\(pod.id)/start").status == 202)
        try service.wait(for: .running, pod.id)
    }

    @Test(
        "a limit that was reached while the service was down stops the pod before the first request",
        arguments: TestDatabase.selected)
    func startUp(_: TestDatabase) throws {
        let clock = ManualClock()
        let service = try PodServer(clock: clock)
        let limited = try service.runningPod(#""stop_after": 60"#, name: "limited")
        let other = try service.runningPod(name: "other")
        service.server.server.stop()
        clock.advance(100)
        // Another pod's program has ended meanwhile.
        service.engine.exit(other.id, 5)
        let data = service.server.data.file("data")
        let next = try EmbeddedServer(
            directory: data, database: service.server.database?.url, settings: ServiceSettings(maxActiveTokens: 500),
            engine: service.engine, now: { clock.now }, elapsed: { clock.elapsed })
        defer { next.stop() }
        // The server has just begun to listen.
        #expect(service.engine.running.isEmpty)
        let pods = try next.service.database.read { try PodStore.alive(in: $0) }
        #expect(pods.first { $0.id == limited.id }?.state.status == .stopped)
        #expect(pods.first { $0.id == other.id }?.state.exitCode == 5)
    }

    // MARK: - GPUs

    @Test("GPUs are assigned once, and their types are named if none is free", arguments: TestDatabase.selected)
    func gpus(_: TestDatabase) throws {
        let service = try PodServer()
        try service.server.server.service.database.write { connection in
            try BillingStore.set(
                GPUType(name: "A100", memoryGigabytes: 80, pricePerHour: 0, devices: ["0", "1"]), at: 0, in: connection)
            try BillingStore.set(GPUType(name: "T4", pricePerHour: 0, devices: ["2"]), at: 0, in: connection)
        }
        let first = try service.runningPod(#""gpu_type": "A100""#, name: "first")
        #expect(first.gpuCount == 1)
        let second = try service.runningPod(#""gpu_type": "A100""#, name: "second")
        let requests = service.engine.objects.mapValues { $0.specification.gpus }
        #expect(requests[first.id]??.devices == ["0"])
        #expect(requests[second.id]??.devices == ["1"])
        func create(_ fields: String) throws -> TestResponse {
            try service.owner.send("POST", "/v1/pods", #"{"name": "more", "image": "a", \#(fields)}"#)
        }
        let refused = try create(#""gpu_type": "A100""#)
        #expect(refused.code == "gpu_not_available")
        #expect(refused.error?.details["gpu_type"] == "A100")
        #expect(refused.error?.details["available_types"] == ["T4"])
        #expect(try create(#""gpu_type": "H100""#).code == "gpu_not_available")
        // A stopped pod gives its GPU to another one, and gets one again when it starts.
        try service.owner.send("POST", "/v1/pods/\(first.id)/stop")
        try service.wait(for: .stopped, first.id)
        let third = try service.runningPod(#""gpu_type": "A100""#, name: "third")
        #expect(service.engine.objects[third.id]?.specification.gpus?.devices == ["0"])
        #expect(try service.owner.send("POST", "/v1/pods/\(first.id)/start").code == "gpu_not_available")
        try service.owner.send("DELETE", "/v1/pods/\(second.id)?force=true")
        try service.wait(for: .terminated, second.id)
        #expect(try service.owner.send("POST", "/v1/pods/\(first.id)/start").status == 202)
        try service.wait(for: .running, first.id)
        #expect(service.engine.objects[first.id]?.specification.gpus?.devices == ["1"])
    }

    // MARK: - Volumes

    @Test(
        "a volume is created with the first pod that mounts it, and removed with its last",
        arguments: TestDatabase.selected)
    func volumes(_: TestDatabase) throws {
        let service = try PodServer()
        let owner = service.owner
        let volume = try owner.send("POST", "/v1/volumes", #"{"name": "data"}"#).decoded(Volume.self)
        #expect(volume.podIDs.isEmpty)
        #expect(try owner.send("POST", "/v1/volumes", #"{"name": "data"}"#).code == "conflict")
        let mounts = #""volumes": [{"volume_id": "\#(volume.id)", "mount_path": "/data"}]"#
        let pod = try service.runningPod(mounts)
        #expect(service.engine.change { $0.volumes } == [volume.id])
        #expect(service.engine.objects[pod.id]?.specification.mounts == [.init(volumeID: volume.id, path: "/data")])
        #expect(try owner.send("GET", "/v1/volumes/\(volume.id)").decoded(Volume.self).podIDs == [pod.id])
        let refused = try owner.send("DELETE", "/v1/volumes/\(volume.id)")
        #expect(refused.code == "conflict")
        #expect(refused.error?.details["pod_ids"] == [.string(pod.id)])
        let limited = try owner.createToken(#""scopes": ["pods:create"]"#)
        let body = #"{"name": "b", "image": "a", \#(mounts)}"#
        #expect(try limited.send("POST", "/v1/pods", body).code == "insufficient_scope")
        let unknown = #"{"name": "b", "image": "a", "volumes": [{"volume_id": "vol_x", "mount_path": "/data"}]}"#
        #expect(try owner.send("POST", "/v1/pods", unknown).code == "validation_failed")
        try owner.send("DELETE", "/v1/pods/\(pod.id)?force=true")
        try service.wait(for: .terminated, pod.id)
        #expect(try owner.send("DELETE", "/v1/volumes/\(volume.id)").status == 204)
        #expect(try owner.send("GET", "/v1/volumes/\(volume.id)").code == "not_found")
        try blockUntil("the engine has removed it") { service.engine.change { $0.volumes }.isEmpty }
        #expect(try owner.send("GET", "/v1/volumes").decoded(Page<Volume>.self).elements.isEmpty)
    }
}

extension PodServer {
    /// Waits until the controller has looked at every pod as it is now.
    func waitForController() throws {
        let link = server.server.service.pods.link
        // When it begins to look for the second time, it has ended the first time.
        for _ in 0..<2 {
            link.wake()
            try blockUntil("the controller looks at the pods") {
                link.wakeups.change(waking: .none) { !$0.hasChanges }
            }
        }
    }

    /// Waits for a status that follows several attempts.
    func waitLong(for status: Pod.Status, _ id: String) throws -> Pod {
        try blockUntil(within: .seconds(40), "the pod is \(status.rawValue)") { try pod(id).status == status }
        return try pod(id)
    }
}

/// Two instances on one PostgreSQL database and one engine.
@Suite("Two instances with one engine", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct PodLeadershipTests {
    @Test("one instance reconciles, and the other takes over")
    func takeover() throws {
        let engine = ModelEngine()
        let folder = try TemporaryDirectory()
        let database = try PostgresCluster.shared().createDatabase(for: .service)
        func instance() throws -> EmbeddedServer {
            try EmbeddedServer(
                directory: folder.file("data"), database: database.url, settings: ServiceSettings(), engine: engine)
        }
        let first = try instance()
        try first.addUser(RunningServer.email)
        let token = try first.createToken(RunningServer.email)
        let second = try instance()
        defer { second.stop() }
        // The second instance gets the request, and the first one makes the engine follow.
        let client = TestClient(port: second.port, token)
        let pod = try client.send("POST", "/v1/pods", #"{"name": "a", "image": "a"}"#).decoded(Pod.self)
        func status() throws -> Pod.Status {
            try client.send("GET", "/v1/pods/\(pod.id)").decoded(Pod.self).status
        }
        try blockUntil("the pod runs") { try status() == .running }
        first.stop()
        try client.send("POST", "/v1/pods/\(pod.id)/stop")
        try blockUntil("the other instance takes over") { try status() == .stopped }
        #expect(engine.calls("ensure") == 1)
        #expect(engine.calls("start") == 1)
    }
}
