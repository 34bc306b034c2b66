import Foundation
import Podstack
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A private Docker engine for tests, which `scripts/engine` runs, with the image `podstack-test:1` and fake GPUs.
package final class TestEngine: Sendable {
    /// Returns the engine of all tests in this process, and starts it first if necessary.
    package static func shared() throws -> TestEngine {
        try current.withLock { engine in
            if let engine { return engine }
            let started = try TestEngine()
            engine = started
            // Static values are never released.
            atexit { TestEngine.current.withLock { $0 = nil } }
            return started
        }
    }

    private static let current = Mutex<TestEngine?>(nil)

    private let engine: EngineProcess

    /// Starts an engine, which ends with this value or with this process, even in a crash.
    ///
    /// - Parameters:
    ///   - gpus: The number of fake GPUs; 0 for an engine without support for GPUs.
    ///   - options: Options of `dockerd`.
    /// - Throws: The reason why no engine can run here.
    package init(gpus: Int = 4, options: [String] = []) throws {
        engine = try EngineProcess("run", gpus: gpus, options)
    }

    /// The URL of the engine, for the option `--engine`.
    package var url: String { engine.url }
    /// An address at which the engine and its containers reach this process.
    package var address: String { get throws { try engine.value("address") } }
    /// The address of the engine, for an option such as `-H tcp://0.0.0.0:2376`.
    package var node: String { get throws { try engine.value("node") } }
    /// The log of the engine.
    package var log: String { (try? engine.value("dockerd.log")) ?? "" }

    /// Kills the engine, as a crash would; its containers go on.
    package func kill() throws { try engine.run("kill") }

    /// Starts the engine again.
    package func start(_ options: [String] = []) throws { try engine.run("start", options) }
}

/// A private Docker Swarm of two nodes for tests, which `scripts/engine` runs: the first is the manager and has A100, the
/// second T4, both two of them.
package final class TestSwarm: Sendable {
    private let engine: EngineProcess

    /// Starts a swarm, which ends with this value or with this process, even in a crash.
    ///
    /// - Throws: The reason why none can run here.
    package init() throws { engine = try EngineProcess("run-swarm", gpus: 4, []) }

    /// Returns the swarm of all tests in this process, and starts it first if necessary.
    package static func shared() throws -> TestSwarm {
        try current.withLock { swarm in
            if let swarm { return swarm }
            let started = try TestSwarm()
            swarm = started
            // Static values are never released.
            atexit { TestSwarm.current.withLock { $0 = nil } }
            return started
        }
    }

    private static let current = Mutex<TestSwarm?>(nil)

    /// The URL of the manager, for the option `--engine`.
    package var url: String { engine.url }
    /// The URL of the engine of a node, 1 or 2.
    package func url(ofNode number: Int) -> String { "unix://\(engine.directory)/\(number)/docker.sock" }
    /// An address at which a node and its containers reach this process.
    package func address(ofNode number: Int) throws -> String { try engine.value("\(number)/address") }
    /// The address of a node in this process's network.
    package func node(_ number: Int) throws -> String { try engine.value("\(number)/node") }

    /// Kills the engine of a node, as a crash would; its containers go on.
    package func kill(node number: Int) throws { try engine.run("kill", in: "/\(number)") }

    /// Starts the engines that do not run, and waits until the manager knows both nodes again.
    package func start() throws { try engine.run("swarm") }
}

/// A run of `scripts/engine`, which ends what it started.
private final class EngineProcess: Sendable {
    private let process: ToolProcess
    let directory: String

    init(_ command: String, gpus: Int, _ options: [String]) throws {
        directory =
            FileManager.default.temporaryDirectory.path + "/podstack-engine-\(UInt64.random(in: 0...UInt64.max))"
        process = try ToolProcess(
            attached: "/usr/bin/env",
            ["PODSTACK_ENGINE_GPUS=\(gpus)", Self.script, command, directory] + options, ending: "TERM",
            removing: directory)
        var wait = BoundedWait(.seconds(60))
        while !process.standardOutput.contains("\n") {
            guard !process.standardError.contains("error:"), let pause = wait.next() else {
                throw ToolProcess.Failure(
                    reason: "no container engine can run here: \(process.standardError.suffix(1000))")
            }
            BoundedWait.sleep(pause)
        }
    }

    private static let script = URL(filePath: #filePath).appending(path: "../../../scripts/engine").standardized.path

    var url: String { String(process.standardOutput.prefix { $0 != "\n" }) }

    func value(_ name: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: "\(directory)/\(name)") else {
            throw ToolProcess.Failure(reason: "the engine has no file \(name)")
        }
        return String(decoding: data, as: UTF8.self).filter { $0 != "\n" }
    }

    func run(_ command: String, _ options: [String] = [], in subdirectory: String = "") throws {
        let result = try ToolProcess.run(Self.script, [command, directory + subdirectory] + options)
        guard result.status == 0 else { throw ToolProcess.Failure(reason: "scripts/engine: \(result.error)") }
    }
}
