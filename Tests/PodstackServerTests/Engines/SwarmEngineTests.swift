import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Two real nodes.
///
/// The tests come one after another, since they share the GPUs.
@Suite("A Docker Swarm", .blocking, .needsSwarm, .serialized, .timeLimit(.perTest))
struct SwarmEngineTests {
    let swarm: TestSwarm
    let bench: EngineBench
    var engine: any PodEngine { bench.engine }

    init() throws {
        swarm = try TestSwarm.shared()
        bench = try EngineBench(swarm: swarm)
    }

    /// Returns a specification of a small pod, on the node with GPUs of a type if one is given.
    private func specification(
        _ command: String? = "exec sleep 600", gpu: String? = nil, count: Int = 1, project: String? = nil,
        _ change: (inout EngineSpecification) -> Void = { _ in }
    ) -> EngineSpecification {
        bench.specification(command, project: project) {
            $0.cpuMillicores = 50
            $0.publishAddress = "0.0.0.0"
            if let gpu { $0.gpus = .init(type: gpu, count: count, devices: []) }
            change(&$0)
        }
    }

    private func run(_ command: String? = "exec sleep 600", gpu: String? = nil, count: Int = 1) throws -> String {
        try bench.run(specification(command, gpu: gpu, count: count))
    }

    /// Acts as the controller does until a condition is true.
    private func follow(_ what: String, _ condition: () throws -> Bool) throws {
        try blockUntil(within: .seconds(30), what) {
            for podID in try engine.waitForChanges(seconds: 0.1, EngineCancellation()) { _ = try engine.observe(podID) }
            return try condition()
        }
    }

    private func state(_ podID: String) throws -> EngineObservation.State? { try engine.observe(podID)?.state }

    /// Sends a request to the engine of a node, and returns the body of its response.
    private func ask(_ node: Int, _ path: String, method: String = "GET", file: String? = nil) throws -> String {
        try ToolProcess.run(
            "/usr/bin/curl",
            [
                "-s", "--unix-socket", String(swarm.url(ofNode: node).dropFirst("unix://".count)), "-X", method,
                "http://engine/v1.41" + path,
            ] + (file.map { ["-H", "Content-Type: application/x-tar", "--data-binary", "@" + $0] } ?? [])
        ).output
    }

    @Test("has the GPUs of all nodes, and the most processors of one")
    func capabilities() throws {
        let capabilities = try engine.capabilities()
        #expect(capabilities.name.hasPrefix("Docker Swarm 2"))
        #expect(capabilities.isCluster)
        #expect(capabilities.gpus == ["A100": 2, "T4": 2])
        #expect(try #require(capabilities.processors) > 0)
        #expect(!capabilities.limitsDisk)
        #expect(capabilities.warnings.isEmpty)
    }

    @Test("needs a manager")
    func managers() throws {
        let worker = SwarmEngine(try EngineEndpoint(swarm.url(ofNode: 2)).address, identity: nil)
        let failure = engineFailure { _ = try worker.capabilities() }
        #expect(failure?.kind == .refused)
        #expect(failure?.reason.contains("manager") == true)
    }

    // MARK: - Life of a pod

