import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("The command line of podstack", .blocking, .timeLimit(.minutes(5)))
struct UsageTests {
    let home: TemporaryDirectory

    init() throws { home = try TemporaryDirectory() }

    func run(_ words: String..., environment: [String: String] = [:]) async -> Console.Outcome {
        await run(words, environment: environment)
    }

    func run(_ words: [String], environment: [String: String] = [:]) async -> Console.Outcome {
        await Console(environment: ["HOME": home.path]).run(words, environment: environment)
    }

    @Test(
        "the output format may follow its flag directly, or after a space or an equals sign",
        arguments: [
            ["-ojson"], ["-o=json"], ["-o", "json"], ["--output=json"], ["--output", "json"],
        ])
    func output(words: [String]) async {
        let console = Console(environment: ["HOME": home.path])
        #expect(await console.run(["config", "path"] + words).output.hasPrefix("{\"path\":"))
        // Errors in the command line use the format too.
        #expect(await console.run(words + ["config", "pth"]).error.hasPrefix("{\"error\":{"))
    }

    @Test(
        "a mistyped command or flag has a suggestion",
        arguments: [
            (["tokn", "list"], "unknown command \"tokn\"; did you mean \"token list\"?"),
            (["token", "lsit"], "unknown command \"token lsit\"; did you mean \"token list\"?"),
            (["whoami"], "unknown command \"whoami\"; did you mean \"auth whoami\"?"),
            (["confg"], "unknown command \"confg\"; did you mean \"config\"?"),
            (["token", "list", "--profil", "x"], "unknown option --profil; did you mean \"--profile\"?"),
            (["token", "create", "--nam", "x"], "unknown option --nam; did you mean \"--name\"?"),
            (["pod", "rm"], "unknown command \"pod rm\"; did you mean \"pod delete\"?"),
            (["token", "delete", "x"], "unknown command \"token delete\"; did you mean \"token revoke\"?"),
            (["member", "delete", "x"], "unknown command \"member delete\"; did you mean \"member remove\"?"),
            (["auth", "list"], "unknown command \"auth list\"; did you mean \"config show\"?"),
            (["config", "list"], "unknown command \"config list\"; did you mean \"config show\"?"),
            (["project", "show"], "unknown command \"project show\"; did you mean \"project get\"?"),
            (["fly"], "unknown command \"fly\""), (["bogus", "--help"], "unknown command \"bogus\""),
            (["token", "bogus", "--help"], "unknown command \"token bogus\""),
        ])
    func suggestions(words: [String], message: String) async {
        let outcome = await Console(environment: [:]).run(words)
        #expect(outcome.status == .usage)
        #expect(outcome.error.hasPrefix("error: \(message)\n"), "\(outcome.error)")
    }

