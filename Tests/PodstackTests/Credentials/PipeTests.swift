import PodstackSystem
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Files that are pipes, devices or links", .blocking, .timeLimit(.minutes(10)))
struct PipeTests {
    let folder: TemporaryDirectory
    let transport = RecordingTransport(.user(email: "you@example.com"))

    init() throws { folder = try TemporaryDirectory() }

    func pipe() throws -> String {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        return path
    }

    @Test("reading a token from a pipe without a writer ends after the client's timeout")
    func silentTokenFile() throws {
        let path = try pipe()
        let error = #expect(throws: ConfigurationError.self) {
            try Client(
                timeout: .milliseconds(100), environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]),
                transport: transport)
        }
        #expect(error?.message == "\(path) is a pipe, and no data was written to it in time")
    }

    @Test("a pipe has no second token, and the hint names no other source")
    func pipeOnce() async throws {
        let path = try pipe()
        BlockingThread.start {
            let descriptor = open(path, O_WRONLY)
            _ = write(descriptor, "from_the_pipe\n", 14)
            close(descriptor)
        }
        let responses = RecordingTransport(.failure(.invalidToken))
        let client = try Client(
            timeout: .seconds(600), environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]),
            transport: responses)
        #expect(client.configuration.apiToken?.value == APIToken("from_the_pipe"))
        let error = await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(error?.hint == "The token came from PODSTACK_API_TOKEN_FILE (\(path))")
    }

    @Test("the client's timeout ends a call that waits for a slow provider")
    func slowProvider() async throws {
        struct Never: CredentialProvider {
            func credential(insteadOf refused: APIToken?) async throws -> Credential {
                // Detached, like a provider that ignores cancellation.
                try await Task.detached { try await Task.sleep(for: .seconds(3600)) }.value
                return Credential(APIToken("late"))
            }
        }
        let client = try Client(credentials: Never(), timeout: .milliseconds(100), transport: transport)
        let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        #expect(
            error?.message == "No response from https://api.podstack.ai: the request timed out while its token "
                + "was waited for, from credentials:")
        #expect(transport.requests.isEmpty)
    }

    @Test("the client's timeout ends its credential_process and the processes that it started")
    func slowProcess() async throws {
        let path = try folder.write(
            "[default]\ncredential_process = /bin/sh -c 'echo $$ > \"$PLACE\"; sleep 3600'\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        let place = folder.file("id")
        let environment = PodstackEnvironment([
            "PODSTACK_CREDENTIALS_FILE": path, "PATH": "/usr/bin:/bin", "PLACE": place,
        ])
        // On a busy machine the timeout may pass before the program starts.
        for seconds in [1, 4, 16, 64, 256] where folder.read("id")?.isEmpty != false {
            let client = try Client(timeout: .seconds(seconds), environment: environment, transport: transport)
            let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
            #expect(error?.message.contains("timed out while its token was waited for, from credential_proc") == true)
        }
        let id = try #require(folder.read("id").flatMap { pid_t($0.dropLast()) })
        try await eventually(within: .seconds(60), "the program ends") { kill(id, 0) != 0 }
    }

    @Test("restrict changes the target of a link, and does not wait for a pipe")
    func restrict() throws {
        let target = try folder.write("[default]\n", to: "target")
        let link = folder.file("link")
        #expect(chmod(target, 0o666) == 0)
        #expect(symlink(target, link) == 0)
        #expect(try CredentialsFile(path: link).rightsOfOthers == "read and change")
        #expect(try CredentialsFile.restrict(path: link))
        #expect(try CredentialsFile(path: link).rightsOfOthers == nil)
        #expect(try !CredentialsFile.restrict(path: link))
        #expect(try !CredentialsFile.restrict(path: pipe()))
    }

    @Test("a pipe, a device or a folder is never overwritten, and the client does not wait for it")
    func notRegular() throws {
        for path in [try pipe(), "/dev/null", folder.path] {
            let error = #expect(throws: ConfigurationError.self) { try CredentialsFile(changing: path) }
            #expect(error?.message == "\(path) cannot be written: it is not a regular file")
        }
        var file = try CredentialsFile(path: "/dev/null")
        try file.set(.projectID, to: "x", profile: "default")
        #expect(throws: ConfigurationError.self) { try file.save() }
        var status = stat()
        #expect(stat("/dev/null", &status) == 0 && status.st_mode & S_IFMT == S_IFCHR)
    }

    @Test("saving creates the missing target of a link", arguments: [false, true])
    func danglingLink(isRelative: Bool) throws {
        let link = folder.file("link")
        #expect(symlink(isRelative ? "new/target" : folder.file("new/target"), link) == 0)
        var file = try CredentialsFile(changing: link)
        try file.set(.projectID, to: "x", profile: "default")
        try file.save()
        var status = stat()
        #expect(lstat(link, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(folder.read("new/target") == "[default]\nproject_id = x\n")
    }

    @Test("a cycle of links is an error")
    func circle() throws {
        let (one, other) = (folder.file("one"), folder.file("other"))
        #expect(symlink(one, other) == 0)
        #expect(symlink(other, one) == 0)
        #expect(throws: ConfigurationError.self) { try CredentialsFile(changing: one) }
        #expect(throws: ConfigurationError.self) { try SecureFile.update(FilePath(one)) { _ in [] } }
    }

    @Test("files that root creates in a user's folder belong to the user", .enabled(if: geteuid() == 0))
    func owner() throws {
        #expect(chown(folder.path, 65_534, 65_534) == 0)
        let path = folder.file("new/credentials")
        var file = try CredentialsFile(changing: path)
        try file.set(.projectID, to: "x", profile: "default")
        try file.save()
        for name in ["new", "new/credentials", "new/credentials.lock"] {
            var status = stat()
            #expect(stat(folder.file(name), &status) == 0 && status.st_uid == 65_534, "\(name)")
        }
    }

    @Test("a lock file that already exists keeps its owner", .enabled(if: geteuid() == 0))
    func plantedLock() throws {
        let victim = try folder.write("", to: "victim")
        #expect(mkdir(folder.file("theirs"), 0o700) == 0)
        #expect(chown(folder.file("theirs"), 65_534, 65_534) == 0)
        #expect(Glibc.link(victim, folder.file("theirs/credentials.lock")) == 0)
        var file = try CredentialsFile(changing: folder.file("theirs/credentials"))
        try file.set(.projectID, to: "x", profile: "default")
        try file.save()
        var status = stat()
        #expect(stat(victim, &status) == 0 && status.st_uid == 0)
    }
}