    @Test("creates, starts, stops, starts again and removes a pod, and repeating each step changes nothing")
    func life() throws {
        let specification = specification("echo run; exec sleep 600") { $0.ports = [80] }
        let podID = specification.podID
        #expect(try engine.observe(podID) == nil)
        for _ in 0..<2 { try engine.ensure(specification) { _ in } }
        #expect(try engine.observe(podID) == EngineObservation(podID: podID, state: .created))

        for _ in 0..<2 { try engine.start(podID) }
        let first = try #require(try engine.observe(podID))
        #expect(first.state == .running)
        #expect(first.finishedAt == nil)
        #expect(first.node != nil)
        #expect(first.addresses.keys.sorted() == [80])
        try engine.ensure(specification) { _ in }
        #expect(try engine.observe(podID) == first)
        #expect(try engine.observe(instance: bench.instance) == [first])

        for _ in 0..<2 { try engine.stop(podID, graceSeconds: 0) }
        let stopped = try #require(try engine.observe(podID))
        #expect(stopped.state == .exited(code: 137, isOutOfMemory: false))
        #expect(stopped.startedAt == first.startedAt)
        #expect(try #require(stopped.finishedAt) >= #require(stopped.startedAt))
        #expect(stopped.addresses.isEmpty)
        #expect(try engine.observe(instance: bench.instance) == [stopped])
        // The output stays until the next start.
        #expect(try bench.logs(podID) == "run\n")

        for _ in 0..<2 { try engine.start(podID) }
        let second = try #require(try engine.observe(podID))
        #expect(second.state == .running)
        #expect(try #require(second.startedAt) >= #require(stopped.finishedAt))
        #expect(second.finishedAt == nil)

        for _ in 0..<2 { try engine.remove(podID) }
        #expect(try engine.observe(podID) == nil)
        #expect(try engine.observe(instance: bench.instance).isEmpty)
        for node in 1...2 { #expect(try !ask(node, "/containers/json?all=true").contains(podID)) }
        try engine.stop(podID, graceSeconds: 0)
        try engine.stop(podID, graceSeconds: 1)
        #expect(engineFailure { try engine.start(podID) }?.kind == .notFound)
    }

    @Test("reports how a program ended, and never starts it again by itself")
    func ends() throws {
        let good = try run("exit 0")
        let bad = try run("exit 7")
        let greedy = try bench.run(
            specification("sleep 1; head -c 200m /dev/zero | tail") { $0.memoryBytes = 16 << 20 })
        #expect(try bench.end(of: good).state == .exited(code: 0, isOutOfMemory: false))
        let end = try bench.end(of: bad)
        #expect(end.state == .exited(code: 7, isOutOfMemory: false))
        guard case .exited(_, isOutOfMemory: true) = try bench.end(of: greedy).state else {
            Issue.record("\(try bench.end(of: greedy).state)")
            return
        }
        #expect(try engine.observe(bad) == end)
        // After a change of its service, the swarm looks at its tasks again.
        try engine.stop(bad, graceSeconds: 0)
        #expect(try engine.observe(bad) == end)
    }

    @Test("gives the program of a stopped pod time to end by itself")
    func grace() throws {
        let patient = try run("trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.1; done")
        try blockUntil("the trap") { try bench.logs(patient).contains("ready") }
        try engine.stop(patient, graceSeconds: 20)
        #expect(try bench.end(of: patient).state == .exited(code: 3, isOutOfMemory: false))
        #expect(try bench.logs(patient).contains("ended"))
    }

    @Test("runs the command of the image, or a line of the shell instead, with the environment as it was given")
    func command() throws {
        let image = try run(nil)
        #expect(try bench.end(of: image).state == .exited(code: 0, isOutOfMemory: false))
        let podID = try bench.run(
            specification(#"echo "$A|$B|$C|$PATH""#) {
                $0.environment = [("A", "x=y z"), ("B", "ü\"'$"), ("C", "{{.Node.ID}} {{ {{{{")]
            })
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == "x=y z|ü\"'$|{{.Node.ID}} {{ {{{{|/bin\n")
    }

    @Test("reports the reason why a program cannot be started")
    func failedStart() throws {
        let folder = try TemporaryDirectory()
        _ = try folder.write("", to: "empty")
        _ = try ToolProcess.run("/bin/tar", ["-C", folder.path, "-cf", folder.file("image.tar"), "empty"])
        for node in 1...2 {
            _ = try ask(
                node, "/images/create?fromSrc=-&repo=podstack-empty&tag=1", method: "POST",
                file: folder.file("image.tar"))
        }
        let podID = try bench.run(specification("true") { $0.image = "podstack-empty:1" })
        guard case .failed(let reason) = try bench.end(of: podID).state else {
            Issue.record("\(String(describing: try engine.observe(podID)))")
            return
        }
        #expect(reason.hasPrefix("exec: \"/bin/sh\""), "\(reason)")
        #expect(try bench.logs(podID) == "")
    }

