import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension Trait where Self == ConditionTrait {
    /// The tests need a container engine.
    ///
    /// In continuous integration they fail without one. Elsewhere they are skipped with the reason.
    static var needsEngine: ConditionTrait {
        .enabled(if: EngineBench.problem == nil, "\(EngineBench.problem ?? "")")
    }

    /// The tests need a Docker Swarm, as ``needsEngine`` needs an engine.
    static var needsSwarm: ConditionTrait {
        .enabled(if: EngineBench.swarmProblem == nil, "\(EngineBench.swarmProblem ?? "")")
    }
}

/// The engine of the tests, with the pods, projects and volumes of one test, which are removed at its end.
final class EngineBench: Sendable {
    /// The reason why no engine can run here; nil if one can, or if the tests must fail without one.
    static let problem: String? = {
        guard ProcessInfo.processInfo.environment["CI"] == nil else { return nil }
        do {
            _ = try TestEngine.shared()
            return nil
        } catch { return "\(error)" }
    }()

    /// The reason why no Docker Swarm can run here; nil as for ``problem``.
    static let swarmProblem: String? = {
        guard ProcessInfo.processInfo.environment["CI"] == nil else { return nil }
        do {
            _ = try TestSwarm.shared()
            return nil
        } catch { return "\(error)" }
    }()

    private let docker: TestEngine?
    let engine: any PodEngine
    /// The label of this test.
    let instance: String
    private let created = Mutex<(pods: [String], projects: Set<String>, volumes: [String])>(([], [], []))

    init(_ test: TestEngine? = nil) throws {
        let test = try test ?? TestEngine.shared()
        docker = test
        engine = DockerEngine(try EngineEndpoint(test.url).address)
        instance = "test-\(UInt64.random(in: 0...UInt64.max))"
    }

    /// Creates the bench of a test with a Docker Swarm.
    init(swarm: TestSwarm) throws {
        docker = nil
        engine = SwarmEngine(try EngineEndpoint(swarm.url).address, identity: nil)
        instance = "test-\(UInt64.random(in: 0...UInt64.max))"
    }

    /// The engine of a bench without a swarm.
    var test: TestEngine {
        guard let docker else { preconditionFailure("the bench has a swarm") }
        return docker
    }

    deinit {
        let created = created.withLock { $0 }
        for pod in created.pods { try? engine.remove(pod) }
        for project in created.projects { try? engine.removeNetwork(projectID: project) }
        for volume in created.volumes { try? engine.removeVolume(volume) }
    }

    func newID(_ prefix: String) -> String { "\(prefix)_\(UInt64.random(in: 0...UInt64.max))" }

    /// Returns a specification of a pod that is removed at the end of the test.
    func specification(
        _ command: String? = "exec sleep 600", project: String? = nil,
        _ change: (inout EngineSpecification) -> Void = { _ in }
    ) -> EngineSpecification {
        var specification = EngineSpecification(
            podID: newID("pod"), instance: instance, projectID: project ?? "prj_\(instance)", image: "podstack-test:1",
            command: command, cpuMillicores: 1000, memoryBytes: 64 << 20, diskBytes: 1 << 30,
            publishAddress: "127.0.0.1")
        change(&specification)
        let (podID, projectID) = (specification.podID, specification.projectID)
        created.withLock {
            $0.pods.append(podID)
            $0.projects.insert(projectID)
        }
        return specification
    }

    /// Creates a volume that is removed at the end of the test.
    func volume() throws -> String {
        let id = newID("vol")
        created.withLock { $0.volumes.append(id) }
        try engine.ensureVolume(id, instance: instance)
        return id
    }

    /// Creates and starts a pod.
    @discardableResult
    func run(_ specification: EngineSpecification) throws -> String {
        try engine.ensure(specification) { _ in }
        try engine.start(specification.podID)
        return specification.podID
    }

    /// Creates and starts a pod.
    func run(
        _ command: String = "exec sleep 600", project: String? = nil,
        _ change: (inout EngineSpecification) -> Void = { _ in }
    ) throws -> String {
        try run(specification(command, project: project, change))
    }

    /// Waits until a pod has ended, and returns the observation.
    func end(of podID: String) throws -> EngineObservation {
        var last: EngineObservation?
        try blockUntil(within: .seconds(30), "the end of the pod") {
            last = try engine.observe(podID)
            switch last?.state {
            case .running, .created, .pending: return false
            default: return true
            }
        }
        return try #require(last)
    }

    /// Runs a command in a pod and returns its exit code and output.
    @discardableResult
    func exec(_ podID: String, _ command: String...) throws -> (code: Int, output: String, error: String) {
        var output: [UInt8] = []
        var error: [UInt8] = []
        let code = try engine.exec(podID, command, EngineCancellation()) { stream, bytes in
            if stream == .output { output += bytes } else { error += bytes }
            return true
        }
        return (code, String(decoding: output, as: UTF8.self), String(decoding: error, as: UTF8.self))
    }

    /// Runs a line of the shell in a pod and returns its output and errors.
    func shell(_ podID: String, _ line: String) throws -> String {
        let result = try exec(podID, "sh", "-c", line)
        return result.output + result.error
    }

    /// Returns the output of a pod.
    func logs(_ podID: String, _ change: (inout EngineLogSelection) -> Void = { _ in }) throws -> String {
        var selection = EngineLogSelection()
        change(&selection)
        var text: [UInt8] = []
        try engine.logs(podID, selection, EngineCancellation()) { _, bytes in
            text += bytes
            return true
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Sends a request to the engine itself, and returns the body of its response.
    func ask(_ method: String = "GET", _ path: String, body: String? = nil) throws -> String {
        let socket = String(test.url.dropFirst("unix://".count))
        let result = try ToolProcess.run(
            "/usr/bin/curl",
            ["-s", "--unix-socket", socket, "-X", method, "http://engine/v1.41" + path]
                + (body.map { ["-H", "Content-Type: application/json", "-d", $0] } ?? []))
        return result.output
    }
}

/// Returns the kind of the failure that a closure throws.
func engineFailure(_ body: () throws -> Void) -> EngineFailure? {
    #expect(throws: EngineFailure.self) { try body() }
}
