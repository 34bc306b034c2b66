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

/// A program, run as a process of its own.
package final class ToolProcess: Sendable {
    package struct Failure: Error { var reason: String }

    private let id: pid_t
    private let ending: ProcessEnding
    private let output: TemporaryDirectory
    /// The end of its standard input that we hold; -1 when it has none.
    private let leash: Int32

    /// - Parameters:
    ///   - name: Of a product, found beside the tests; or the path of any other program.
    ///   - environment: The whole environment; of this process it inherits only settings of the thread sanitizer and of `scripts/mutants`.
    package convenience init(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws {
        let path = name.hasPrefix("/") ? name : try Self.path(of: name)
        try self.init(path: path, arguments, environment: environment)
    }

    /// Ends with this value, or with this process, whatever ends that.
    ///
    /// - Parameters:
    ///   - name: Of a program of the system, found where such are; or its path.
    ///   - ending: The signal that ends it.
    ///   - folder: What is removed then, unless a file `kept` is in it.
    package convenience init(
        attached name: String, _ arguments: [String], ending: String = "KILL", removing folder: String = ""
    ) throws {
        // The shell's standard input ends when the last who could write to it is gone.
        let script = """
            ending=$1; folder=$2; shift 2; "$@" & child=$!
            read -r _; kill -$ending $child; wait $child
            [ -z "$folder" ] || [ -e "$folder/kept" ] || for _ in 1 2 3 4 5; do
                # Its own children may still write while they end.
                rm -rf "$folder" 2>/dev/null && break; sleep 1
            done
            """
        try self.init(
            path: "/bin/sh", ["-c", script, "sh", ending, folder, Self.installed(name)] + arguments, environment: [:],
            leash: true)
    }

    /// - Parameter name: Of a program of the system, found where such are.
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
            // Not a pipe: between making one and marking it, another thread may start a process that inherits it.
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw Failure(reason: "cannot make a socket pair") }
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
        // The threads of a task's pool block signals, and a child would go on with that.
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

    /// The exit status, or 128 and the signal that ended it.
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

    /// Runs to the end.
    package static func run(
        _ name: String, _ arguments: [String], environment: [String: String] = [:]
    ) throws -> (status: Int32, output: String, error: String) {
        let process = try ToolProcess(name, arguments, environment: environment)
        let status = process.wait()
        return (status, process.standardOutput, process.standardError)
    }
}