    @Test("leaves the pods of other services alone, and reports only those of one")
    func instances() throws {
        let other = try EngineBench(swarm: swarm)
        let specification = specification()
        try engine.ensure(specification) { _ in }
        let foreign = other.specification { $0.podID = specification.podID }
        #expect(engineFailure { try other.engine.ensure(foreign) { _ in } }?.kind == .conflict)
        #expect(try engine.observe(instance: bench.instance).map(\.podID) == [specification.podID])
        #expect(try engine.observe(instance: other.instance).isEmpty)
    }

    // MARK: - GPUs

    @Test("gives each pod GPUs of its own, of its type, and lets pods wait that start by themselves")
    func gpus() throws {
        let devices = #"echo "$NVIDIA_VISIBLE_DEVICES|$DOCKER_RESOURCE_GPU"; exec sleep 600"#
        let both = try run(devices, gpu: "T4", count: 2)
        let foreign = try run(devices, gpu: "A100")
        #expect(try state(both) == .running)
        #expect(try state(foreign) == .running)
        #expect(try engine.observe(both)?.node != engine.observe(foreign)?.node)
        #expect(try bench.logs(both) == "T4-0,T4-1|T4-0,T4-1\n")
        #expect(try bench.logs(foreign) == "A100-0|A100-0\n")
        let first = try run(devices, gpu: "T4")
        let second = try run(devices, gpu: "T4")
        let third = try run(devices, gpu: "T4")
        for podID in [first, second, third] {
            guard case .pending(let reason) = try state(podID) else {
                Issue.record("\(String(describing: try state(podID)))")
                return
            }
            #expect(reason == "The pod waits for a free GPU of the type T4")
        }
        // It can be stopped and removed while it waits.
        try engine.stop(second, graceSeconds: 1)
        #expect(try state(second) == .created)

        try engine.stop(both, graceSeconds: 0)
        try follow("the pods that wait") { try state(first) == .running && state(third) == .running }
        #expect(try Set([bench.logs(first), bench.logs(third)]) == ["T4-0|T4-0\n", "T4-1|T4-1\n"])
        #expect(try state(second) == .created)
        try engine.start(both)
        try engine.remove(first)
        #expect(try engine.observe(both)?.state == .pending("The pod waits for 2 free GPUs of the type T4 on one node"))
        try engine.stop(third, graceSeconds: 0)
        try follow("the stopped pod starts again") { try state(both) == .running }

        let idle = try run(devices)
        #expect(try bench.logs(idle) == "void|void\n")
    }

    @Test("keeps the pods with GPUs when networks come to their node")
    func networkOfAnotherProject() throws {
        let podID = try run(gpu: "A100")
        let other = try bench.run(specification(gpu: "A100", project: "prj_other\(bench.instance)"))
        #expect(try state(other) == .running)
        BoundedWait.sleep(.seconds(1))
        #expect(try state(podID) == .running)
    }

    @Test("refuses what no node has, and what a service cannot have")
    func refusals() throws {
        func refusal(_ change: (inout EngineSpecification) -> Void) -> EngineFailure? {
            let specification = specification(nil, change)
            return engineFailure { try engine.ensure(specification) { _ in } }
        }
        #expect(refusal { $0.gpus = .init(type: "H200", count: 1, devices: []) }?.kind == .gpu)
        let tooMany = refusal { $0.gpus = .init(type: "T4", count: 3, devices: []) }
        #expect(tooMany?.kind == .gpu)
        #expect(tooMany?.reason.contains("more than 2") == true)
        #expect(refusal { $0.cpuMillicores = 1_000_000 }?.kind == .refused)
        #expect(refusal { $0.memoryBytes = 1 << 50 }?.kind == .refused)
        #expect(refusal { $0.runtime = "runc" }?.kind == .refused)
        for name in ["NVIDIA_VISIBLE_DEVICES", "DOCKER_RESOURCE_GPU"] {
            #expect(refusal { $0.environment = [(name, "all")] }?.reason.contains(name) == true)
        }
        let private_ = refusal {
            $0.ports = [80]
            $0.publishAddress = "127.0.0.1"
        }
        #expect(private_?.kind == .refused)
        #expect(private_?.reason.contains("--pods-address") == true)
        #expect(refusal { $0.image = "UPPER/case:1" }?.kind == .image)
        #expect(refusal { $0.image = "localhost:1/nobody:1" }?.kind == .failed)
    }

