import Foundation
import Podstack
import PodstackAPI
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import PodstackCLI

@Suite("Messages of podstack", .serialized, .blocking, .timeLimit(.perTest))
struct MessageTests {
    let home: TemporaryDirectory
    let console: Console

    init() throws {
        home = try TemporaryDirectory()
        console = Console(environment: ["HOME": home.path])
    }

    /// Runs a command with a service that rejects a field of the request.
    func run(_ words: [String], rejecting field: String, _ problem: String) async -> String {
        let streams = Console.Streams()
        var context = streams.context(environment: ["HOME": home.path, "PODSTACK_API_TOKEN": "t"])
        context.transport = RecordingTransport { _ in
            let body = ErrorBody(
                code: .validationFailed, message: "invalid", requestID: nil,
                details: ["field_errors": .object([field: .array([.string(problem)])])])
            return TransportResponse(status: 422, headers: [], body: try APICoding.encode(body))
        }
        _ = await PodstackTool.run(words, context: context)
        return streams.error.withLock { $0 }
    }

    // MARK: - JSON

    /// Returns the objects on standard error, of which each must be one line.
    func objects(_ text: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [String: [String]] {
        var found: [String: [String]] = [:]
        for line in text.split(separator: "\n") {
            let object = try #require(
                try? APICoding.decode([String: JSONValue].self, from: Array(line.utf8)), "\(line)",
                sourceLocation: sourceLocation)
            #expect(object.count == 1, sourceLocation: sourceLocation)
            for (kind, value) in object {
                guard case .object(let fields) = value else { continue }
                found[kind, default: []].append(fields["message"]?.stringValue ?? "")
            }
        }
        return found
    }

    @Test("with -o json, each error, warning and note on standard error is one JSON object on one line")
    func json() async throws {
        let file = try home.write("[default]\napi_token = t\n", to: "file")
        let lines = try home.write("what is this\nA=1\n", to: ".env")
        let cases: [([String], [String: String], [String: Int])] = [
            (["fly"], [:], ["error": 1]), (["auth", "whoami"], [:], ["error": 1]), (["token"], [:], ["error": 1]),
            (["auth", "whoami", "--token", "a b"], [:], ["warning": 1, "error": 1]),
            (["auth", "whoami", "--profile", "gone"], ["PODSTACK_CREDENTIALS_FILE": file], ["error": 1]),
            (["auth", "whoami", "--env-file", lines], [:], ["warning": 1, "error": 1]),
            (["env", lines], [:], ["warning": 1]),
            (
                ["config", "explain"],
                ["PODSTACK_API_TOKEN": "t", "PODSTACK_PROFILE": "x", "PODSTACK_PROJECT_ID": "p"],
                ["warning": 2]
            ),
            (["config", "show"], [:], ["info": 1]),
            (["config", "set", "project_id", "p"], [:], [:]), (["auth", "logout"], [:], ["error": 1]),
            (
                ["auth", "whoami"], ["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "http://127.0.0.1:1"],
                ["error": 1]
            ),
            (["token", "scan", home.file("gone")], [:], ["warning": 1, "info": 1]),
        ]
        for (words, variables, expected) in cases {
            for (format, more) in [(["-o", "json"], [:]), ([], ["PODSTACK_OUTPUT": "json"])] {
                let outcome = await console.run(words + format, environment: variables.merging(more) { $1 })
                #expect(try objects(outcome.error).mapValues(\.count) == expected, "\(words): \(outcome.error)")
            }
        }
    }

    // MARK: - Formats

    @Test("an unknown PODSTACK_OUTPUT is an error that names the variable", arguments: ["xml", "JSON", "json,yaml"])
    func unknownFormat(value: String) async {
        let variable = ["PODSTACK_OUTPUT": value]
        let outcome = await console.run("config", "path", environment: variable)
        #expect(outcome.status == .usage)
        #expect(
            outcome.error
                == "error: PODSTACK_OUTPUT must be one of table, wide, json, yaml\nhint: unset PODSTACK_OUTPUT, or give --output\n"
        )
        #expect(outcome.output.isEmpty)
        #expect(await console.run("config", "path", "-o", "json", environment: variable).status == .success)
        #expect(await console.run("--help", environment: variable).status == .success)
    }

    @Test("PODSTACK_OUTPUT is trimmed, and not set when it is empty")
    func trimmedFormat() async {
        let json = await console.run("config", "path", environment: ["PODSTACK_OUTPUT": " json\n"])
        #expect(json.output.hasPrefix("{"))
        let empty = await console.run("config", "path", environment: ["PODSTACK_OUTPUT": " "])
        #expect(empty.output == "\(home.path)/.podstack/credentials\n")
    }

