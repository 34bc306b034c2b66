import PodstackTestSupport
import PodstackTransport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("A container engine", .blocking, .needsEngine, .timeLimit(.perTest))
struct DockerEngineTests {
    let bench: EngineBench
    var engine: any PodEngine { bench.engine }

    init() throws { bench = try EngineBench() }

    @Test("has a name, a version of its API, and the abilities that it reports")
    func capabilities() throws {
        let capabilities = try engine.capabilities()
        #expect(capabilities.name.hasPrefix("Docker 2"))
        #expect(DockerAPIVersion(capabilities.apiVersion).map { DockerClient.versions.contains($0) } == true)
        #expect(!capabilities.isCluster)
        #expect(capabilities.gpus == nil)
    }

    // MARK: - Life of a pod

    @Test("creates, starts, stops, starts again and removes a pod, and repeating each step changes nothing")
    func life() throws {
        let specification = bench.specification { $0.ports = [80] }
        let podID = specification.podID
        #expect(try engine.observe(podID) == nil)
        for _ in 0..<2 { try engine.ensure(specification) { _ in } }
        #expect(try engine.observe(podID) == EngineObservation(podID: podID, state: .created))

        for _ in 0..<2 { try engine.start(podID) }
        let first = try #require(try engine.observe(podID))
        #expect(first.state == .running)
        #expect(first.finishedAt == nil)
        #expect(first.addresses.keys.sorted() == [80])
        try engine.ensure(specification) { _ in }
        #expect(try engine.observe(podID) == first)

        for _ in 0..<2 { try engine.stop(podID, graceSeconds: 0) }
        let stopped = try #require(try engine.observe(podID))
        #expect(stopped.state == .exited(code: 137, isOutOfMemory: false))
        #expect(stopped.startedAt == first.startedAt)
        #expect(try #require(stopped.finishedAt) >= #require(stopped.startedAt))
        #expect(stopped.addresses.isEmpty)

        try engine.start(podID)
        let second = try #require(try engine.observe(podID))
        #expect(second.state == .running)
        #expect(try #require(second.startedAt) >= #require(stopped.finishedAt))
        #expect(second.finishedAt == nil)

        for _ in 0..<2 { try engine.remove(podID) }
        #expect(try engine.observe(podID) == nil)
        try engine.stop(podID, graceSeconds: 0)
        try engine.stop(podID, graceSeconds: 1)
        #expect(engineFailure { try engine.start(podID) }?.kind == .notFound)
    }

    @Test("gives the program of a stopped pod time to end by itself")
    func grace() throws {
        let patient = try bench.run("trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
        try blockUntil("the trap") { try bench.logs(patient).contains("ready") }
        try engine.stop(patient, graceSeconds: 20)
        #expect(try bench.end(of: patient).state == .exited(code: 3, isOutOfMemory: false))
        #expect(try bench.logs(patient).contains("ended"))
        let stubborn = try bench.run("trap '' TERM; echo ready; while :; do sleep 0.1; done")
        try blockUntil("the trap") { try bench.logs(stubborn).contains("ready") }
        try engine.stop(stubborn, graceSeconds: 1)
        #expect(try bench.end(of: stubborn).state == .exited(code: 137, isOutOfMemory: false))
    }

    @Test("reports how a program ended: its exit code, or that memory ran out")
    func ends() throws {
        let good = try bench.run("exit 0")
        let bad = try bench.run("exit 7")
        // The engine may miss what happens in the first moments of a container.
        let greedy = try bench.run("sleep 1; head -c 200m /dev/zero | tail") { $0.memoryBytes = 16 << 20 }
        #expect(try bench.end(of: good).state == .exited(code: 0, isOutOfMemory: false))
        #expect(try bench.end(of: bad).state == .exited(code: 7, isOutOfMemory: false))
        guard case .exited(let code, true) = try bench.end(of: greedy).state else {
            Issue.record("\(try bench.end(of: greedy).state)")
            return
        }
        #expect(code != 0)
    }

    @Test("runs the command of the image, or a line of the shell instead, with the environment of the pod")
    func command() throws {
        let image = try bench.run(bench.specification(nil))
        #expect(try bench.end(of: image).state == .exited(code: 0, isOutOfMemory: false))
        let podID = try bench.run(#"echo "$A|$B|$PATH""#) { $0.environment = [("A", "x=y z"), ("B", "ü\"'$")] }
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == "x=y z|ü\"'$|/bin\n")
    }

    @Test("reports the reason why a program cannot be started, also for a second start")
    func failedStart() throws {
        let specification = bench.specification("true") { $0.runtime = "runc" }
        try engine.ensure(specification) { _ in }
        let podID = try bench.run(bench.specification("true"))
        _ = try bench.end(of: podID)
        // A missing shell is the simplest program that cannot be started: an image without one has only a file.
        let missing = bench.specification("true") { $0.image = "podstack-empty:1" }
        try emptyImage()
        try engine.ensure(missing) { _ in }
        for _ in 0..<2 {
            let failure = engineFailure { try engine.start(missing.podID) }
            #expect(failure?.kind == .refused)
            #expect(failure?.reason.contains("/bin/sh") == true)
            guard case .failed(let reason) = try engine.observe(missing.podID)?.state else {
                Issue.record("not failed")
                return
            }
            #expect(reason.hasPrefix("exec: \"/bin/sh\""))
        }
        #expect(try bench.logs(missing.podID) == "")
        try engine.remove(missing.podID)
    }

    /// Creates an image with one empty file.
    private func emptyImage() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("", to: "empty")
        let archive = try ToolProcess.run("/bin/tar", ["-C", folder.path, "-cf", folder.file("image.tar"), "empty"])
        #expect(archive.status == 0)
        let socket = String(bench.test.url.dropFirst("unix://".count))
        let result = try ToolProcess.run(
            "/usr/bin/curl",
            [
                "-s", "--unix-socket", socket, "-H", "Content-Type: application/x-tar", "--data-binary",
                "@\(folder.file("image.tar"))",
                "http://engine/images/create?fromSrc=-&repo=podstack-empty&tag=1",
            ])
        #expect(result.status == 0)
    }

