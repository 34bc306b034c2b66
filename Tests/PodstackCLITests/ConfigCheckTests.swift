import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#endif

@Suite("podstack config check", .blocking, .timeLimit(.minutes(5)))
struct ConfigCheckTests {
    let folder: TemporaryDirectory
    let console: Console
    var path: String { folder.file("credentials") }

    init() throws {
        folder = try TemporaryDirectory()
        console = Console(environment: ["PODSTACK_CREDENTIALS_FILE": folder.file("credentials")])
    }

    func write(_ text: String, mode: mode_t = 0o600) throws {
        _ = try folder.write(text, to: "credentials")
        #expect(chmod(path, mode) == 0)
    }

    @Test("a correct file has no problems")
    func clean() async throws {
        try write("[default]\napi_token = t\n")
        let check = await console.run("config", "check")
        #expect(check.status == .success)
        #expect(check.output == "\(path): 1 profile, no problems\n")
        #expect(await console.run("config", "path").output == path + "\n")
    }

    @Test("a missing file differs from an empty one, and is a problem only when a variable names it")
    func missing() async throws {
        let home = Console(environment: ["HOME": folder.path])
        let check = await home.run("config", "check")
        #expect(check.status == .success)
        #expect(
            check.output == "\(folder.path)/.podstack/credentials does not exist yet; podstack auth login creates it\n")
        let named = await console.run("config", "check")
        #expect(named.status == .failure)
        #expect(named.output.hasPrefix("\(path) does not exist, but PODSTACK_CREDENTIALS_FILE names it; "))
        #expect(await console.run("config", "check", "-o", "json").output.contains("\"is_there\":false"))
        try write("")
        let empty = await console.run("config", "check")
        #expect(empty.status == .success)
        #expect(empty.output == "\(path): no profiles; podstack auth login creates one\n")
    }

    @Test("misspelled keys and profiles without a token are named, with the lines of keys and without values")
    func findings() async throws {
        try write("[default]\napi_tokn = secret\n\n[both]\napi_token = secret\ncredential_process = x\n")
        let check = await console.run("config", "check")
        #expect(check.status == .failure)
        #expect(
            check.output == """
                \(path):2: [default] has an unknown key api_tokn
                \(path): [default] has no api_token
                \(path): [both] has an api_token, so its credential_process is never run

                """)
    }

    @Test("--fix removes the access of other users")
    func fix() async throws {
        try write("[default]\napi_token = t\n", mode: 0o644)
        #expect(await console.run("config", "check").output.contains("others can read it"))
        #expect(await console.run("config", "check", "--fix").status == .success)
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        #expect(folder.read("credentials") == "[default]\napi_token = t\n")
    }

    @Test("a file that others can read causes one warning per process")
    func warning() async throws {
        try write("[default]\napi_token = t\n", mode: 0o640)
        let endpoint = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"]
        let first = await console.run("auth", "whoami", environment: endpoint)
        #expect(first.error.hasPrefix("warning: other users can read \(path)"))
        let second = await console.run("auth", "whoami", environment: endpoint)
        #expect(!second.error.contains("other users can read"))
    }
}
