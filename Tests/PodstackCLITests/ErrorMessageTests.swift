import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("Errors of the SDK on the command line", .blocking, .timeLimit(.minutes(5)))
struct ErrorMessageTests {
    let home: TemporaryDirectory

    init() throws { home = try TemporaryDirectory() }

    func run(_ words: String..., environment: [String: String] = [:]) async -> Console.Outcome {
        await Console(environment: ["HOME": home.path]).run(words, environment: environment)
    }

    @Test("errors name flags instead of the parameters of the SDK")
    func flags() async throws {
        let nothing = await run("auth", "whoami")
        #expect(nothing.error.hasPrefix("error: No API token provided: looked in --token, PODSTACK_API_TOKEN, "))
        let endpoint = await run("auth", "whoami", "--token", "t", "--api-endpoint", "gopher://x")
        #expect(endpoint.status == .usage)
        #expect(endpoint.error.contains("error: The API endpoint from --api-endpoint must start with https://\n"))
        let profile = await run("auth", "whoami", "--profile", "")
        #expect(profile.status == .usage)
        #expect(profile.error == "error: The profile from --profile is empty\n")
        let project = await run("auth", "whoami", "--token", "t", "--project", "prj_a b")
        #expect(project.status == .usage)
        #expect(project.error.contains("error: The project from --project is empty or contains"))
    }

    @Test("hints for Swift code are omitted")
    func advice() async throws {
        let file = try home.write("PODSTACK_API_ENDPOINT=https://example.com\n", to: ".env")
        let outcome = await run("auth", "whoami", "--token", "t", "--env-file", file)
        #expect(outcome.error.contains("and the token comes from --token\n"))
        #expect(outcome.error.hasSuffix("hint: To allow this, pass --api-endpoint\n"))
    }

    @Test("messages of the service and paths are not changed")
    func otherText() async throws {
        let body = #"{"error":{"message":"a profile: and apiToken: of ours"}}"#
        let server = try ScriptedServer { _ in
            "HTTP/1.1 400 Bad Request\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let outcome = await run(
            "auth", "whoami",
            environment: ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(server.port)"])
        #expect(outcome.error == "error: a profile: and apiToken: of ours\n")
        let missing = await run("env", "profile: of mine")
        #expect(missing.error == "error: profile: of mine does not exist\n")
    }
}