    @Test("leaves the pods of other services alone, and reports only those of one")
    func instances() throws {
        let other = try EngineBench()
        let specification = bench.specification()
        try engine.ensure(specification) { _ in }
        let foreign = other.specification { $0.podID = specification.podID }
        #expect(engineFailure { try other.engine.ensure(foreign) { _ in } }?.kind == .conflict)
        let second = other.specification()
        try other.engine.ensure(second) { _ in }
        #expect(try engine.observe(instance: bench.instance).map(\.podID) == [specification.podID])
        #expect(try engine.observe(instance: other.instance).map(\.podID) == [second.podID])
        #expect(try engine.observe(specification.podID)?.state == .created)
    }

    @Test("reports the newest states of all pods, also right after each change")
    func observations() throws {
        let podID = try bench.run("exec sleep 600")
        let idle = try bench.run("exit 4")
        _ = try bench.end(of: idle)
        for _ in 0..<3 {
            func all() throws -> [EngineObservation] {
                try engine.observe(instance: bench.instance).sorted { $0.podID < $1.podID }
            }
            func each() throws -> [EngineObservation] {
                try [podID, idle].sorted().compactMap { try engine.observe($0) }
            }
            #expect(try all() == each())
            #expect(try all() == each())
            try engine.stop(podID, graceSeconds: 0)
            try engine.start(idle)
            _ = try bench.end(of: idle)
            #expect(try all() == each())
            try engine.start(podID)
            #expect(try all() == each())
        }
        try engine.remove(idle)
        #expect(try engine.observe(instance: bench.instance).map(\.podID) == [podID])
    }

    @Test("runs 20 pods that are created at once, each only once")
    func manyPods() throws {
        let specifications = (0..<20).map { _ in bench.specification("exec sleep 600") { $0.ports = [80] } }
        let failures = Mutex<[String]>([])
        let left = Mutex(specifications.count * 2)
        for specification in specifications + specifications {
            BlockingThread.start {
                do { try bench.run(specification) } catch { failures.withLock { $0.append("\(error)") } }
                left.withLock { $0 -= 1 }
            }
        }
        try blockUntil(within: .seconds(120), "20 pods") { left.withLock { $0 == 0 } }
        #expect(failures.withLock { $0 } == [])
        let observations = try engine.observe(instance: bench.instance)
        #expect(observations.count == 20)
        #expect(observations.allSatisfy { $0.state == .running })
        #expect(Set(observations.compactMap { $0.addresses[80] }).count == 20)
        left.withLock { $0 = specifications.count }
        for specification in specifications {
            BlockingThread.start {
                do { try engine.remove(specification.podID) } catch { failures.withLock { $0.append("\(error)") } }
                left.withLock { $0 -= 1 }
            }
        }
        try blockUntil(within: .seconds(120), "no pods") { left.withLock { $0 == 0 } }
        #expect(failures.withLock { $0 } == [])
        #expect(try engine.observe(instance: bench.instance).isEmpty)
    }

    // MARK: - Changes

    @Test("wakes the waiting thread for each start and end of a pod, and loses no event between two waits")
    func changes() throws {
        let cancellation = EngineCancellation()
        #expect(try engine.waitForChanges(seconds: 0.05, cancellation).isDisjoint(with: ["pod"]))
        let podID = try bench.run("exit 0")
        _ = try bench.end(of: podID)
        // Both events have passed when the wait begins. Those of parallel tests wake it too.
        try blockUntil("the events of the pod") { try engine.waitForChanges(seconds: 5, cancellation).contains(podID) }
        let waiting = bench.specification()
        BlockingThread.start { _ = try? bench.run(waiting) }
        try blockUntil(within: .seconds(20), "the start") {
            try engine.waitForChanges(seconds: 10, cancellation).contains(waiting.podID)
        }
    }

    @Test("ends a wait for changes when its time is over or it is canceled")
    func waitEnds() throws {
        let quiet = try TestEngine(gpus: 0)
        let engine = DockerEngine(try EngineEndpoint(quiet.url).address)
        let start = ContinuousClock.now
        #expect(try engine.waitForChanges(seconds: 0.3, EngineCancellation()).isEmpty)
        #expect(ContinuousClock.now - start >= .milliseconds(250))
        let cancellation = EngineCancellation()
        BlockingThread.start {
            BoundedWait.sleep(.milliseconds(100))
            cancellation.cancel()
        }
        #expect(try engine.waitForChanges(seconds: 600, cancellation).isEmpty)
        #expect(ContinuousClock.now - start < .seconds(20))
    }
}
