import Foundation
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

    /// Values that a terminal, a shell or the syntax of a file could alter.
    static let values = [
        "", "plain", "two words", " spaces ", "'", "\"", "'\"'", "\\", "\\n", "a\\'b", "$HOME", "`id`", "$(id)", "#x",
        "x #y",
        "line 1\nline 2\n", "\r\n", "\r", "tab\t", "bell\u{7}", "\u{1B}[31mred", "é\u{301}", "\u{85}\u{2028}", "=", "!",
        "${PATH}", "${PATH:-x}", "${", "$${A}", "${A}${B}", "{A}", "\u{FEFF}x", "\u{202E}x",
    ]

    /// Writes the values as a file that expands them from other variables, so that no syntax of the file alters them.
    func file() throws -> (path: String, console: Console) {
        let text = Self.values.indices.map { "V\($0)=${SOURCE\($0)}\n" }.joined()
        var console = console
        for (index, value) in Self.values.enumerated() { console.environment["SOURCE\(index)"] = value }
        return (try folder.write(text + "WITHOUT\n", to: "values.env"), console)
    }

    @Test(
        "a shell reads each value as it is, whatever follows a quotation mark in it",
        arguments: ["\u{301}", "\u{200D}", "\u{FE0F}", "\u{1F3FB}"])
    func combiningMarks(mark: String) async throws {
        let value = "'\(mark); touch injected; echo '\(mark)\\\(mark)"
        var console = console
        console.environment["SOURCE"] = value
        let path = try folder.write("VALUE=${SOURCE}\n", to: ".env")
        let outcome = await console.run("env", path, "-o", "shell")
        let shell = try ToolProcess.run(
            "/bin/sh", ["-c", "cd '\(folder.path)'\n\(outcome.output)\nprintf %s \"$VALUE\""])
        #expect(shell.output.utf8.elementsEqual(value.utf8), "\(outcome.output)")
        #expect(folder.read("injected") == nil)
        let dotenv = await console.run("env", path, "-o", "dotenv")
        let copy = try folder.write(dotenv.output, to: "copy.env")
        let json = await console.run("env", copy, "-o", "json")
        #expect(json.output.utf8.contains(UInt8(ascii: "'")))
        #expect(json.output.utf8.elementsEqual(await console.run("env", path, "-o", "json").output.utf8))
        let name = "'\(mark)$(touch injected)"
        let credentials = try folder.write("[\(name)]\napi_token = x\n", to: "credentials")
        console.environment["PODSTACK_CREDENTIALS_FILE"] = credentials
        let line = await console.run("config", "set-profile", name, "--shell", "sh").output
        let profile = try ToolProcess.run(
            "/bin/sh", ["-c", "cd '\(folder.path)'\n\(line)\nprintf %s \"$PODSTACK_PROFILE\""])
        #expect(profile.output.utf8.elementsEqual(name.utf8), "\(line)")
        #expect(folder.read("injected") == nil)
    }

    @Test("values are printed as they are, unless the output is a terminal")
    func unaltered() async throws {
        let (path, console) = try file()
        let expected = Self.values.enumerated().map { "V\($0)=\($1)\n" }.joined()
        #expect(await console.run("env", path).output == expected)
        let streams = Console.Streams()
        var context = streams.context(environment: console.environment)
        context.isOutputTerminal = true
        for format in ["table", "dotenv", "shell"] {
            _ = await PodstackTool.run(["env", path, "-o", format], context: context)
        }
        let displayed = streams.output.withLock { $0 }
        #expect(!displayed.unicodeScalars.contains { ["\u{1B}", "\u{7}", "\r", "\u{202E}", "\u{85}"].contains($0) })
        #expect(displayed.contains("V20=?[31mred\n"))
    }

    @Test("-o dotenv is a .env file with the same variables, for this program and for python-dotenv")
    func dotenv() async throws {
        let (path, console) = try file()
        let written = await console.run("env", path, "-o", "dotenv")
        #expect(written.status == .success)
        let again = try folder.write(written.output, to: "again.env")
        let values = try DotEnv.read(again, environment: PodstackEnvironment(console.environment)).variables
        #expect(values.map(\.name) == Self.values.indices.map { "V\($0)" } + ["WITHOUT"])
        for (variable, value) in zip(values, Self.values) {
            #expect(variable.value?.unicodeScalars.elementsEqual(value.unicodeScalars) == true, "\(variable.name)")
        }
        #expect(values.last?.value == nil)
        #expect(try DotEnv.read(again, environment: PodstackEnvironment([:])).errorLines == [])
        let names = try folder.write("'a b'=1\n'#'=2\na'b=3\né=4\n'export'=5\n'='=6\n", to: "names.env")
        let renamed = await console.run("env", names, "-o", "dotenv")
        let read = try DotEnv.parse(renamed.output, environment: PodstackEnvironment([:]))
        #expect(read.variables.map(\.name) == ["a b", "#", "a'b", "é", "export", "="])
        #expect(read.variables.map(\.value) == ["1", "2", "3", "4", "5", "6"])
    }

    @Test("-o shell is read by a shell as the same values, and leaves out names that a shell cannot have")
    func shell() async throws {
        let (path, console) = try file()
        let written = await console.run("env", path, "-o", "shell")
        #expect(written.status == .success)
        #expect(written.error.isEmpty)
        let script = try folder.write(written.output, to: "script.sh")
        for (index, value) in Self.values.enumerated() {
            let outcome = try ToolProcess.run(
                "/bin/sh", ["-c", ". \"$0\"; printf '%s' \"$V\(index)\"", script],
                environment: ["PATH": "/usr/bin:/bin"])
            #expect(outcome.output.unicodeScalars.elementsEqual(value.unicodeScalars), "V\(index)")
        }
        let names = try folder.write("'a;id'=1\nA-B=2\n1A=3\nOK=4\n", to: "names.env")
        let partial = await console.run("env", names, "-o", "shell")
        #expect(partial.output == "export OK='4'\n")
        #expect(partial.error.split(separator: "\n").count == 3)
        #expect(partial.error.hasPrefix("warning: a;id is left out: a shell variable cannot have this name\n"))
    }

    @Test("the formats of env are offered and checked, and belong to env alone")
    func formats() async throws {
        #expect(await console.run("env", "-o", "xml").status == .usage)
        #expect(await console.run("config", "path", "-o", "shell").status == .usage)
        let help = await console.run("env", "--help").output
        #expect(help.components(separatedBy: "--output FORMAT").count == 2)
        let path = try folder.write("A=1\n", to: ".env")
        #expect(await console.run("env", path, environment: ["PODSTACK_OUTPUT": "json"]).output.contains("\"A\""))
        #expect(
            await console.run("env", path, "-oshell", environment: ["PODSTACK_OUTPUT": "json"]).output
                == "export A='1'\n")
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
