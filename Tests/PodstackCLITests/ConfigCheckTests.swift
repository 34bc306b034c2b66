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

    @Test("every value that a client rejects is reported with the sentence of the client")
    func clientChecks() async throws {
        try write(
            """
            [token]
            api_token = to ken
            [reference]
            api_token = ${TOKEN}
            [checksum]
            api_token = podstack_zab5rrb1_f46RfHk7hp3ILTgK2y3mH3UqtmaFCrvk0aQsAA
            [project]
            api_token = t
            project_id = a b
            [endpoint]
            api_token = t
            api_endpoint = http://example.com
            [version]
            api_token = t
            api_endpoint = https://example.com/v1
            [quote]
            credential_process = 'x
            [pending]
            api_token = t
            pending_api_token = a b

            """)
        let output = await console.run("config", "check").output
        let expected = [
            "Invalid API token: \(path):2 [token] contains whitespace, control characters or non-ASCII characters",
            "Invalid API token: \(path):4 [reference] contains a reference such as ${NAME} that was not replaced by its "
                + "value: write the token itself",
            "\(path):6 [checksum]: the service will reject api_token. Its checksum is wrong: it was mistyped or truncated",
            "The project from \(path):9 [project] is empty or contains characters that no project ID has",
            "The API endpoint from \(path):12 [endpoint] uses plain http to example.com: http is allowed only to this "
                + "machine; use https",
            "The API endpoint from \(path):15 [version] must not end in /v1, which the client adds",
            "\(path):17 [quote]: credential_process is empty or has a quote that is not closed",
            "\(path): [pending] has an unfinished rotation; rotate the token again",
            "Invalid API token: \(path):20 [pending] contains whitespace, control characters or non-ASCII characters",
        ]
        #expect(Set(output.split(separator: "\n").map(String.init)) == Set(expected))
    }

    @Test("a command that a client does not run is reported")
    func unsafeCommand() async throws {
        try write("[default]\ncredential_process = x\n", mode: 0o622)
        let output = await console.run("config", "check").output
        #expect(output.contains("credential_process of \(path):2 [default] is not run: \(path) must belong to you"))
    }

    @Test(
        "logout leaves nothing that check reports",
        arguments: [
            "", "project_id = p\n", "api_endpoint = https://example.com\nproject_id = p\n", "# a comment\n",
            "pending_api_token = u\n",
        ])
    func logout(rest: String) async throws {
        try write("[default]\napi_token = t\n\(rest)[other]\napi_token = o\n")
        #expect(await console.run("auth", "logout").status == .success)
        let check = await console.run("config", "check")
        #expect(check.status == .success, "\(check.output)")
        #expect(check.output == "\(path): 2 profiles, 1 without a token, no problems\n")
        #expect(folder.read("credentials")?.contains("api_token = o") == true)
        #expect(await console.run("auth", "logout").status == .failure)
    }

    @Test("logout removes a pending token that was left without its token")
    func pendingAlone() async throws {
        try write("[default]\npending_api_token = u\n")
        #expect(await console.run("config", "check").status == .failure)
        #expect(await console.run("auth", "logout").status == .success)
        #expect(await console.run("config", "check").status == .success)
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
