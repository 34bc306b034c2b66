import Foundation
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

/// Tests what only the fake can do without a container engine.
@Suite("Pods and money, on the fake", .timeLimit(.perTest))
struct FakePodTests {
    let service = FakeService()

    func trainer(_ name: String = "trainer", gpus: Int = 1) -> PodSpecification {
        PodSpecification(name: name, image: "busybox", gpuType: "A100", gpuCount: gpus)
    }

    @Test("a pod lives from its creation to its deletion, and costs only while it runs")
    func lifecycle() async throws {
        service.setGPU("A100", count: 2, memory: 80, pricePerHour: 3.6)
        service.credit(10)
        let client = try service.client()
        let pod = try await client.pods.create(trainer(gpus: 2))
        #expect(pod.pricePerHour == 7.2 && pod.gpuCount == 2)
        #expect(try await client.pods.waitUntilRunning(pod.id).status == .running)
        #expect(try await client.gpus.list().map(\.available) == [0])
        service.clock.advance(by: .seconds(100))
        #expect(try await client.pods.stop(pod.id).status == .stopped)
        service.clock.advance(by: .seconds(1000))
        #expect(try await client.pods.start(pod.id).status == .running)
        service.clock.advance(by: .seconds(50))
        #expect(try await client.pods.get(pod.id).cost == 0.3)
        #expect(try await client.billing.wallet().balance == 9.7)
        for grouping in [Usage.Grouping.day, .token, .project, .pod] {
            let usage = try await client.billing.usage(groupedBy: grouping)
            #expect(usage.totalCost == 0.3 && usage.rows.map(\.gpuSeconds) == [300], "\(grouping)")
        }
        let running = await #expect(throws: ConflictError.self) { try await client.pods.delete(pod.id) }
        #expect(running?.currentState == "running" && running?.requiredState == "stopped")
        #expect(try await client.pods.delete(pod.id, force: true) == nil)
        #expect(try await client.pods.list().all().isEmpty)
        #expect(try await client.pods.list(status: .terminated).all().map(\.id) == [pod.id])
        #expect(try await client.billing.wallet().spent == 0.3)
    }

    @Test("what the wallet, the GPUs or the limit do not cover is refused with the documented fields")
    func refusals() async throws {
        let service = FakeService(maxPods: 1)
        service.setGPU("A100", count: 1, pricePerHour: 6)
        let client = try service.client()
        let poor = await #expect(throws: InsufficientBalanceError.self) { try await client.pods.create(trainer()) }
        #expect(poor?.required == 0.001667 && poor?.available == .zero && poor?.limit == .wallet)
        service.credit(1)
        let missing = await #expect(throws: GPUNotAvailableError.self) {
            try await client.pods.create(trainer(gpus: 2))
        }
        #expect(missing?.gpuType == "A100" && missing?.availableTypes == ["A100"])
        _ = try await client.pods.create(trainer())
        let full = await #expect(throws: QuotaExceededError.self) {
            try await client.pods.create(PodSpecification(name: "other", image: "busybox"))
        }
        #expect(full?.resourceType == "pods" && full?.limit == 1 && full?.current == 1)
    }

    @Test("a test decides what a pod writes, how it fails, and what its commands return")
    func scripted() async throws {
        let client = try service.client()
        let pod = try await client.pods.create(PodSpecification(name: "job", image: "busybox"))
        service.changePod(pod.id, output: "one\ntwo\nthree\n")
        #expect(try await client.pods.logs(pod.id, tail: 2) == "two\nthree\n")
        await #expect(throws: ServerError.self) { try await client.pods.exec(pod.id, ["true"]) }
        service.onExec { pod, command in
            PodExecResult(exitCode: 7, stdout: "\(pod.name): \(command)", stderr: "", isTruncated: false)
        }
        #expect(try await client.pods.exec(pod.id, ["ls"]).stdout == #"job: ["ls"]"#)
        service.changePod(pod.id) { ($0.status, $0.statusReason) = (.failed, "out of memory") }
        let error = await #expect(throws: PodNotRunningError.self) { try await client.pods.waitUntilRunning(pod.id) }
        #expect(error?.message.hasSuffix("failed: out of memory") == true)
        await #expect(throws: ConflictError.self) { try await client.pods.exec(pod.id, ["true"]) }
    }
}