    // MARK: - Data

    @Test("asks the node of a pod for its output, files, commands and measurements", arguments: ["A100", "T4"])
    func data(_ gpu: String) throws {
        let podID = try run("echo one; while [ ! -e /tmp/go ]; do sleep 0.02; done; echo two >&2", gpu: gpu)
        #expect(try bench.exec(podID, "sh", "-c", "echo out; echo err >&2; exit 5") == (5, "out\n", "err\n"))
        #expect(try engine.statistics(podID).memoryLimitBytes == 64 << 20)
        var archive = TarArchive.files([("/tmp/file", Array("content".utf8))])
        try engine.upload(podID, path: "/") {
            defer { archive = [] }
            return archive
        }
        #expect(try bench.shell(podID, "cat /tmp/file") == "content")
        var downloaded: [UInt8] = []
        try engine.download(podID, path: "/tmp/file", EngineCancellation()) {
            downloaded += $0
            return true
        }
        #expect(downloaded.firstRange(of: Array("content".utf8)) != nil)
        let session = try engine.attach(podID, ["sh"], terminal: EngineTerminalSize(rows: 30, columns: 100))
        try session.write(Array("stty size; exit 7\n".utf8))
        var screen = ""
        while let part = try session.read() { screen += String(decoding: part.bytes, as: UTF8.self) }
        #expect(screen.contains("30 100"))
        #expect(try session.exitCode() == 7)
        var text = ""
        try engine.logs(podID, EngineLogSelection(follows: true), EngineCancellation()) { _, bytes in
            text += String(decoding: bytes, as: UTF8.self)
            if text == "one\n" { try bench.exec(podID, "touch", "/tmp/go") }
            return true
        }
        #expect(text == "one\ntwo\n")
        _ = try bench.end(of: podID)
        #expect(engineFailure { try bench.exec(podID, "true") }?.kind == .conflict)
        #expect(engineFailure { try bench.exec("pod_none", "true") }?.kind == .notFound)
        #expect(engineFailure { _ = try bench.logs("pod_none") }?.kind == .notFound)
    }

    @Test("publishes the ports of a pod on its node", arguments: [1, 2])
    func ports(_ node: Int) throws {
        let podID = try bench.run(
            specification("echo hello > /tmp/index.html; exec httpd -f -h /tmp -p 8080", gpu: node == 1 ? "A100" : "T4")
            {
                $0.ports = [8080]
            })
        let address = try #require(try engine.observe(podID)?.addresses[8080])
        let port = try #require(address.split(separator: ":").last)
        try blockUntil("the page") {
            try ToolProcess.run("/usr/bin/curl", ["-s", "http://\(swarm.node(node)):\(port)/"]).output == "hello\n"
        }
    }

