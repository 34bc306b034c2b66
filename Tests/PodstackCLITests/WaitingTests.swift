import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Waiting for locks, pipes and programs", .blocking, .timeLimit(.perTest))
struct WaitingTests {
    let home: TemporaryDirectory

    init() throws {
        home = try TemporaryDirectory()
        #expect(mkdir(home.file(".podstack"), 0o700) == 0)
    }

    func start(_ words: String..., environment: [String: String] = [:]) throws -> ToolProcess {
        try ToolProcess(
            "podstack", words,
            environment: ["HOME": home.path, "PATH": "/usr/bin:/bin", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:9"]
                .merging(environment) { $1 })
    }

    /// Locks a file until the returned descriptor is closed.
    func lock(_ name: String) throws -> Int32 {
        let descriptor = open(home.file(name), O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        return descriptor
    }

    @Test("a command says after two seconds that it waits for a lock, and continues when the lock is released")
    func lockedFile() throws {
        let descriptor = try lock(".podstack/credentials.lock")
        let start = ContinuousClock.now
        let process = try self.start("config", "set", "project_id", "x")
        let quiet = try self.start("config", "set", "api_endpoint", "https://example.com", "--quiet")
        let path = home.file(".podstack/credentials")
        try process.waitForError { $0 == "waiting for another program that has locked \(path).lock\n" }
        #expect(ContinuousClock.now - start >= .seconds(2))
        close(descriptor)
        #expect(process.wait() == 0)
        #expect(quiet.wait() == 0)
        #expect(quiet.standardError == "")
        let content = try #require(home.read(".podstack/credentials"))
        #expect(content.contains("project_id = x\n") && content.contains("api_endpoint = https://example.com\n"))
    }

    @Test("a command that waits for nothing says nothing")
    func noWait() throws {
        let process = try start("config", "set", "project_id", "x")
        #expect(process.wait() == 0)
        #expect(process.standardError == "")
    }

    @Test("a rotation that another one holds up says what it waits for")
    func lockedRotation() throws {
        let path = home.file(".podstack/credentials")
        _ = try home.write("[default]\napi_token = podstack_x\n", to: ".podstack/credentials")
        #expect(chmod(path, 0o600) == 0)
        let descriptor = try lock(".podstack/credentials.rotation.lock")
        defer { close(descriptor) }
        let process = try start("auth", "refresh")
        try process.waitForError { $0 == "waiting for another program that has locked \(path).rotation.lock\n" }
        process.signal(SIGTERM)
        #expect(process.wait() == 128 + SIGTERM)
    }

    @Test("a command says that it waits for a pipe")
    func pipes() throws {
        let pipe = home.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        for (words, variable) in [
            (["--token-file", pipe, "auth", "whoami"], ""), (["auth", "whoami"], "PODSTACK_API_TOKEN_FILE"),
            (["env", pipe], ""), (["--env-file", pipe, "config", "explain"], ""),
            (["config", "show"], "PODSTACK_CREDENTIALS_FILE"),
        ] {
            let process = try ToolProcess(
                "podstack", words,
                environment: variable.isEmpty ? ["HOME": home.path] : ["HOME": home.path, variable: pipe])
            try process.waitForError { $0 == "waiting for the pipe \(pipe)\n" }
            process.signal(SIGTERM)
            #expect(process.wait() == 128 + SIGTERM)
        }
    }

    @Test("a command says that it waits for standard input")
    func standardInput() throws {
        #expect(mkfifo(home.file("input"), 0o600) == 0)
        for words in ["auth login", "auth whoami --token -"] {
            // Open for reading too, so that neither side waits for the other to open it.
            let writer = open(home.file("input"), O_RDWR | O_CLOEXEC)
            let process = try ToolProcess(
                "/bin/sh", ["-c", "exec \"$1\" \(words) <\"$HOME/input\"", "sh", ToolProcess.path(of: "podstack")],
                environment: ["HOME": home.path])
            try process.waitForError { $0 == "waiting for the end of standard input\n" }
            #expect(write(writer, "no token", 8) == 8)
            close(writer)
            #expect(process.wait() == 3)
            #expect(process.standardError.contains("contains whitespace"))
        }
    }

    @Test("a command says that it waits for the program that supplies its token")
    func program() throws {
        let path = home.file(".podstack/credentials")
        _ = try home.write(
            "[default]\ncredential_process = /bin/sh -c 'while [ ! -e \"$HOME/done\" ]; do sleep 0.1; done; exit 1'\n",
            to: ".podstack/credentials")
        #expect(chmod(path, 0o600) == 0)
        let process = try start("auth", "whoami")
        try process.waitForError { $0 == "waiting for credential_process of \(path):2 [default]\n" }
        _ = try home.write("", to: "done")
        #expect(process.wait() == 1)
    }

    #if os(Linux)
        @Test("a command on a terminal says that it waits for the service")
        func service() throws {
            let listener = try LoopbackListener(nil)
            let terminal = try PseudoTerminal(
                ToolProcess.path(of: "podstack"), ["auth", "whoami"],
                environment: [
                    "HOME": home.path, "PODSTACK_API_TOKEN": "t",
                    "PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(listener.port)",
                ])
            try terminal.wait(for: "waiting for the service")
            terminal.type("\u{3}")
            #expect(try terminal.wait() == 128 + SIGINT)
        }
    #endif
}