    // MARK: - Fields

    @Test("an error of the service names the option or the argument, not the field of the API")
    func fields() async {
        let cases: [([String], String, String)] = [
            (["auth", "refresh", "--grace", "1h"], "grace_seconds", "--grace"),
            (["token", "rotate", "0123abcd", "--grace", "1h"], "grace_seconds", "--grace"),
            (["token", "create", "--name", "x", "--full-access"], "name", "--name"),
            (["token", "create", "--name", "x", "--scope", "x:y"], "scopes", "--scope"),
            (["token", "create", "--name", "x", "--scope", "x:y"], "scopes.0", "--scope"),
            (
                ["token", "create", "--name", "x", "--full-access", "--project-id", "prj_y"], "project_ids",
                "--project-id"
            ),
            (
                ["token", "create", "--name", "x", "--full-access", "--expires-in-days", "7"], "expires_in_days",
                "--expires-in-days"
            ),
            (["audit", "list", "--search", "x"], "q", "--search"),
            (["audit", "list", "--resource-type", "x"], "resource_type", "--resource-type"),
            (["project", "create", "x"], "name", "--name"),
            (["member", "add", "x", "--project", "p"], "email", "EMAIL"),
            (["token", "list"], "unheard_of", "unheard_of"),
        ]
        for (words, field, name) in cases {
            let error = await run(words, rejecting: field, "must be better")
            let hint = name == "--scope" ? "hint: \(ScopeInput.hint)\n" : ""
            #expect(error == "error: \(name) must be better\n\(hint)")
        }
        let json = await run(
            ["token", "create", "--name", "x", "--full-access", "-o", "json"], rejecting: "scopes", "is wrong")
        #expect(json.contains("\"message\":\"--scope is wrong\""))
        #expect(json.contains("\"scopes\":[\"is wrong\"]"))
    }

    @Test("a grace period that is too long is reported in the units of the option")
    func grace() async {
        for words in [["auth", "refresh"], ["token", "rotate", "0123abcd"]] {
            let outcome = await console.run(words + ["--grace", "8d"], environment: ["PODSTACK_API_TOKEN": "t"])
            #expect(outcome.status == .usage)
            #expect(outcome.error == "error: --grace must be at most 7d\n")
        }
    }

    @Test(
        "an invalid prefix of a token is told what is wrong with it",
        arguments: [
            (
                "podstack_abc1234O",
                "it contains \"O\", but an ID consists of digits and lower-case letters other than i, l, o and u"
            ),
            ("podstack_abc123456", "it has 8 characters, as in abc12345 or podstack_abc12345"),
        ])
    func tokenIDs(id: String, problem: String) async {
        let outcome = await console.run("token", "get", id, environment: ["PODSTACK_API_TOKEN": "t"])
        #expect(outcome.status == .usage)
        #expect(outcome.error.hasPrefix("error: invalid token ID: \(problem)\n"), "\(outcome.error)")
    }

    @Test("an error about a value of config set names the key")
    func values() async {
        for (key, value, message) in [
            ("api_endpoint", "gopher://x", "api_endpoint must start with https://"),
            ("api_endpoint", "", "api_endpoint is empty"),
            (
                "api_endpoint", "http://example.com",
                "api_endpoint uses plain http to example.com: http is allowed only to "
                    + "this machine; use https"
            ),
            ("credential_process", "'x", "credential_process is empty or has a quote that is not closed"),
        ] {
            let outcome = await console.run("config", "set", key, value)
            #expect(outcome.status == .usage)
            #expect(outcome.error == "error: \(message)\n")
        }
    }

    // MARK: - Failed writes

