import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("The images of pods", .blocking, .needsEngine, .timeLimit(.perTest))
struct EngineImageTests {
    let bench: EngineBench
    var engine: any PodEngine { bench.engine }

    init() throws { bench = try EngineBench() }

    @Test("are pulled from a private registry with its credential, whose password appears nowhere")
    func privateRegistry() throws {
        let registry = try TestRegistry(at: bench.test.address)
        let image = "\(registry.host)/team/model:1"
        try registry.push("podstack-test:1", as: "team/model", at: bench.test.url)
        let right = EngineSpecification.RegistryCredential(username: "user", password: TestRegistry.password)

        for credential in [nil, .init(username: "user", password: "a wrong password")]
            as [EngineSpecification.RegistryCredential?]
        {
            let refused = bench.specification {
                $0.image = image
                $0.registry = credential
            }
            let failure = engineFailure { try engine.ensure(refused) { _ in } }
            #expect(failure?.kind == .image)
            #expect(failure?.reason.contains(image) == true)
            #expect(failure?.reason.contains("a wrong password") == false)
            #expect(try engine.observe(refused.podID) == nil)
        }

        let specification = bench.specification("echo pulled") {
            $0.image = image
            $0.registry = right
        }
        #expect(!"\(specification)".contains(TestRegistry.password))
        let steps = Mutex<[String]>([])
        try engine.ensure(specification) { step in steps.withLock { $0.append(step) } }
        #expect(steps.withLock { $0 } == ["Pulling the image \(image)", "Pulled the image \(image)"])
        try engine.start(specification.podID)
        _ = try bench.end(of: specification.podID)
        #expect(try bench.logs(specification.podID) == "pulled\n")
        #expect(try !bench.ask("GET", "/containers/\(specification.podID)/json").contains(TestRegistry.password))

        let missing = bench.specification {
            $0.image = "\(registry.host)/team/model:2"
            $0.registry = right
        }
        let failure = engineFailure { try engine.ensure(missing) { _ in } }
        #expect(failure?.kind == .image)
        #expect(failure?.reason.contains("manifest unknown") == true)
        #expect(!bench.test.log.contains("a wrong password"))
    }

    @Test("that have impossible names, or a registry that does not respond, are reported as such")
    func impossibleNames() throws {
        for (name, kind) in [
            ("UPPER/case:1", EngineFailure.Kind.image), ("a b", .image), ("", .image),
            ("../../containers/json", .image),
            ("x?y=z", .image), ("\(try bench.test.address):1/nobody:1", .failed),
        ] {
            let failure = engineFailure { try engine.ensure(bench.specification { $0.image = name }) { _ in } }
            #expect(failure?.kind == kind, "\(name): \(String(describing: failure))")
        }
    }
}

/// A private registry of a test, with one user.
final class TestRegistry {
    static let password = "right password"
    /// The host and port, as the name of an image begins with.
    let host: String
    private let process: ToolProcess

    init(at address: String) throws {
        let folder =
            FileManager.default.temporaryDirectory.path + "/podstack-registry-\(UInt64.random(in: 0...UInt64.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        host = "\(address):\(try LoopbackListener.freePorts(1)[0])"
        // The hash of the password.
        let users = "user:$2b$04$qRAKIkyYOwDbfc/HEvcXIueE2ufODxOxoNxO0UTFlB4H1gwIhocUe\n"
        try Data(users.utf8).write(to: URL(filePath: folder + "/users"))
        let configuration = """
            version: 0.1
            log: {level: error}
            storage: {filesystem: {rootdirectory: \(folder)/data}}
            http: {addr: "\(host)", secret: test}
            auth: {htpasswd: {realm: test, path: \(folder)/users}}
            """
        try Data(configuration.utf8).write(to: URL(filePath: folder + "/config.yml"))
        process = try ToolProcess(attached: "docker-registry", ["serve", folder + "/config.yml"], removing: folder)
        try blockUntil(within: .seconds(20), "the registry") {
            try ToolProcess.run("/usr/bin/curl", ["-s", "http://\(host)/v2/"]).output.contains("UNAUTHORIZED")
        }
    }

    /// Pushes an image of the engine, and removes its new name from the engine.
    func push(_ image: String, as name: String, at url: String) throws {
        let socket = ["-s", "--unix-socket", String(url.dropFirst("unix://".count)), "-X"]
        let engine = "http://engine/v1.41/images"
        _ = try ToolProcess.run(
            "/usr/bin/curl", socket + ["POST", "\(engine)/\(image)/tag?repo=\(host)/\(name)&tag=1"])
        let credential = Data(#"{"username":"user","password":"\#(Self.password)"}"#.utf8).base64EncodedString()
        let result = try ToolProcess.run(
            "/usr/bin/curl",
            socket + ["POST", "-H", "X-Registry-Auth: \(credential)", "\(engine)/\(host)/\(name)/push?tag=1"])
        #expect(result.output.contains("digest"), "\(result.output)")
        _ = try ToolProcess.run("/usr/bin/curl", socket + ["DELETE", "\(engine)/\(host)/\(name):1"])
    }
}
