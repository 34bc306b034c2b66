internal import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A Python program that returns the results of another implementation, to compare with ours.
///
/// `scripts/test` creates a Python environment with the packages that the programs need, and sets its path in
/// `PODSTACK_TEST_PYTHON`.
package enum PythonOracle {
    package static let interpreter = ProcessInfo.processInfo.environment["PODSTACK_TEST_PYTHON"]
    package static var isThere: Bool { interpreter != nil }

    /// Returns the path of another file that `scripts/oracles` installs.
    package static func file(_ name: String) throws -> String {
        guard let interpreter else { throw ToolProcess.Failure(reason: "PODSTACK_TEST_PYTHON is not set") }
        return URL(filePath: interpreter).deletingLastPathComponent().appending(path: "../share/\(name)").standardized
            .path
    }

    /// Runs `Tests/Oracles/NAME`, which reads questions from one file and writes their results to another.
    package static func ask<Question: Encodable, Answer: Decodable>(
        _ name: String, _ questions: [Question]
    ) throws -> [Answer] {
        let folder = try TemporaryDirectory()
        let questionFile = try folder.write(
            String(decoding: try APICoding.encode(questions), as: UTF8.self), to: "questions.json")
        let run = try start(name, [questionFile, folder.file("answers.json")])
        guard run.wait() == 0, let answers = folder.read("answers.json") else {
            throw ToolProcess.Failure(reason: "\(name) failed: \(run.standardError.suffix(500))")
        }
        return try APICoding.decode([Answer].self, from: Array(answers.utf8))
    }

    /// Starts `Tests/Oracles/NAME`.
    package static func start(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> ToolProcess {
        guard let interpreter else { throw ToolProcess.Failure(reason: "PODSTACK_TEST_PYTHON is not set") }
        let script = URL(filePath: #filePath).appending(path: "../../../Tests/Oracles/\(name)").standardized.path
        return try ToolProcess(interpreter, [script] + arguments, environment: environment)
    }
}