    @Test(
        "an empty value is wrong usage, and nothing is sent",
        arguments: [
            (["token", "create", "--name", "", "--full-access"], "--name is empty: "),
            (["token", "create", "", "--full-access"], "NAME is empty: "),
            (["token", "update", "x", "--name", ""], "--name is empty: "),
            (["token", "create", "x", "--scope", ""], "--scope is empty"), (["token", "get", ""], "TOKEN is empty: "),
            (["project", "get", ""], "PROJECT is empty: "), (["pod", "get", ""], "POD is empty: "),
            (["pod", "create", "--name", ""], "--name is empty: "),
            (["auth", "whoami", "--token", ""], "--token is empty"),
            (["auth", "whoami", "--token-file", ""], "--token-file: the path is empty"),
            (["auth", "whoami", "--token-file", "/dev/null"], "--token-file: /dev/null is empty"),
        ])
    func emptyValues(words: [String], message: String) async {
        let outcome = await run(
            words, environment: ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"])
        #expect(outcome.status == .usage, "\(words)")
        #expect(outcome.error.contains("error: \(message)"), "\(outcome.error)")
    }

    @Test("a value that the service rejects is wrong usage")
    func rejectedValues() async throws {
        let server = try RunningServer()
        let environment = ["PODSTACK_API_TOKEN": try server.createToken(), "PODSTACK_API_ENDPOINT": server.url]
        let long = String(repeating: "x", count: 101)
        for words in [
            ["token", "create", long, "--full-access"], ["token", "create", "--name", " ", "--full-access"],
            ["project", "create", long],
        ] {
            let outcome = await run(words, environment: environment)
            #expect(outcome.status == .usage, "\(outcome.error)")
        }
    }

    @Test("an invalid duration is quoted as it is")
    func durations() async {
        for text in ["-1h", "soon", "1.5h"] {
            let outcome = await run(
                ["token", "rotate", "x", "--grace", text], environment: ["PODSTACK_API_TOKEN": "t"])
            #expect(outcome.status == .usage)
            #expect(outcome.error.hasPrefix("error: --grace: invalid duration \"\(text)\": use a number and a unit"))
        }
        #expect(Arguments.duration(of: "0") == .zero)
    }

    @Test("input that is larger than any token is rejected")
    func largeInput() throws {
        for words in ["auth login", "auth whoami --token -"] {
            let tool = try ToolProcess.path(of: "podstack")
            let outcome = try ToolProcess.run(
                "/bin/sh", ["-c", "tr '\\0' a </dev/zero 2>/dev/null | \(tool) \(words)"],
                environment: ["HOME": home.path])
            #expect(outcome.status == 1)
            #expect(outcome.error.hasPrefix("error: standard input is larger than 64 KiB, so it is not a token\n"))
        }
    }

    @Test("an endless token file is rejected, and a pipe is read")
    func tokenFiles() async throws {
        let endless = await run("auth", "whoami", "--token-file", "/dev/zero")
        #expect(endless.error == "error: /dev/zero is larger than 64 KiB\n")
        let missing = await run("auth", "whoami", "--token-file", home.file("gone"))
        #expect(missing.error == "error: --token-file: \(home.file("gone")) does not exist\n")
        let tool = try ToolProcess.path(of: "podstack")
        let piped = try ToolProcess.run(
            "/bin/bash", ["-c", "\(tool) config explain --token-file <(echo of_the_pipe)"],
            environment: ["HOME": home.path])
        #expect(piped.status == 0, "\(piped.error)")
    }

    @Test("config set does not wait for a pipe in place of the credentials file")
    func pipedCredentials() throws {
        let path = home.file("pipe")
        let created = try ToolProcess.run(
            "/bin/sh", ["-c", "mkfifo \"$0\"", path], environment: ["PATH": "/usr/bin:/bin"])
        #expect(created.status == 0)
        let outcome = try ToolProcess.run(
            "podstack", ["config", "set", "project_id", "x"], environment: ["PODSTACK_CREDENTIALS_FILE": path])
        #expect(outcome.status == 1)
        #expect(outcome.error == "error: \(path) cannot be written: it is not a regular file\n")
    }

    @Test("scopes may be separated by commas, and --debug shows each request")
    func scopesAndEvents() async throws {
        let server = try RunningServer()
        let outcome = await run(
            "token", "create", "--name", "x", "--scope", "tokens:read, projects:read", "--scope", "members:read",
            "--debug", "-ojson",
            environment: ["PODSTACK_API_TOKEN": try server.createToken(), "PODSTACK_API_ENDPOINT": server.url])
        for scope in ["tokens:read", "projects:read", "members:read"] {
            #expect(outcome.output.contains("\"\(scope)\""))
        }
        #expect(outcome.error.hasPrefix("debug: POST /v1/tokens\ndebug: POST /v1/tokens: HTTP 201 after "))
    }

    @Test("warnings distinguish others who can read the credentials file from others who can change it")
    func rightsOfOthers() async throws {
        for (mode, rights) in [("666", "read and change"), ("644", "read"), ("622", "change")] {
            let path = try home.write("[default]\napi_token = t\n", to: "file\(mode)")
            #expect(try ToolProcess.run("/bin/chmod", [mode, path]).status == 0)
            let environment = ["PODSTACK_CREDENTIALS_FILE": path]
            let checked = await run("config", "check", environment: environment)
            #expect(checked.output.contains("\(path): others can \(rights) it; "))
            let explained = await run("config", "explain", environment: environment)
            #expect(explained.error.contains("warning: other users can \(rights) \(path); "))
        }
    }
}
