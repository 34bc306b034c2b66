import Podstack
import PodstackTesting

/// The snippets about pods.
///
/// Those that need no container engine run on the fake service.
enum PodSnippets {
    private static func service() -> FakeService {
        let service = FakeService()
        service.setGPU("A100", count: 4, memory: 80, pricePerHour: 2.5)
        service.credit(100)
        service.onExec { _, command in
            PodExecResult(exitCode: 0, stdout: command.joined(separator: " "), stderr: "", isTruncated: false)
        }
        return service
    }

    @Sendable static func firstPod() async throws {
        let service = service()
        let client = try service.client()
        // snippet
        let pod = try await client.pods.create(
            PodSpecification(name: "hello", image: "busybox", command: "echo Hello; sleep 60", stopAfter: .seconds(60)))
        try await client.pods.waitUntilRunning(pod.id)
        print(try await client.pods.logs(pod.id))
        try await client.pods.delete(pod.id, force: true)
        // end
        print(try await client.pods.list(status: .terminated).all().map(\.name))
    }

    @Sendable static func create() async throws {
        let client = try service().client()
        let datasets = try await client.volumes.create(name: "datasets")
        // snippet
        let specification = PodSpecification(
            name: "trainer", image: "pytorch/pytorch:latest", gpuType: "A100", gpuCount: 2, memory: 64, ports: [8888],
            env: ["EPOCHS": "10"], command: "python train.py",
            volumes: [Pod.VolumeMount(volumeID: datasets.id, mountPath: "/data")], labels: ["team": "vision"],
            stopAfter: .seconds(8 * 3600), maxCost: 40)
        let pod = try await client.pods.create(specification)
        print("\(pod.name) costs \(pod.pricePerHour) per hour while it runs")
        // end
    }

    @Sendable static func wait() async throws {
        let service = service()
        let client = try service.client()
        let pod = try await client.pods.create(PodSpecification(name: "trainer", image: "busybox"))
        service.changePod(pod.id) { ($0.status, $0.statusReason) = (.failed, "the image does not exist") }
        // snippet
        do {
            let running = try await client.pods.waitUntilRunning(pod.id, timeout: .seconds(600)) { pod in
                print("\(pod.status): \(pod.statusReason ?? "")")
            }
            print(running.ports.compactMap(\.address))
        } catch let error as PodNotRunningError {
            print(error)  // why the image could not be pulled, or what the pod waits for
            print(try await client.pods.logs(error.pod.id))
        }
        // end
    }

    @Sendable static func list() async throws {
        let client = try service().client()
        _ = try await client.pods.create(
            PodSpecification(name: "trainer", image: "busybox", labels: ["team": "vision"]))
        // snippet
        for try await pod in client.pods.list(status: .running, labels: ["team": "vision"]) {
            print(pod.name, pod.cost)
        }
        // end
    }

    @Sendable static func exec() async throws {
        let client = try service().client()
        let pod = try await client.pods.create(PodSpecification(name: "trainer", image: "busybox"))
        // snippet
        let result = try await client.pods.exec(pod.id, ["nvidia-smi", "-L"], timeout: .seconds(30))
        print(result.exitCode, result.stdout)
        // end
    }

    @Sendable static func logs(_ client: Client, _ pod: Pod) async throws {
        // snippet
        for try await line in client.pods.logStream(pod.id, follow: true, tail: 100) { print(line) }
        // end
    }

    @Sendable static func files(_ client: Client, _ pod: Pod) async throws {
        // snippet
        try await client.pods.upload(pod.id, from: "train.py", to: "/workspace/") { progress in
            print("\(progress.completedBytes) of \(progress.totalBytes ?? 0)")
        }
        try await client.pods.download(pod.id, from: "/workspace/results", to: "results")
        // end
    }

    @Sendable static func limits() async throws {
        let client = try service().client()
        let pod = try await client.pods.create(PodSpecification(name: "trainer", image: "busybox", maxCost: 5))
        // snippet
        let changed = try await client.pods.update(pod.id, stopAfter: .set(.seconds(7200)), maxCost: .remove)
        print(changed.limits.stopAfter ?? 0)
        // end
    }

    @Sendable static func money() async throws {
        let client = try service().client()
        // snippet
        for gpu in try await client.gpus.list() { print(gpu.id, gpu.available, gpu.pricePerHour) }
        print(try await client.billing.wallet().balance)
        for row in try await client.billing.usage(groupedBy: .token).rows { print(row.name ?? row.key, row.cost) }
        // end
    }

    @Sendable static func errors() async throws {
        let client = try service().client()
        // snippet
        do {
            _ = try await client.pods.create(PodSpecification(name: "big", image: "busybox", gpuType: "B300"))
        } catch let error as GPUNotAvailableError {
            print("available: \(error.availableTypes)")
        } catch let error as InsufficientBalanceError {
            print("needs \(error.required ?? .zero), has \(error.available ?? .zero), by the \(error.limit ?? .wallet)")
        } catch let error as QuotaExceededError {
            print("\(error.current ?? 0) of \(error.limit ?? 0) \(error.resourceType ?? "")")
        } catch let error as ConflictError {
            print("is \(error.currentState ?? ""), must be \(error.requiredState ?? "")")
        }
        // end
    }

    @Sendable static func testing() async throws {
        // snippet
        let service = FakeService()
        service.setGPU("A100", count: 2, pricePerHour: 2.5)
        service.credit(10)
        let client = try service.client()
        let pod = try await client.pods.create(PodSpecification(name: "trainer", image: "x", gpuType: "A100"))
        service.clock.advance(by: .seconds(3600))
        service.changePod(pod.id, output: "epoch 1\n") { $0.status = .failed }
        print(try await client.pods.get(pod.id).cost, try await client.pods.logs(pod.id))
        // end
    }
}