    @Test("keeps a volume on one node, where all pods with it run")
    func volumes() throws {
        let volume = try bench.volume()
        let writer = try bench.run(
            specification("echo kept > /data/file", gpu: "T4") { $0.mounts = [.init(volumeID: volume, path: "/data")] })
        #expect(try bench.end(of: writer).state == .exited(code: 0, isOutOfMemory: false))
        for _ in 0..<2 {
            let reader = try bench.run(
                specification("cat /data/file") { $0.mounts = [.init(volumeID: volume, path: "/data")] })
            _ = try bench.end(of: reader)
            #expect(try bench.logs(reader) == "kept\n")
            #expect(try engine.observe(reader)?.node == engine.observe(writer)?.node)
        }
        let elsewhere = specification(gpu: "A100") { $0.mounts = [.init(volumeID: volume, path: "/data")] }
        #expect(engineFailure { try engine.ensure(elsewhere) { _ in } }?.kind == .refused)
        let other = try bench.volume()
        try engine.ensure(specification(gpu: "A100") { $0.mounts = [.init(volumeID: other, path: "/data")] }) { _ in }
        let both = specification {
            $0.mounts = [.init(volumeID: volume, path: "/a"), .init(volumeID: other, path: "/b")]
        }
        #expect(engineFailure { try engine.ensure(both) { _ in } }?.kind == .conflict)
        #expect(engineFailure { try engine.removeVolume(volume) }?.kind == .conflict)
        for observation in try engine.observe(instance: bench.instance) { try engine.remove(observation.podID) }
        for _ in 0..<2 { try engine.removeVolume(volume) }
        #expect(try !ask(2, "/volumes").contains(volume))
        #expect(try !ask(1, "/configs").contains(volume))
    }