    @Test("a failed write of output blames a token only when one was printed")
    func failedWrite() async throws {
        let server = try RunningServer()
        let environment = server.environment(home: home, token: try server.createToken())
        func error(_ words: [String]) async -> String {
            let streams = Console.Streams()
            var context = streams.context(environment: environment)
            context.outputFailure = { "No space left on device" }
            _ = await PodstackTool.run(words, context: context)
            return streams.error.withLock { $0 }
        }
        for words in [["project", "list"], ["config", "path"], ["token", "list"]] {
            let text = await error(words)
            #expect(text.hasPrefix("error: cannot write to standard output: No space left on device\n"))
            #expect(!text.contains("token"), "\(words)")
        }
        #expect(
            await error(["token", "create", "--name", "x", "--scope", "*"]).contains(
                "hint: The new token was not printed"))
    }

    // MARK: - Escape codes

    /// Returns what a context writes to both streams when it gets escape codes in pieces, and whether it shows progress.
    func written(_ variables: [String: String], _ words: [String], isTerminal: Bool) -> (String, Bool) {
        let streams = Console.Streams()
        var context = streams.context(environment: variables)
        context.isOutputTerminal = isTerminal
        context.isErrorTerminal = isTerminal
        context.showsProgress = isTerminal
        context = context.bounded(words)
        for text in ["\u{1B}[31", "mred\u{1B}[", "0m\u{1B}]0;title\u{7}"] {
            context.standardOutput(text)
            context.standardError(text)
        }
        context.boundary?.finish()
        let (output, error) = (streams.output.withLock { $0 }, streams.error.withLock { $0 })
        return (output == error ? output : "output and error differ", context.showsProgress)
    }

    @Test("no escape codes are written with TERM=dumb, NO_COLOR or --no-color, or where there is no terminal")
    func escapeCodes() {
        for (variables, words, isTerminal) in [
            (["TERM": "dumb"], [], true), (["NO_COLOR": "1"], [], true), (["TERM": "xterm"], ["--no-color"], true),
            (["TERM": "xterm"], [], false),
        ] as [([String: String], [String], Bool)] {
            let (text, showsProgress) = written(variables, words, isTerminal: isTerminal)
            #expect(text == "red")
            #expect(!showsProgress)
        }
        for (variables, words) in [
            (["TERM": "xterm", "NO_COLOR": ""], []), (["TERM": "xterm"], ["--", "--no-color"]),
        ] as [([String: String], [String])] {
            let (text, showsProgress) = written(variables, words, isTerminal: true)
            #expect(text == "\u{1B}[31mred\u{1B}[0m\u{1B}]0;title\u{7}")
            #expect(showsProgress)
        }
    }

    @Test("the real program writes no escape codes to a pipe")
    func realProgram() throws {
        for words in [["--help"], ["config", "explain"], ["config", "show"], ["fly"]] {
            let outcome = try ToolProcess.run("podstack", words, environment: ["HOME": home.path, "TERM": "xterm"])
            #expect(!(outcome.output + outcome.error).contains("\u{1B}"))
        }
    }

    // MARK: - The source of an input

    @Test("an error names the way in which the token was given")
    func inputSources() async throws {
        let file = try home.write("to ken", to: "token")
        let defect = "contains whitespace, control characters or non-ASCII characters"
        for (words, input, source) in [
            (["auth", "whoami", "--token", "to ken"], "", "--token"),
            (["auth", "whoami", "--token", "-"], "to ken", "standard input"),
            (["auth", "whoami", "--token-file", file], "", "--token-file (\(file))"),
            (["auth", "login"], "to ken", "standard input"),
            (["auth", "login", "--token-file", file], "", "--token-file (\(file))"),
        ] {
            let outcome = await console.run(words, input: input)
            #expect(outcome.error.hasSuffix("error: Invalid API token: \(source) \(defect)\n"), "\(outcome.error)")
        }
        let streams = Console.Streams()
        var context = streams.context(environment: ["HOME": home.path])
        context.askSecret = { _ in "to ken" }
        _ = await PodstackTool.run(["auth", "login"], context: context)
        #expect(streams.error.withLock { $0 }.hasSuffix("Invalid API token: the text that was typed \(defect)\n"))
        let explained = await console.run(
            "config", "explain", "--token-file", try home.write("t", to: "token"), "-o", "json")
        #expect(explained.output.contains("--token-file (\(file))"))
        #expect(await console.run("config", "explain", "--token", "-", input: "t").output.contains("standard input"))
    }

    @Test("a rejected token is said to come from the way in which it was given")
    func rejectedInput() async throws {
        let server = try RunningServer()
        let environment = server.environment(home: home, token: nil)
        let token = TestToken.generate(id: "00000000")
        for (words, input, source) in [
            (["auth", "whoami", "--token", token], "", "--token"),
            (["auth", "login"], "\"\(token)\"\n", "standard input"),
            (
                ["auth", "whoami", "--token-file", try home.write(token, to: "t")], "",
                "--token-file (\(home.file("t")))"
            ),
        ] {
            let outcome = await Console(environment: environment).run(words, input: input)
            #expect(outcome.error.contains("The token came from \(source)"), "\(outcome.error)")
        }
    }
}