/// Tests volumes, refusals and scopes, as far as no container engine is needed.
@Suite("Volumes and invalid pods, on the fake and on the real service", .blocking, .timeLimit(.perTest))
struct PodConformanceTests {
    /// The services for tests that change something, which the real one does only with a container engine.
    static let services: [ServiceUnderTest] = [.fake]

    @Test("a volume is created, listed and deleted", arguments: services)
    func volumes(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let client = try service.client()
        let project = try await client.projects.current()
        let volume = try await client.volumes.create(name: "datasets")
        #expect(volume.id.hasPrefix("vol_") && volume.projectID == project.id && volume.podIDs.isEmpty)
        #expect(volume.createdBy.email == Service.email && volume.createdAt == service.date)
        #expect(try await client.volumes.get(volume.id) == volume)
        #expect(try await client.volumes.list(projectID: project.id).all() == [volume])
        let taken = await failure { try await client.volumes.create(name: "datasets") }
        #expect((taken?.statusCode, taken?.code) == (409, .conflict))
        let invalid = await failure { try await client.volumes.create(name: "-x") } as? ValidationError
        #expect(invalid?.fieldErrors.keys.sorted() == ["name"])
        let other = try await client.projects.create(name: "other")
        #expect(try await client.volumes.create(name: "datasets", projectID: other.id).projectID == other.id)
        try await client.volumes.delete(volume.id)
        let gone = await failure { try await client.volumes.get(volume.id) } as? ResourceNotFoundError
        #expect((gone?.resourceType, gone?.resourceID) == ("volume", volume.id))
    }

    @Test("an invalid pod is refused with every problem", arguments: ServiceUnderTest.allCases)
    func invalid(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let token = try service.createToken()
        for (body, fields) in [
            ("{}", ["image", "name"]),
            (#"{"name": "A b", "image": "busybox", "gpu_count": 1}"#, ["gpu_count", "name"]),
            (#"{"name": "a", "image": "busybox", "stop_after": "soon", "max_cost": -1}"#, ["max_cost", "stop_after"]),
            (#"{"name": "a", "image": "busybox", "nmae": 1}"#, ["nmae"]),
        ] {
            let response = try await service.send("POST", "/v1/pods", token, body: body)
            #expect(response.status == 422)
            let error = try APICoding.decode(ErrorBody.self, from: response.body)
            guard case .object(let problems)? = error.details["field_errors"] else {
                Issue.record("\(body): \(error)")
                continue
            }
            #expect(problems.keys.sorted() == fields, "\(body)")
        }
    }

    @Test("a token needs the scopes of pods, volumes and billing", arguments: ServiceUnderTest.allCases)
    func scopes(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        let (_, secret) = try await service.client().tokens.create(name: "reader", scopes: [.projectsRead])
        let client = try service.client(secret)
        let calls: [(Scope, () async throws -> Void)] = [
            (.podsRead, { _ = try await client.pods.list().all() }),
            (.podsCreate, { _ = try await client.pods.create(PodSpecification(name: "a", image: "busybox")) }),
            (.volumesRead, { _ = try await client.volumes.list().all() }),
            (.volumesCreate, { _ = try await client.volumes.create(name: "a") }),
            (.billingRead, { _ = try await client.billing.wallet() }),
            (.billingRead, { _ = try await client.billing.usage() }),
        ]
        for (scope, call) in calls {
            #expect((await failure(call) as? PermissionError)?.requiredScope == scope)
        }
        // Every token may see which GPUs there are.
        #expect(try await client.gpus.list().isEmpty)
    }

    @Test("a pod of another account does not exist", arguments: services)
    func strangers(_ subject: ServiceUnderTest) async throws {
        let service = try Service(subject)
        try service.addUser("b@example.com")
        let volume = try await service.client().volumes.create(name: "mine")
        let stranger = try service.client("b@example.com")
        #expect(try await stranger.volumes.list().all().isEmpty)
        for call in [
            { _ = try await stranger.volumes.get(volume.id) }, { try await stranger.volumes.delete(volume.id) },
            { _ = try await stranger.pods.get("pod_00000000000000000000") },
        ] as [() async throws -> Void] {
            #expect(await failure(call) is ResourceNotFoundError)
        }
    }
}
