import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack and .env files", .blocking, .timeLimit(.minutes(5)))
struct EnvCommandTests {
    let folder: TemporaryDirectory
    let console: Console

    init() throws {
        folder = try TemporaryDirectory()
        console = Console(environment: ["HOME": folder.path])
    }

    @Test("env prints the variables of a file in its order, and an object with -o json")
    func env() async throws {
        let path = try folder.write("B=1\nexport A='two words'\nC\nwhat is this\nB=${A}\n", to: ".env")
        let text = await console.run("env", path)
        #expect(text.status == .success)
        #expect(text.output == "B=two words\nA=two words\n")
        #expect(text.error == "warning: \(path):4: expected NAME=value; the line was skipped\n")
        let json = await console.run("env", path, "-o", "json")
        #expect(
            json.output == """
                {
                  "B" : "two words",
                  "A" : "two words",
                  "C" : null
                }

                """)
    }

    @Test("env of a missing file, or of one that is not UTF-8, is an error with one line")
    func invalidFiles() async throws {
        let missing = await console.run("env", folder.file("gone"))
        #expect(missing.status == .failure)
        #expect(missing.error == "error: \(folder.file("gone")) does not exist\n")
    }

    @Test("--env-file gives the token and the endpoint to a command")
    func envFile() async throws {
        let server = try RunningServer()
        let path = try folder.write(
            "PODSTACK_API_TOKEN=\(try server.createToken())\nPODSTACK_API_ENDPOINT=\(server.url)\n", to: "dev.env")
        let whoami = await console.run("auth", "whoami", "--env-file", path)
        #expect(whoami.output == "you@example.com\n")
        let explained = await console.run("config", "explain", "-o", "json", "--env-file", path)
        #expect(explained.output.contains("\"source\":\"dotenv\""))
        #expect(explained.output.contains("\"origin\":\"PODSTACK_API_TOKEN of \(path):1\""))
    }

    @Test("an endpoint of an --env-file gets no token from another source, and the hint says how to allow it")
    func endpointOfEnvFile() async throws {
        let path = try folder.write("PODSTACK_API_ENDPOINT=https://evil.example\n", to: "evil.env")
        let whoami = await console.run("auth", "whoami", "--env-file", path, environment: ["PODSTACK_API_TOKEN": "t"])
        #expect(whoami.status == .failure)
        #expect(whoami.error.contains("and the token comes from PODSTACK_API_TOKEN"))
        #expect(whoami.error.contains("hint: To allow this, pass --api-endpoint\n"))
    }
}
