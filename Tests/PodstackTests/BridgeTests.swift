import Foundation
import PodstackTestSupport
import Testing

/// Compiles the guide's bridges against modules of the same shape as swift-log's, swift-metrics' and
/// swift-distributed-tracing's, which this package does not depend on.
@Suite("Bridges", .blocking, .timeLimit(.perTest))
struct BridgeTests {
    @Test(
        "a bridge compiles",
        arguments: [("LogBridge", "Logging"), ("MetricsBridge", "Metrics"), ("TracingBridge", "Tracing")])
    func compiles(bridge: String, module: String) throws {
        let root = GuideTests.root.path(percentEncoded: false)
        let modules = try ToolProcess.path(of: "GuideSnippets").replacing("/GuideSnippets", with: "/Modules")
        let folder = try TemporaryDirectory()
        let cache = ["-module-cache-path", folder.file("cache")]
        let stub = try ToolProcess.run(
            "/usr/bin/env",
            [
                "swiftc", "-swift-version", "6", "-parse-as-library", "-emit-module", "-module-name", module,
                "-emit-module-path", folder.file("\(module).swiftmodule"),
                "\(root)/Tests/Bridges/Stubs/\(module).swift",
            ] + cache, environment: ProcessInfo.processInfo.environment)
        #expect(stub.status == 0, "\(stub.error)")
        let maps = try FileManager.default.contentsOfDirectory(atPath: "\(root)/Sources").filter { $0.hasPrefix("C") }
            .flatMap { ["-Xcc", "-fmodule-map-file=\(root)/Sources/\($0)/module.modulemap"] }
        let run = try ToolProcess.run(
            "/usr/bin/env",
            [
                "swiftc", "-swift-version", "6", "-warnings-as-errors", "-parse-as-library", "-typecheck", "-I",
                modules,
                "-I", folder.path, "\(root)/Tests/Bridges/\(bridge).swift",
            ] + maps + cache, environment: ProcessInfo.processInfo.environment)
        #expect(run.status == 0, "\(run.error)")
    }
}