    @Test("gives a pod a file with its token, which is removed with it")
    func secretFiles() throws {
        let podID = try bench.run(
            specification("cat /run/podstack/token; ls -l /run/podstack/token") {
                $0.secretFiles = [.init(path: "/run/podstack/token", content: Array("secret\n".utf8))]
            })
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID).hasPrefix("secret\n-r--r--r--"))
        #expect(try ask(1, "/secrets").contains(podID))
        try engine.remove(podID)
        #expect(try !ask(1, "/secrets").contains(podID))
        // A removal that was interrupted is completed.
        let interrupted = try bench.run(
            specification { $0.secretFiles = [.init(path: "/run/podstack/token", content: [65])] })
        _ = try ask(1, "/services/\(interrupted)", method: "DELETE")
        try blockUntil(within: .seconds(30), "the pod is gone") { try engine.observe(interrupted) == nil }
        #expect(try !ask(1, "/secrets").contains(interrupted))
    }

    // MARK: - Isolation

    @Test("gives a pod no capability, no way to gain one, and the limits that it asked for")
    func isolation() throws {
        let podID = try bench.run(specification { $0.maxProcesses = 50 })
        let status = try bench.shell(podID, "cat /proc/self/status")
        for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            #expect(status.contains("\(name):\t0000000000000000\n"), "\(name)")
        }
        #expect(status.contains("NoNewPrivs:\t1\n"))
        #expect(status.contains("Seccomp:\t2\n"))
        #expect(try bench.shell(podID, "df -k /dev/shm | tail -n 1").contains(" 32768 "))
        #expect(
            try bench.shell(podID, "cat /sys/fs/cgroup/pids/pids.max || cat /sys/fs/cgroup/pids.max").contains("50\n"))
        #expect(try bench.shell(podID, "ls /var/run/docker.sock /run/docker.sock").contains("No such file"))
    }

    @Test("connects the pods of a project with each other on all nodes, and not with those of another project")
    func projects() throws {
        let server = "echo hello > /tmp/index.html; exec httpd -f -h /tmp -p 8080"
        let (ours, theirs) = ("prj_a\(bench.instance)", "prj_b\(bench.instance)")
        let first = try bench.run(specification(server, gpu: "A100", project: ours))
        let near = try bench.run(specification(gpu: "A100", project: ours))
        let far = try bench.run(specification(gpu: "T4", project: ours))
        // One of them on each node, since the others hold both A100.
        let strangers = [
            try bench.run(specification(gpu: "T4", project: theirs)), try bench.run(specification(project: theirs)),
        ]
        let addresses = try bench.shell(
            first, "ip -o -4 addr show | grep -v 127.0.0.1 | sed 's|.*inet \\([0-9.]*\\)/.*|\\1|'"
        )
        .split(separator: "\n")
        #expect(addresses.count >= 1)
        func fetch(_ host: some StringProtocol, from podID: String) throws -> (code: Int, output: String, error: String)
        {
            try bench.exec(podID, "sh", "-c", "timeout 3 wget -q -O - http://\(host):8080/")
        }
        for friend in [near, far] {
            // The name of a pod in its project is its ID.
            let answer = try bench.shell(friend, "nslookup \(first) 127.0.0.11 | sed -n 's/^Address: //p'")
            let address = try #require(answer.split(separator: "\n").first { addresses.contains($0) })
            try blockUntil(within: .seconds(20), "the network of the nodes") {
                try fetch(address, from: friend).output == "hello\n"
            }
        }
        for stranger in strangers {
            for address in addresses { #expect(try fetch(address, from: stranger).code != 0, "\(address)") }
            let answer = try bench.shell(stranger, "timeout 3 nslookup \(first) 127.0.0.11")
            #expect(!addresses.contains { answer.contains($0) }, "\(answer)")
        }
        #expect(engineFailure { try engine.removeNetwork(projectID: ours) }?.kind == .conflict)
    }

    // MARK: - Images

    @Test("pulls an image from a private registry with its credential, and reports why it cannot")
    func privateRegistry() throws {
        let registry = try TestRegistry(at: swarm.address(ofNode: 1))
        let image = "\(registry.host)/team/model:1"
        try registry.push("podstack-test:1", as: "team/model", at: swarm.url(ofNode: 1))
        for credential in [nil, .init(username: "user", password: "a wrong password")]
            as [EngineSpecification.RegistryCredential?]
        {
            let refused = specification {
                $0.image = image
                $0.registry = credential
            }
            let failure = engineFailure { try engine.ensure(refused) { _ in } }
            #expect(failure?.kind == .image)
            #expect(failure?.reason.contains(image) == true)
            #expect(failure?.reason.contains("a wrong password") == false)
            #expect(try engine.observe(refused.podID) == nil)
        }
        let right = EngineSpecification.RegistryCredential(username: "user", password: TestRegistry.password)
        // The second node does not trust this registry.
        let podID = try bench.run(
            specification("echo pulled", gpu: "A100") {
                $0.image = image
                $0.registry = right
            })
        _ = try bench.end(of: podID)
        #expect(try bench.logs(podID) == "pulled\n")
        #expect(try !ask(1, "/services/\(podID)").contains(TestRegistry.password))
        let missing = specification {
            $0.image = "\(registry.host)/team/model:2"
            $0.registry = right
        }
        #expect(engineFailure { try engine.ensure(missing) { _ in } }?.kind == .image)
    }
}

@Suite("A Docker Swarm that fails", .blocking, .needsSwarm, .timeLimit(.perTest))
struct SwarmOutageTests {
    @Test("knows no news of pods on a node whose engine cannot be asked, and still stops them")
    func engineOfNode() throws {
        let swarm = try TestSwarm()
        let bench = try EngineBench(swarm: swarm)
        let specification = bench.specification {
            $0.cpuMillicores = 50
            $0.gpus = .init(type: "T4", count: 1, devices: [])
        }
        let podID = try bench.run(specification)
        let before = try #require(try bench.engine.observe(podID))
        let socket = String(swarm.url(ofNode: 2).dropFirst("unix://".count))
        try FileManager.default.moveItem(atPath: socket, toPath: socket + ".away")
        // One that knows nothing yet.
        let other = try EngineBench(swarm: swarm).engine
        #expect(engineFailure { _ = try other.observe(podID) }?.kind == .failed)
        #expect(try other.observe(instance: bench.instance).map(\.state) == [.unknown])
        #expect(try bench.engine.observe(podID) == before)
        #expect(try bench.engine.observe(instance: bench.instance) == [before])
        #expect(engineFailure { try bench.exec(podID, "true") }?.reason.contains("node") == true)
        try bench.engine.stop(podID, graceSeconds: 1)
        try blockUntil(within: .seconds(20), "the swarm has stopped the pod") {
            (try? bench.engine.observe(podID)?.state) == .created
        }
        try FileManager.default.moveItem(atPath: socket + ".away", toPath: socket)
        try bench.engine.start(podID)
        #expect(try other.observe(podID)?.state == .running)
    }

