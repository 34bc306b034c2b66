import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("Completion from the service", .blocking, .timeLimit(.minutes(5)))
struct ServiceCompletionTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: true) }

    /// Returns the candidates for the last of some words, with their summaries.
    func complete(_ words: String..., environment: [String: String] = [:]) async -> [String] {
        let outcome = await console.run(
            "__complete", environment: environment, input: words.map { $0 + "\0" }.joined())
        #expect(outcome.status == .success)
        #expect(outcome.error.isEmpty)
        return outcome.output.split(separator: "\n").dropFirst().map(String.init)
    }

    @Test("projects, tokens, members and invitations are offered by ID and by name")
    func names() async throws {
        let id = String(await console.run("project", "create", "My Training").output.dropLast())
        let expected = ["\(id)\tMy Training", "My Training\t\(id)"]
        for line in [
            ["project", "get", ""], ["project", "use", "M"], ["--project", ""], ["token", "list", "--project", "prj"],
            ["member", "leave", ""], ["token", "create", "--project-id", ""],
        ] {
            let outcome = await console.run("__complete", input: line.map { $0 + "\0" }.joined())
            for text in expected { #expect(outcome.output.contains(text + "\n"), "\(line): \(outcome.output)") }
        }
        #expect(await complete("auth", "whoami", "--project=").contains("--project=\(id)\tMy Training"))
        let prefix = String(
            await console.run("token", "create", "--name", "CI", "--scope", "projects:read").output.prefix(17))
        #expect(await complete("token", "revoke", "").contains("CI\t\(prefix.dropFirst(9))"))
        #expect(await complete("token", "get", "").contains("\(prefix.dropFirst(9))\tCI"))
        _ = await console.run("token", "revoke", "CI", "-y")
        #expect(await !complete("token", "revoke", "").contains { $0.hasPrefix("CI\t") })
        let member = await complete("member", "remove", "--project", id, "")
        #expect(member.contains { $0.hasPrefix("you@example.com\tusr_") })
        _ = try server.server.addUser("friend@example.com")
        _ = await console.run("member", "add", "friend@example.com", "--project", id)
        let friend = ["PODSTACK_API_TOKEN": try server.server.createToken("friend@example.com")]
        #expect(await complete("member", "accept", "", environment: friend).contains("My Training\t\(id)"))
    }

    @Test("a name that several have is offered only by ID")
    func ambiguous() async throws {
        for _ in 0..<2 { _ = await console.run("project", "create", "training") }
        let offered = await complete("project", "get", "")
        #expect(offered.count { $0.hasPrefix("prj_") && $0.hasSuffix("\ttraining") } == 2)
        #expect(!offered.contains { $0.hasPrefix("training\t") })
    }

    @Test("the flags of the line decide which account is asked")
    func flags() async throws {
        let token = try server.createToken()
        let file = try home.write(token, to: "token")
        let none = ["PODSTACK_API_TOKEN": "", "PODSTACK_API_ENDPOINT": ""]
        #expect(await complete("project", "get", "", environment: none).isEmpty)
        let line = ["--api-endpoint", server.url, "--token-file=\(file)", "project", "get", ""]
        let outcome = await console.run("__complete", environment: none, input: line.map { $0 + "\0" }.joined())
        #expect(outcome.output.contains("prj_"), "\(outcome.output)")
    }

    @Test("a service that fails, is silent or not there offers nothing, soon and without a message")
    func failures() async throws {
        let silent = try ScriptedServer { _ in nil }
        let broken = try ScriptedServer { _ in "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n" }
        var impatient = console
        impatient.completionTimeLimit = .seconds(2)
        for port in [silent.port, broken.port, 1] {
            let start = ContinuousClock.now
            let offered = await impatient.run(
                "__complete", environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(port)"],
                input: "project\0get\0\0")
            #expect(offered.output == "words\n")
            #expect(offered.error.isEmpty)
            #expect(ContinuousClock.now - start < .seconds(20))
        }
        #expect(
            await complete("project", "get", "", environment: ["PODSTACK_API_TOKEN": "your_api_token_here"]).isEmpty)
    }

    @Test("a credentials file that is a pipe keeps its content")
    func pipe() throws {
        let path = home.file("pipe")
        #expect(
            try ToolProcess.run("/bin/sh", ["-c", "mkfifo \"$0\"", path], environment: ["PATH": "/usr/bin:/bin"]).status
                == 0)
        let script = """
            exec 3<>"$1"; printf '[default]\\napi_token = t\\n' >&3
            printf 'project\\0get\\0\\0' | PODSTACK_CREDENTIALS_FILE=$1 "$2" __complete
            timeout 5 head -n 1 <&3
            """
        let outcome = try ToolProcess.run(
            "/bin/sh", ["-c", script, "sh", path, try ToolProcess.path(of: "podstack")],
            environment: ["PATH": "/usr/bin:/bin", "HOME": home.path])
        #expect(outcome.output == "words\n\n[default]\n" || outcome.output == "words\n[default]\n", "\(outcome.output)")
    }

    @Test("podstack-server completes its commands, flags and values, and its scripts name it")
    func server() throws {
        let script = "printf 'serve\\0--log-requests\\0\\0' | \"$0\" __complete"
        let outcome = try ToolProcess.run("/bin/sh", ["-c", script, try ToolProcess.path(of: "podstack-server")])
        #expect(outcome.output == "words\nall\t\nchanges\t\nerrors\t\n", "\(outcome.output) \(outcome.error)")
        for (shell, text) in [
            ("bash", "complete -F _podstack-server podstack-server"), ("zsh", "#compdef podstack-server"),
            ("fish", "complete -c podstack-server -f"),
        ] {
            #expect(try ToolProcess.run("podstack-server", ["completion", shell]).output.contains(text))
        }
    }
}
