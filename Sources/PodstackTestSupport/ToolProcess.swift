#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A program of the package, run as a process of its own.
package final class ToolProcess: Sendable {
    package struct Failure: Error { var reason: String }

    private let id: pid_t
    private let output: TemporaryDirectory

    /// - Parameters:
    ///   - name: Of a product, found beside the tests; or the path of any other program.
    ///   - environment: All of it: nothing of this process comes through.
    package init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        output = try TemporaryDirectory()
        let path = name.hasPrefix("/") ? name : try Self.path(of: name)
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output.file("out"), O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, output.file("err"), O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in words + variables { free(string) } }
        var id = pid_t()
        guard posix_spawn(&id, path, &actions, nil, &words, &variables) == 0 else {
            throw Failure(reason: "cannot start \(path)")
        }
        self.id = id
    }

    package var standardOutput: String { output.read("out") ?? "" }
    package var standardError: String { output.read("err") ?? "" }

    package func signal(_ number: Int32) { kill(id, number) }

    /// The exit status, or 128 and the signal that ended it.
    @discardableResult
    package func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(id, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
    }

    /// Polls for 20 seconds until `condition` of the standard output holds.
    package func waitForOutput(_ condition: (String) -> Bool) throws {
        for _ in 0..<2000 {
            if condition(standardOutput) { return }
            usleep(10_000)
        }
        throw Failure(reason: "it did not say what was waited for: \(standardError)")
    }

    /// Runs to the end.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, error: String) {
        let process = try ToolProcess(name, arguments, environment: environment)
        let status = process.wait()
        return (status, process.standardOutput, process.standardError)
    }

    /// Products lie in the folder of the test runner, or beside the bundle that it loads.
    package static func path(of name: String) throws -> String {
        for argument in CommandLine.arguments.reversed() + ["/proc/self/exe"] {
            let resolved = argument.hasPrefix("/proc") ? realpath(argument, nil).map { String(cString: $0) } : argument
            var folder = URL(filePath: resolved ?? argument).deletingLastPathComponent()
            for _ in 0..<3 {
                let candidate = folder.appending(path: name).path
                if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
                folder = folder.deletingLastPathComponent()
            }
        }
        throw Failure(reason: "\(name) is not built")
    }
}