    @Test("loses the pods of a dead node within seconds, and ends them when the node comes back")
    func deadNode() throws {
        let swarm = try TestSwarm()
        let bench = try EngineBench(swarm: swarm)
        let engine = bench.engine
        func specification(_ gpu: String) -> EngineSpecification {
            bench.specification {
                $0.cpuMillicores = 50
                $0.gpus = .init(type: gpu, count: 1, devices: [])
            }
        }
        let lost = try bench.run(specification("T4"))
        let other = try bench.run(specification("A100"))
        // The image is on the nodes alone.
        let late = specification("T4")
        try engine.ensure(late) { _ in }
        let before = try #require(try engine.observe(lost))
        _ = try engine.waitForChanges(seconds: 0, EngineCancellation())
        try swarm.kill(node: 2)
        let began = ContinuousClock.now
        var changed: Set<String> = []
        try blockUntil(within: .seconds(30), "the loss") {
            changed.formUnion(try engine.waitForChanges(seconds: 0.5, EngineCancellation()))
            return changed.contains(lost)
        }
        #expect(ContinuousClock.now - began < .seconds(15))
        let observation = try #require(try engine.observe(lost))
        guard case .failed(let reason) = observation.state else {
            Issue.record("\(observation)")
            return
        }
        #expect(reason.contains("does not respond"))
        #expect(observation.startedAt == before.startedAt)
        let end = try #require(observation.finishedAt)
        #expect(end >= (try #require(before.startedAt)))
        #expect(try engine.observe(lost) == observation)
        #expect(try engine.observe(instance: bench.instance).contains(observation))
        #expect(try engine.observe(other)?.state == .running)
        #expect(try engine.capabilities().gpus == ["A100": 2])
        #expect(try engine.capabilities().warnings.first?.hasSuffix("does not respond") == true)
        #expect(engineFailure { try bench.exec(lost, "true") }?.kind == .failed)
        // A pod that is new waits for the node.
        let waiting = late.podID
        try engine.start(waiting)
        guard case .pending = try engine.observe(waiting)?.state else {
            Issue.record("\(String(describing: try engine.observe(waiting)))")
            return
        }

        try swarm.start()
        let socket = String(swarm.url(ofNode: 2).dropFirst("unix://".count))
        try blockUntil(within: .seconds(60), "the end of the container") {
            try !ToolProcess.run(
                "/usr/bin/curl", ["-s", "--unix-socket", socket, "http://engine/containers/json?all=true"]
            ).output.contains(lost)
        }
        // Nothing of the run is reported any more.
        try blockUntil(within: .seconds(20), "the swarm forgets the task") {
            let after = try #require(try engine.observe(lost))
            #expect(after.startedAt == nil)
            return after.state == .created
        }
        try blockUntil(within: .seconds(60), "the pod that waits") {
            for podID in try engine.waitForChanges(seconds: 0.1, EngineCancellation()) { _ = try engine.observe(podID) }
            return try engine.observe(waiting)?.state == .running
        }
        try engine.start(lost)
        #expect(try engine.observe(lost)?.state == .running)

        // A dead manager is an engine that does not respond.
        try swarm.kill(node: 1)
        #expect(engineFailure { _ = try engine.observe(lost) }?.kind == .unreachable)
        #expect(engineFailure { _ = try engine.capabilities() }?.kind == .unreachable)
        try swarm.start()
        try blockUntil(within: .seconds(60), "the manager") { (try? engine.observe(lost)?.state) == .running }
    }
}
