import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

#if os(Linux)
    /// Traces the system calls of a program, because only a power failure would show a missing fsync.
    @Suite("Durability of the credentials file", .blocking, .timeLimit(.minutes(2)))
    struct DurabilityTests {
        @Test("the file is synced before it replaces the old one, and the folder after")
        func syncOrder() throws {
            let home = try TemporaryDirectory()
            #expect(mkdir(home.file(".podstack"), 0o700) == 0)
            _ = try home.write("[default]\napi_token = old\n", to: ".podstack/credentials")
            let command = #"exec strace -f -y -o "$1" -e trace=fsync,rename,renameat,renameat2 "$2" save"#
            let run = try ToolProcess.run(
                "/bin/sh", ["-c", command, "sh", home.file("trace"), ToolProcess.path(of: "GuideSnippets")],
                environment: ["HOME": home.path, "PATH": "/usr/bin:/bin"])
            #expect(run.status == 0, "\(run.error)")
            let calls = (home.read("trace") ?? "").split(separator: "\n")
            func index(_ call: String, _ path: String) -> Int? {
                calls.firstIndex { $0.contains(call) && $0.contains(path) && $0.hasSuffix("= 0") }
            }
            let trace = Comment(rawValue: calls.joined(separator: "\n"))
            let file = try #require(index("fsync(", "/.podstack/credentials.tmp>"), trace)
            let rename = try #require(index("rename", "/.podstack/credentials.tmp\""), trace)
            let folder = try #require(index("fsync(", "/.podstack>"), trace)
            #expect(file < rename && rename < folder, trace)
        }
    }
#endif
