import Podstack
import Synchronization

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

/// A program that runs in its own process.
package final class ToolProcess: Sendable {
    package struct Failure: Error { var reason: String }

    package let id: pid_t
    private let ending: ProcessEnding
    private let output: TemporaryDirectory
    /// Our end of the socket pair that is the standard input of an attached program; -1 if there is none.
    private let leash: Int32

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - name: The name of a product, which is found beside the tests, or the path of another program.
    ///   - arguments: The arguments.
    ///   - environment: The whole environment. Only settings of the thread sanitizer and of `scripts/mutants` are inherited.
    /// - Throws: An error if the program cannot be started.
    package convenience init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let path = name.hasPrefix("/") ? name : try Self.path(of: name)
        try self.init(path: path, arguments, environment: environment)
    }

    /// Starts a program that ends when this value is released or when this process ends, even in a crash.
    ///
    /// - Parameters:
    ///   - name: The name of an installed program, or its path.
    ///   - arguments: The arguments.
    ///   - ending: The signal that ends the program.
    ///   - folder: The folder that is then removed, unless it contains a file `kept`.
    /// - Throws: An error if the program is not installed or cannot be started.
    package convenience init(
        attached name: String, _ arguments: [String], ending: String = "KILL", removing folder: String = ""
    ) throws {
        // The shell's standard input ends when the last process that could write to it has ended.
        let script = """
            ending=$1; folder=$2; shift 2; "$@" & child=$!
            read -r _; kill -$ending $child; wait $child
            [ -z "$folder" ] || [ -e "$folder/kept" ] || for _ in 1 2 3 4 5; do
                # The program's own children may still write while they end.
                rm -rf "$folder" 2>/dev/null && break; sleep 1
            done
            """
        try self.init(
            path: "/bin/sh", ["-c", script, "sh", ending, folder, Self.installed(name)] + arguments, environment: [:],
            leash: true)
    }

    /// Starts an installed program.
    ///
    /// - Parameters:
    ///   - name: The name of the program, or its path.
    ///   - arguments: The arguments.
    /// - Throws: An error if the program is not installed or cannot be started.
    package convenience init(installed name: String, _ arguments: [String]) throws {
        try self.init(path: Self.installed(name), arguments, environment: [:])
    }

    /// Settings of the thread sanitizer and of `scripts/mutants`, which every process needs.
    private static let inherited = ProcessInfo.processInfo.environment.filter {
        ["TSAN_OPTIONS", "PODSTACK_MUTANT"].contains($0.key)
    }

    private init(path: String, _ arguments: [String], environment: [String: String], leash: Bool = false) throws {
        output = try TemporaryDirectory()
        var ends: [Int32] = [-1, -1]
        if leash {
            // A pipe would not do: another thread may start a process that inherits it before it is marked.
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(reason: "cannot create a socket pair") }
        }
        defer { if leash { close(ends[0]) } }
        self.leash = ends[1]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if leash {
            posix_spawn_file_actions_adddup2(&actions, ends[0], 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        posix_spawn_file_actions_addopen(&actions, 1, output.file("out"), O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, output.file("err"), O_CREAT | O_WRONLY | O_TRUNC, 0o600)
        var words = ([path] + arguments).map { strdup($0) } + [nil]
        var variables = environment.merging(Self.inherited) { $1 }.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in words + variables { free(string) } }
        // The threads of the concurrency runtime block signals, and a child would inherit that.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        var id = pid_t()
        guard posix_spawn(&id, path, &actions, &attributes, &words, &variables) == 0 else {
            throw Failure(reason: "cannot start \(path)")
        }
        self.id = id
        ending = ProcessEnding(of: id)
    }

    deinit {
        guard leash >= 0 else { return }
        close(leash)
        wait()
    }

    package var standardOutput: String { output.read("out") ?? "" }
    package var standardError: String { output.read("err") ?? "" }

    package func signal(_ number: Int32) {
        if ending.status.load(ordering: .acquiring) < 0 { kill(id, number) }
    }

    package var isRunning: Bool { ending.status.load(ordering: .acquiring) < 0 }

    /// Waits for the end, and returns the exit status, or 128 plus the number of the signal.
    @discardableResult
    package func wait() -> Int32 {
        while true {
            let status = ending.status.load(ordering: .acquiring)
            if status >= 0 { return status }
            BoundedWait.sleep(.milliseconds(2))
        }
    }

    /// Waits up to 30 seconds until the standard output meets a condition.
    package func waitForOutput(_ condition: (String) -> Bool) throws {
        try wait { condition(standardOutput) }
    }

    /// Waits up to 30 seconds until the standard error meets a condition.
    package func waitForError(_ condition: (String) -> Bool) throws {
        try wait { condition(standardError) }
    }

    /// Waits up to 30 seconds until the standard output and error together meet a condition.
    package func waitForEither(_ condition: (String) -> Bool) throws {
        try wait { condition(standardOutput + standardError) }
    }

    private func wait(_ condition: () -> Bool) throws {
        var wait = BoundedWait(.seconds(30))
        while !condition() {
            guard let pause = wait.next() else {
                throw Failure(reason: "no such output within \(wait.limit); standard error: \(standardError)")
            }
            BoundedWait.sleep(pause)
        }
    }

    /// Runs a program to its end.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, error: String) {
        let process = try ToolProcess(name, arguments, environment: environment)
        let status = process.wait()
        return (status, process.standardOutput, process.standardError)
    }
}

// MARK: - Finding programs

extension ToolProcess {
    /// Returns the path of a product, which is in the folder of the test runner or beside the bundle that it loads.
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

    /// Returns the path of an installed program.
    static func installed(_ name: String) throws -> String {
        if name.hasPrefix("/") { return name }
        let folders =
            (getenv("PATH").map { String(cString: $0) } ?? "").split(separator: ":") + ["/usr/sbin", "/usr/bin"]
        guard let folder = folders.first(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") })
        else { throw Failure(reason: "\(name) is not installed: run scripts/test, which installs it") }
        return "\(folder)/\(name)"
    }
}

// MARK: - End of a process

/// Waits for the end of a process on its own thread.
final class ProcessEnding: Sendable {
    /// The exit status, or 128 plus the number of the signal; -1 while the process runs.
    let status = Atomic<Int32>(-1)

    init(of id: pid_t) {
        // The wait begins at once: otherwise the process would stay a zombie after its end, and the exit tests of Swift
        // Testing, which look at every child, would loop over it.
        BlockingThread.start { [self] in
            var status: Int32 = 0
            while waitpid(id, &status, 0) < 0, errno == EINTR {}
            let signal = status & 0x7F
            self.status.store(signal == 0 ? (status >> 8) & 0xFF : 128 + signal, ordering: .releasing)
        }
    }
}
