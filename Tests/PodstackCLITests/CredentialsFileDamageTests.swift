import Podstack
import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// Runs the real program under conditions that could damage the file.
@Suite("The credentials file cannot be damaged", .blocking, .timeLimit(.minutes(10)))
struct CredentialsFileDamageTests {
    let folder: TemporaryDirectory
    var path: String { folder.file("credentials") }

    init() throws { folder = try TemporaryDirectory() }

    func start(_ value: String, profile: String = "default", shell: String = "exec \"$@\"") throws -> ToolProcess {
        let tool = try ToolProcess.path(of: "podstack")
        return try ToolProcess(
            "/bin/sh", ["-c", shell, "sh", tool, "config", "set", "project_id", value, "--profile", profile],
            environment: ["PODSTACK_CREDENTIALS_FILE": path])
    }

    func mode(_ path: String) -> mode_t {
        var status = stat()
        return lstat(path, &status) == 0 ? status.st_mode & 0o777 : 0
    }

    /// Expects that the file still contains every token.
    func expectIntact(_ tokens: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let file = try CredentialsFile(path: path)
        for number in 0..<tokens {
            #expect(
                file.value(.apiToken, profile: "p\(number)") == "token\(number)", sourceLocation: sourceLocation)
        }
    }

    func writeTokens(_ count: Int) throws {
        let text = (0..<count).map { "[p\($0)]\napi_token = token\($0)\n" }.joined()
        _ = try folder.write(text, to: "credentials")
        #expect(chmod(path, 0o600) == 0)
    }

    @Test("kill -9 at any moment leaves the old file or the new one")
    func kill() throws {
        try writeTokens(200)
        var changes = 0
        var before: String?
        // Measures a whole run, so that the kill falls within a run.
        let start = ContinuousClock.now
        for _ in 0..<5 { #expect(try self.start("v").wait() == 0) }
        before = "v"
        let microseconds = UInt32((ContinuousClock.now - start) / .microseconds(5))
        var generator = TestSeed.generator()
        for round in 0..<150 {
            let process = try self.start("v\(round)")
            usleep(UInt32.random(in: 0...(microseconds * 3 / 2), using: &generator))
            process.signal(SIGKILL)
            process.wait()
            try expectIntact(200)
            let value = try CredentialsFile(path: path).value(.projectID, profile: "default")
            #expect(value == before || value == "v\(round)")
            if value != before { changes += 1 }
            before = value
        }
        #expect(changes > 0)
        #expect(mode(path) == 0o600)
        // The next writer succeeds, and removes the temporary file.
        #expect(try self.start("last").wait() == 0)
        #expect(folder.read("credentials.tmp") == nil)
    }

    @Test("eight writers at once, fifty times over, lose nothing")
    func writers() throws {
        for round in 0..<50 {
            let processes = try (0..<8).map { try start("v\($0)", profile: "r\(round)w\($0)") }
            for process in processes { #expect(process.wait() == 0, "\(process.standardError)") }
        }
        let file = try CredentialsFile(path: path)
        #expect(file.profileNames.count == 400)
        #expect(file.profileNames.allSatisfy { file.value(.projectID, profile: $0) != nil })
    }

    @Test("a full disk is an error, and the file is not changed")
    func fullDisk() throws {
        try writeTokens(100)
        let before = folder.read("credentials")
        // No file may grow beyond a block. The signal for that is ignored, because a full disk causes none.
        // Without a directory for them, the thread sanitizer does not create its files, which are larger.
        let process = try start("value", shell: "trap '' XFSZ; ulimit -f 1; TMPDIR=/dev/null exec \"$@\"")
        #expect(process.wait() == 1)
        #expect(process.standardError.hasPrefix("error: cannot write \(path): "))
        #expect(folder.read("credentials") == before)
        #expect(folder.read("credentials.tmp") == nil)
    }

    @Test("a symbolic link is kept, and its target is rewritten")
    func symbolicLink() throws {
        let target = try folder.write("[p0]\napi_token = token0\n", to: "elsewhere")
        #expect(symlink(target, path) == 0)
        #expect(try start("value").wait() == 0)
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(folder.read("elsewhere")?.contains("project_id = value") == true)
        try expectIntact(1)
    }

    @Test("a file that cannot be parsed is not overwritten")
    func invalidFile() throws {
        _ = try folder.write("[p0]\napi_token = token0\nwhat is this\n", to: "credentials")
        let process = try start("value")
        #expect(process.wait() == 1)
        #expect(process.standardError == "error: \(path):3: expected [profile] or key = value\n")
        #expect(folder.read("credentials") == "[p0]\napi_token = token0\nwhat is this\n")
    }

    @Test("whatever the umask, only the owner has access, and a stricter mode is kept")
    func modes() throws {
        let deep = folder.file("home/.podstack/credentials")
        let tool = try ToolProcess.path(of: "podstack")
        let created = try ToolProcess(
            "/bin/sh", ["-c", "umask 000; exec \"$@\"", "sh", tool, "config", "set", "project_id", "x"],
            environment: ["PODSTACK_CREDENTIALS_FILE": deep])
        #expect(created.wait() == 0)
        #expect(mode(deep) == 0o600)
        #expect(mode(folder.file("home/.podstack")) == 0o700)
        #expect(mode(deep + ".lock") == 0o600)
        try writeTokens(1)
        #expect(chmod(path, 0o644) == 0)
        #expect(try start("x").wait() == 0)
        #expect(mode(path) == 0o600)
        #expect(chmod(path, 0o400) == 0)
        #expect(try start("y").wait() == 0)
        #expect(mode(path) == 0o400)
    }

    @Test("a lock or a temporary file that is a planted link is not followed")
    func plantedLinks() throws {
        try writeTokens(1)
        let victim = try folder.write("precious", to: "victim")
        #expect(symlink(victim, path + ".tmp") == 0)
        #expect(try start("x").wait() == 0)
        #expect(folder.read("victim") == "precious")
        #expect(unlink(path + ".lock") == 0)
        #expect(symlink(victim, path + ".lock") == 0)
        #expect(try start("y").wait() == 1)
        #expect(folder.read("victim") == "precious")
    }
}
