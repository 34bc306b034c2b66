import PodstackSystem
import PodstackTestSupport
import PodstackTransport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("An engine that fails", .blocking, .needsEngine, .timeLimit(.perTest))
struct EngineOutageTests {
    @Test("is reported as unreachable by every operation, and works again once it is back")
    func outage() throws {
        let bench = try EngineBench(try TestEngine(gpus: 0))
        let engine = bench.engine
        let running = try bench.run("trap exit TERM; while :; do echo line; sleep 0.05; done")
        let short = try bench.run("while [ ! -e /tmp/go ]; do sleep 0.05; done; exit 4")
        let session = try engine.attach(running, ["cat"], terminal: nil)

        // Killed in the middle of streams.
        let follower = Mutex<EngineFailure?>(nil)
        let waiter = Mutex<EngineFailure?>(nil)
        let lines = Mutex(0)
        let left = Mutex(2)
        BlockingThread.start {
            do {
                try engine.logs(running, EngineLogSelection(follows: true), EngineCancellation()) { _, _ in
                    lines.withLock { $0 += 1 }
                    return true
                }
            } catch { follower.withLock { $0 = error as? EngineFailure } }
            left.withLock { $0 -= 1 }
        }
        BlockingThread.start {
            do {
                while true { _ = try engine.waitForChanges(seconds: 600, EngineCancellation()) }
            } catch { waiter.withLock { $0 = error as? EngineFailure } }
            left.withLock { $0 -= 1 }
        }
        try blockUntil("some lines") { lines.withLock { $0 > 2 } }
        _ = try bench.exec(short, "touch", "/tmp/go")
        let end = try bench.end(of: short)
        try bench.test.kill()
        try blockUntil("the ends of the streams") { left.withLock { $0 == 0 } }
        #expect(follower.withLock { $0?.kind } == .unreachable)
        #expect(waiter.withLock { $0?.kind } == .unreachable)
        #expect(throws: EngineFailure.self) {
            while try session.read() != nil {}; _ = try session.exitCode()
        }

        let specification = bench.specification()
        let operations: [(String, () throws -> Void)] = [
            ("capabilities", { _ = try engine.capabilities() }),
            ("ensure", { try engine.ensure(specification) { _ in } }),
            ("start", { try engine.start(running) }), ("stop", { try engine.stop(running, graceSeconds: 0) }),
            ("remove", { try engine.remove(running) }), ("observe", { _ = try engine.observe(running) }),
            ("observe all", { _ = try engine.observe(instance: bench.instance) }),
            ("wait", { _ = try engine.waitForChanges(seconds: 1, EngineCancellation()) }),
            ("logs", { _ = try bench.logs(running) }), ("exec", { try bench.exec(running, "true") }),
            ("attach", { _ = try engine.attach(running, ["sh"], terminal: nil) }),
            ("download", { try engine.download(running, path: "/", EngineCancellation()) { _ in true } }),
            ("upload", { try engine.upload(running, path: "/") { [] } }),
            ("statistics", { _ = try engine.statistics(running) }),
            ("volume", { try engine.ensureVolume("vol", instance: "x") }),
            ("no volume", { try engine.removeVolume("vol") }),
            ("no network", { try engine.removeNetwork(projectID: "x") }),
        ]
        for (name, operation) in operations {
            let failure = engineFailure(operation)
            #expect(failure?.kind == .unreachable, "\(name)")
            #expect(failure?.isTransient == true, "\(name)")
        }

        try bench.test.start()
        #expect(try engine.capabilities().name.hasPrefix("Docker"))
        let states = try engine.observe(instance: bench.instance)
        #expect(states.count == 2)
        // The run that ended before the engine was killed has the same times as before.
        #expect(states.first { $0.podID == short } == end)
        // An engine without live restore ends the containers that it finds.
        guard case .exited = states.first(where: { $0.podID == running })?.state else {
            Issue.record("\(states)")
            return
        }
        try engine.start(running)
        #expect(try engine.observe(running)?.state == .running)
    }

    @Test("knows when a pod ended while it was down, and lets the others run on")
    func endedMeanwhile() throws {
        let bench = try EngineBench(try TestEngine(gpus: 0, options: ["--live-restore"]))
        let staying = try bench.run()
        let before = try #require(try bench.engine.observe(staying))
        let ending = try bench.run("while [ ! -e /tmp/go ]; do sleep 0.02; done; sleep 1; exit 4")
        _ = try bench.exec(ending, "touch", "/tmp/go")
        let started = try #require(try bench.engine.observe(ending)?.startedAt)
        try bench.test.kill()
        BoundedWait.sleep(.seconds(2))
        let back = Int64(Date().timeIntervalSince1970 * 1000)
        try bench.test.start(["--live-restore"])
        let end = try #require(try bench.engine.observe(ending))
        #expect(end.state == .exited(code: 4, isOutOfMemory: false))
        #expect(end.startedAt == started)
        #expect(try started...back ~= #require(end.finishedAt))
        // The other pod runs on, in the same run.
        #expect(try bench.engine.observe(staying) == before)
    }

    @Test("is reached over the network only with certificates of both sides")
    func certificates() throws {
        let authority = try PrivateAuthority()
        let stranger = try PrivateAuthority()
        let client = try authority.issue("client", for: "DNS:client")
        let foreign = try stranger.issue("client", for: "DNS:client")
        // The address of the engine is not known before it has started, so its certificate has all that it may get.
        let server = try authority.issue(
            "server", for: (1...70).map { "IP:10.\($0).255.2" }.joined(separator: ","))
        let test = try TestEngine(
            gpus: 0,
            options: [
                "-H", "tcp://0.0.0.0:2376", "--tlsverify", "--tlscacert", authority.bundle, "--tlscert",
                server.certificate,
                "--tlskey", server.key,
            ])
        let url = "tcp://\(try test.node):2376"
        func engine(
            _ files: (certificate: String, key: String), authorities: String
        ) throws -> DockerEngine {
            let identity = EngineEndpoint.Identity(
                certificate: FilePath(files.certificate), key: FilePath(files.key), authorities: FilePath(authorities))
            return DockerEngine(try EngineEndpoint(url, identity: identity).address)
        }
        let secure = try engine(client, authorities: authority.bundle)
        #expect(try secure.capabilities().name.hasPrefix("Docker"))
        for (files, authorities) in [(foreign, authority.bundle), (client, stranger.bundle)] {
            let failure = engineFailure { _ = try engine(files, authorities: authorities).capabilities() }
            #expect(failure?.kind == .unreachable)
        }

        // Interactive commands, whose connection is encrypted too.
        let bench = try EngineBench(test)
        let podID = try bench.run()
        let session = try secure.attach(podID, ["sh", "-c", "cat; exit 3"], terminal: nil)
        let text = String(repeating: "0123456789abcdef\n", count: 30_000)
        BlockingThread.start {
            try? session.write(Array(text.utf8))
            try? session.closeInput()
        }
        var received: [UInt8] = []
        while let part = try session.read() { received += part.bytes }
        #expect(String(decoding: received, as: UTF8.self) == text)
        #expect(try session.exitCode() == 3)
        let cancellation = EngineCancellation()
        BlockingThread.start {
            BoundedWait.sleep(.milliseconds(100))
            cancellation.cancel()
        }
        #expect(
            engineFailure { try secure.logs(podID, EngineLogSelection(follows: true), cancellation) { _, _ in true } }?
                .kind
                == .canceled)
    }
}
