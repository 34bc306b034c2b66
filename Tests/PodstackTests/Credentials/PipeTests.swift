import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Files that are pipes, devices or links", .blocking)
struct PipeTests {
    let folder: TemporaryDirectory
    let transport = RecordingTransport(.user(email: "you@example.com"))

    init() throws { folder = try TemporaryDirectory() }

    func pipe() throws -> String {
        let path = folder.file("pipe")
        #expect(mkfifo(path, 0o600) == 0)
        return path
    }

    @Test("a token file that is a pipe nobody writes to ends with the time of the client")
    func silentTokenFile() throws {
        let path = try pipe()
        let error = #expect(throws: ConfigurationError.self) {
            try Client(
                timeout: .milliseconds(100), environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]),
                transport: transport)
        }
        #expect(error?.message == "\(path) is a pipe, and no data was written to it in time")
    }

    @Test("a pipe that is asked again has no second token, and names no other source of one")
    func pipeOnce() async throws {
        let path = try pipe()
        BlockingThread.start {
            let descriptor = open(path, O_WRONLY)
            _ = write(descriptor, "from_the_pipe\n", 14)
            close(descriptor)
        }
        let answers = RecordingTransport(.failure(.invalidToken))
        let client = try Client(
            timeout: .seconds(600), environment: PodstackEnvironment(["PODSTACK_API_TOKEN_FILE": path]),
            transport: answers)
        #expect(client.configuration.apiToken?.value == APIToken("from_the_pipe"))
        let error = await #expect(throws: AuthenticationError.self) { try await client.auth.whoami() }
        #expect(error?.hint == "The token came from PODSTACK_API_TOKEN_FILE (\(path))")
    }

    @Test("the time of a client bounds a provider that takes longer, and the waiting call ends with a time-out")
    func slowProvider() async throws {
        struct Never: CredentialProvider {
            func credential(insteadOf refused: APIToken?) async throws -> Credential {
                // As one that does not look whether it was cancelled.
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

    @Test("the time of a client ends its credential_process, with all that this has started")
    func slowProcess() async throws {
        let path = try folder.write(
            "[default]\ncredential_process = /bin/sh -c 'echo $$ > \"$PLACE\"; sleep 3600'\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        let place = folder.file("id")
        let environment = PodstackEnvironment([
            "PODSTACK_CREDENTIALS_FILE": path, "PATH": "/usr/bin:/bin", "PLACE": place,
        ])
        // On a busy machine the time may be over before the program has begun.
        for seconds in [1, 4, 16, 64, 256] where folder.read("id")?.isEmpty != false {
            let client = try Client(timeout: .seconds(seconds), environment: environment, transport: transport)
            let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
            #expect(error?.message.contains("timed out while its token was waited for, from credential_proc") == true)
        }
        let id = try #require(folder.read("id").flatMap { pid_t($0.dropLast()) })
        for _ in 0..<1000 where kill(id, 0) == 0 { usleep(10_000) }
        #expect(kill(id, 0) != 0)
    }

    @Test("the rights of others are taken from the file that a link points to, and a pipe is not waited for")
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

    @Test("what is no regular file is not written over, and nobody waits for it")
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

    @Test("a link to what is not there yet is written through", arguments: [false, true])
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

    @Test("links in a circle are an error")
    func circle() throws {
        let (one, other) = (folder.file("one"), folder.file("other"))
        #expect(symlink(one, other) == 0)
        #expect(symlink(other, one) == 0)
        #expect(throws: ConfigurationError.self) { try CredentialsFile(changing: one) }
        #expect(throws: ConfigurationError.self) { try SecureFile.update(one) { _ in [] } }
    }

    @Test("what root makes in somebody's folder is theirs", .enabled(if: geteuid() == 0))
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

    @Test("what somebody else put where the lock belongs is not given away", .enabled(if: geteuid() == 0))
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
