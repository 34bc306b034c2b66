import PodstackSystem
import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

#if canImport(Glibc)
    import Glibc
#endif

@Suite("Locks and pipes end in time", .blocking, .timeLimit(.perTest))
struct FileLockTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    /// Locks a file until the returned descriptor is closed.
    func lock(_ name: String) throws -> Int32 {
        let descriptor = open(folder.file(name), O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0)
        return descriptor
    }

    func work(_ limit: Duration) -> BlockingWork {
        var work = BlockingWork()
        work.limit = limit
        return work
    }

    @Test("saving a file that stays locked is an error after a time")
    func save() throws {
        let descriptor = try lock("credentials.lock")
        var file = try CredentialsFile(path: folder.file("credentials"))
        try file.set(.projectID, to: "x", profile: "default")
        let error = #expect(throws: ConfigurationError.self) {
            try BlockingWork.$current.withValue(work(.milliseconds(100))) { try file.save() }
        }
        let lock = folder.file("credentials.lock")
        #expect(error?.message == "\(lock) is locked by another program, which did not release it in time")
        #expect(folder.read("credentials") == nil)
        close(descriptor)
        try file.save()
        #expect(folder.read("credentials") == "[default]\nproject_id = x\n")
    }

    @Test("a lock ends when it is released, also while a child process has its descriptor")
    func inherited() throws {
        let path = folder.file("a.lock")
        let lock = try #require(try FileLock.open(FilePath(path)))
        #expect(try lock.wait(within: .zero))
        var file = stat()
        #expect(stat(path, &file) == 0)
        // A child that was forked has copies of all descriptors.
        let own = (0..<Int32(1024)).filter { descriptor in
            var status = stat()
            return fstat(descriptor, &status) == 0 && status.st_ino == file.st_ino && status.st_dev == file.st_dev
        }
        let copies = own.map { fcntl($0, F_DUPFD_CLOEXEC, 0) }
        defer { for copy in copies { close(copy) } }
        #expect(copies.count == 1)
        lock.release()
        let next = try #require(try FileLock.open(FilePath(path)))
        #expect(try next.wait(within: .zero))
    }

    @Test("a rotation waits for another one no longer than the client's timeout")
    func rotation() async throws {
        let path = try folder.write("[default]\napi_token = t\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        let descriptor = try lock("credentials.rotation.lock")
        defer { close(descriptor) }
        let transport = RecordingTransport(.user(email: "you@example.com"))
        let client = try Client(
            timeout: .milliseconds(200), environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path]),
            transport: transport)
        let start = ContinuousClock.now
        let error = await #expect(throws: ConfigurationError.self) { try await client.auth.rotate() }
        #expect(error?.message.contains(".rotation.lock is locked by another program") == true)
        #expect(ContinuousClock.now - start < .seconds(30))
        #expect(transport.requests.isEmpty)
    }

    @Test("a rotation waits for the lock of its file no longer than its limit")
    func rotatedFile() throws {
        let path = try folder.write("[default]\napi_token = t\n", to: "credentials")
        #expect(chmod(path, 0o600) == 0)
        let descriptor = try lock("credentials.lock")
        defer { close(descriptor) }
        let storage = TokenStorage.profile("default", path: path)
        #expect(throws: ConfigurationError.self) {
            try BlockingWork.$current.withValue(work(.milliseconds(100))) { try storage.prepare(APIToken("new")) }
        }
        #expect(folder.read("credentials") == "[default]\napi_token = t\n")
    }

    @Test("every pipe ends in time")
    func pipes() throws {
        let pipe = folder.file("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let reads: [() throws -> Void] = [
            { _ = try CredentialsFile(path: pipe) }, { _ = try TokenFileCredentials.read(pipe) },
            { _ = try DotEnv.read(pipe) },
            {
                var environment = PodstackEnvironment([:])
                try DotEnv.load(pipe, into: &environment)
            },
        ]
        for read in reads {
            let error = #expect(throws: ConfigurationError.self) {
                try BlockingWork.$current.withValue(work(.milliseconds(50))) { try read() }
            }
            #expect(error?.message == "\(pipe) is a pipe, and no data was written to it in time")
        }
    }

    @Test("a wait is reported once, after two seconds")
    func notice() throws {
        let reports = Mutex<[(String, ContinuousClock.Instant)]>([])
        var work = work(.milliseconds(2500))
        work.onWait = { what in reports.withLock { $0.append((what, .now)) } }
        let start = ContinuousClock.now
        let descriptor = try lock("credentials.lock")
        defer { close(descriptor) }
        var file = try CredentialsFile(path: folder.file("credentials"))
        try file.set(.projectID, to: "x", profile: "default")
        #expect(throws: ConfigurationError.self) { try BlockingWork.$current.withValue(work) { try file.save() } }
        let found = reports.withLock(\.self)
        #expect(found.map(\.0) == ["another program that has locked \(folder.file("credentials.lock"))"])
        #expect(found.allSatisfy { $0.1 - start >= .seconds(2) })
    }
}
