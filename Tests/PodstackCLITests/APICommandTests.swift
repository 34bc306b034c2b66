import Foundation
import Podstack
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackCLI

@Suite("podstack api", .blocking, .timeLimit(.minutes(5)))
struct APICommandTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: true) }

    @Test("a path is below /v1 unless it starts with a slash, and the response is printed as it was sent")
    func get() async throws {
        for path in ["auth/whoami", "v1/auth/whoami", "/v1/auth/whoami", "\(server.url)/v1/auth/whoami"] {
            let outcome = await console.run("api", path)
            #expect(outcome.status == .success, "\(path): \(outcome.error)")
            #expect(outcome.output.contains("\"email\":\"you@example.com\""))
            #expect(outcome.output.hasSuffix("}\n"))
        }
        let yaml = await console.run("api", "auth/whoami", "-o", "yaml")
        #expect(yaml.output.contains("email: \"you@example.com\"\n"))
    }

    @Test("on a terminal JSON is readable")
    func terminal() async throws {
        var console = console
        console.isTerminal = true
        let outcome = await console.run("api", "auth/whoami", "--no-color")
        #expect(outcome.output.hasPrefix("{\n  \""))
        #expect(outcome.output.contains("\"email\": \"you@example.com\""))
        #expect(await console.run("api", "auth/whoami").output.contains("\u{1B}[32m\"you@example.com\"\u{1B}[0m"))
    }

    @Test("fields become a JSON body, or the query of a GET")
    func fields() async throws {
        let created = await console.run("api", "projects", "-f", "name=training", "--raw-field=description=a=b")
        #expect(created.status == .success, "\(created.error)")
        #expect(created.output.contains("\"description\":\"a=b\""))
        let tokens = await console.run(
            "api", "tokens", "-f", "name=x", "-F", "expires_in_days=7", "-f", "scopes[]=projects:read", "-f",
            "scopes[]=tokens:read")
        #expect(tokens.status == .success, "\(tokens.error)")
        #expect(tokens.output.contains("\"scopes\":[\"projects:read\",\"tokens:read\"]"))
        // The response is data, so that the new token is not redacted.
        let new = try #require(tokens.output.firstMatch(of: /podstack_[0-9a-z]{8}_[0-9A-Za-z]{38}/))
        let whoami = await console.run(
            "api", "auth/whoami", "--jq", ".email", environment: ["PODSTACK_API_TOKEN": String(new.output)])
        #expect(whoami.status == .notAllowed || whoami.output == "you@example.com\n", "\(whoami.error)")
        let list = await console.run("api", "projects", "-X", "get", "-F", "limit=1", "--jq", ".projects | length")
        #expect(list.output == "1\n", "\(list.error)")
        let fields = try RequestFields(
            raw: ["a=1", "b[c]=x", "b[d][]=y", "b[d][]=z"], typed: ["n=1", "t=true", "z=null", "id=007", "f=@name"],
            readInput: { Array("text of \($0)".utf8) })
        #expect(
            fields.object == [
                "a": "1", "b": ["c": "x", "d": .array(["y", "z"])], "n": 1, "t": .bool(true), "z": .null, "id": "007",
                "f": "text of name",
            ])
        #expect(
            fields.appended(to: "/x?y=1").hasPrefix("/x?y=1&a=1&b%5Bc%5D=x&"), "\(fields.appended(to: "/x?y=1"))")
        let separators = try RequestFields(raw: ["q=a&b=c+d é#%/?"], typed: [], readInput: { _ in [] })
        #expect(separators.appended(to: "/x") == "/x?q=a%26b%3Dc%2Bd%20%C3%A9%23%25%2F%3F")
        #expect(RequestFields.replacing("cursor", with: "b&c", in: "/x?cursor=a&limit=2") == "/x?limit=2&cursor=b%26c")
    }

    @Test("a response cannot write to the terminal, and is unchanged elsewhere")
    func controlCharacters() async throws {
        let body = "line\u{1B}[2J\nnext"
        let other = try ScriptedServer { request in
            let body = request.hasPrefix("GET /json ") ? "\"\\u001b[2J\"" : body
            return "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let environment = ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(other.port)"]
        var terminal = console
        terminal.isTerminal = true
        #expect(await console.run("api", "/text", environment: environment).output == body + "\n")
        #expect(await terminal.run("api", "/text", environment: environment).output == "line?[2J\nnext\n")
        let query = ["api", "/json", "--jq", "."]
        #expect(await console.run(query, environment: environment).output == "\u{1B}[2J\n")
        #expect(await terminal.run(query, environment: environment).output == "?[2J\n")
    }

    @Test(
        "wrong fields, headers, methods and paths are usage errors, and nothing is sent",
        arguments: [
            ["x", "-f", "name"], ["x", "-f", "=v"], ["x", "-f", "a[=1"], ["x", "-f", "a=1", "-f", "a=2"],
            ["x", "-f", "a[b]=1", "-f", "a[]=2"], ["x", "-H", "nocolon"], ["x", "-H", "A: b\r\nC: d"],
            ["x", "-H", "Authorization: Bearer t"], ["x", "-X", "GE T"], ["x", "--slurp"],
            ["x", "--paginate", "-X", "POST"], ["x", "--input", "f", "-f", "a=b"], ["https://example.com/v1/tokens"],
            ["a b"], ["/v1/tokens#x"], [""], ["x", "--jq", ".["],
        ])
    func mistakes(words: [String]) async throws {
        let stranger = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let outcome = await console.run(
            ["api"] + words, environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(stranger.port)"])
        #expect(outcome.status == .usage, "\(outcome.error)")
        #expect(stranger.received.isEmpty)
    }

    @Test("a path that contains a token is refused")
    func tokenInPath() async throws {
        let token = TestToken.generate(id: "00000000")
        let outcome = await console.run("api", "tokens/\(token)")
        #expect(outcome.status == .usage)
        #expect(!outcome.error.contains(token.dropFirst(18)))
    }

    @Test("an error prints the body, and has the message and the status of its kind")
    func failures() async throws {
        let outcome = await console.run("api", "tokens/00000000")
        #expect(outcome.status == .notFound)
        #expect(outcome.output.contains("\"code\":\"not_found\""))
        #expect(outcome.error == "error: No such token (GET /v1/tokens/00000000: HTTP 404)\n", "\(outcome.error)")
        let unknown = await console.run("api", "whoami")
        #expect(unknown.error.contains("(GET /v1/whoami: HTTP 404)"), "\(unknown.error)")
        let rejected = await console.run(
            "api", "tokens", environment: ["PODSTACK_API_TOKEN": TestToken.generate(id: "00000000")])
        #expect(rejected.status == .notAuthenticated)
        #expect(rejected.error.hasPrefix("error: Invalid API token (GET /v1/tokens: HTTP 401)\n"))
    }

    @Test("--include prints the status and the headers, and -H sends a header")
    func headers() async throws {
        let outcome = await console.run("api", "auth/whoami", "-i", "-H", "X-Request-ID: my-request-1")
        #expect(outcome.output.hasPrefix("HTTP 200\n"))
        #expect(outcome.output.lowercased().contains("\ncontent-type: application/json"))
        #expect(outcome.output.contains("\n\n{"))
        let echo = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let sent = await console.run(
            "api", "/x", "-H", "Accept:text/csv", "-H", "X-Empty:", "--debug",
            environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(echo.port)"])
        #expect(sent.error == "debug: GET /x\ndebug: GET /x: HTTP 200\n")
        let head = try #require(echo.received.first)
        #expect(head.contains("\r\nAccept: text/csv\r\n"))
        #expect(!head.contains("application/json"))
    }

    @Test("--input sends a file or standard input")
    func input() async throws {
        let file = try home.write(#"{"name": "from a file"}"#, to: "body.json")
        #expect(await console.run("api", "projects", "--input", file).output.contains("\"name\":\"from a file\""))
        let piped = await console.run("api", "projects", "--input", "-", input: #"{"name": "piped"}"#)
        #expect(piped.output.contains("\"name\":\"piped\""))
        let missing = await console.run("api", "projects", "--input", home.file("gone"))
        #expect(missing.status == .failure)
        #expect(missing.error.contains("does not exist"))
    }

    @Test("--paginate requests all pages, and --slurp makes one array of them")
    func pages() async throws {
        for number in 0..<5 { _ = await console.run("project", "create", "p\(number)") }
        let pages = await console.run("api", "projects?limit=2", "--paginate")
        let documents = pages.output.split(separator: "\n")
        #expect(documents.count == 3, "\(pages.error)")
        let names = await console.run("api", "projects?limit=2", "--paginate", "--jq", ".projects[].name")
        #expect(names.output.split(separator: "\n").count == 6)
        let slurped = await console.run(
            "api", "projects?limit=2", "--paginate", "--slurp", "--jq", "[.[].projects[].name] | length")
        #expect(slurped.output == "6\n", "\(slurped.error)")
    }

    @Test("a list whose next page is the same one again ends")
    func endlessPages() async throws {
        let other = try ScriptedServer { _ in
            let body = #"{"projects":[],"next_cursor":"again"}"#
            return "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        let outcome = await console.run(
            "api", "projects", "--paginate",
            environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(other.port)"])
        #expect(outcome.status == .success, "\(outcome.error)")
        #expect(other.received.count == 2)
    }

    @Test(
        "a project that is not an ID is one encoded segment of the path",
        arguments: [
            ("a/../../tokens?x=1#y", "a%2F..%2F..%2Ftokens%3Fx%3D1%23y"), ("%2e%2e", "%252e%252e"), ("a&b", "a%26b"),
        ])
    func encodedProject(project: String, segment: String) async throws {
        let service = try ScriptedServer { _ in "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" }
        let outcome = await console.run(
            "api", "projects/{project}",
            environment: ["PODSTACK_API_ENDPOINT": "http://127.0.0.1:\(service.port)", "PODSTACK_PROJECT": project])
        #expect(outcome.status == .success, "\(outcome.error)")
        #expect(service.received.map { $0.prefix { $0 != "\r\n" } } == ["GET /v1/projects/\(segment) HTTP/1.1"])
        for project in [".", ".."] {
            let refused = await console.run("api", "projects/{project}", environment: ["PODSTACK_PROJECT": project])
            #expect(refused.status == .usage)
        }
    }

    @Test("{project} is the project in use")
    func project() async throws {
        let id = String(await console.run("project", "create", "training").output.dropLast())
        let outcome = await console.run(
            "api", "projects/{project}", "--jq", ".id", environment: ["PODSTACK_PROJECT": id])
        #expect(outcome.output == "\(id)\n", "\(outcome.error)")
        #expect(
            await console.run("api", "projects/{project}", "--project", "training", "--jq", ".id").output == "\(id)\n")
    }
}

@Suite("jq expressions", .timeLimit(.minutes(1)))
struct JSONQueryTests {
    func run(_ program: String, _ json: String) throws -> [JSONQuery.Value] {
        try JSONQuery(program).results(of: Array(json.utf8))
    }

    @Test("results are strings without quotes, and JSON")
    func results() throws {
        #expect(try run(".a", #"{"a": "é\n\u0000x"}"#) == [.string("é\n\0x")])
        #expect(
            try run(".[]", #"[1, "x", null, {"a": [true]}]"#) == [
                .json("1"), .string("x"), .json("null"), .json(#"{"a":[true]}"#),
            ])
        #expect(try run("empty", "{}") == [])
        let query = try JSONQuery("length")
        #expect(try query.results(of: Array("[1,2]".utf8)) == [.json("2")])
        #expect(try query.results(of: Array("[]".utf8)) == [.json("0")])
    }

    @Test(
        "an expression that asks for more input or its position gets none, and ends no process",
        arguments: [
            ("[inputs]", ["[]"]), ("[limit(1; inputs)]", ["[]"]), ("input_line_number", ["0"]),
            ("input_filename", ["null"]), ("get_search_list", [#"["~/.jq"]"#]),
        ])
    func inputs(program: String, results: [String]) throws {
        #expect(try run(program, "{}") == results.map(JSONQuery.Value.json))
    }

    @Test(
        "a module that does not exist is an error",
        arguments: [#"import "a" as a; ."#, #"include "a"; ."#, #"import "./a" as $a; ."#])
    func modules(program: String) throws {
        let error = #expect(throws: UsageError.self) { try run(program, "{}") }
        #expect(error?.message.hasPrefix("--jq: module not found: ") == true, "\(error?.message ?? "")")
        let end = #expect(throws: CommandError.self) { try run("input", "{}") }
        #expect(end?.message == "--jq: there is no further input")
    }

    @Test("an invalid expression or an input that does not fit is an error in one sentence")
    func errors() throws {
        #expect {
            _ = try JSONQuery(".[")
        } throws: { ($0 as? UsageError)?.message.hasPrefix("--jq: syntax error") == true }
        #expect {
            _ = try run(".a", "[1]")
        } throws: { ($0 as? CommandError)?.message == "--jq: Cannot index array with string \"a\"" }
        #expect {
            _ = try run(".", "<html>")
        } throws: { ($0 as? CommandError)?.message == "--jq: the response is not JSON" }
        #expect(throws: CommandError.self) { try run("error(\"x\")", "1") }
    }
}

@Suite("JSON text", .timeLimit(.minutes(1)))
struct JSONTextTests {
    @Test("the compact and the readable form differ only in whitespace")
    func forms() {
        let json = #"{"b" : [1, 2.50, {"a":"x, y: {z}\" \\"}], "a":{}, "c": [ ] ,"d":null}"#
        #expect(
            JSONText.compact(Array(json.utf8)) == #"{"b":[1,2.50,{"a":"x, y: {z}\" \\"}],"a":{},"c":[],"d":null}"#)
        #expect(
            JSONText.pretty(Array(json.utf8)) == #"""
                {
                  "b": [
                    1,
                    2.50,
                    {
                      "a": "x, y: {z}\" \\"
                    }
                  ],
                  "a": {},
                  "c": [],
                  "d": null
                }
                """#)
        #expect(
            JSONText.pretty(Array(#"{"a":"b"}"#.utf8), isStyled: true)
                == "{\n  \u{1B}[34m\"a\"\u{1B}[0m: \u{1B}[32m\"b\"\u{1B}[0m\n}")
        #expect(JSONText.pretty(Array(" 1 ".utf8)) == "1")
    }

    @Test("a text that ends too early does not stop the program", arguments: ["", "\"", "\"\\", "{", "[1,", "]"])
    func incomplete(json: String) {
        _ = JSONText.pretty(Array(json.utf8))
        _ = JSONText.compact(Array(json.utf8))
    }
}

@Suite("Relative times", .timeLimit(.minutes(1)))
struct RelativeTimeTests {
    @Test(
        "a time is told in its largest unit",
        arguments: [
            (0, "in less than a minute"), (-1, "just now"), (-59, "just now"), (60, "in 1 minute"),
            (-61, "1 minute ago"),
            (3590, "in 1 hour"), (-7200, "2 hours ago"), (86_399, "in 1 day"), (86_400 * 30 - 5, "in 30 days"),
            (86_400 * 60, "in 60 days"), (-86_400 * 90, "3 months ago"), (86_400 * 365, "in 12 months"),
            (-86_400 * 365 * 3, "3 years ago"),
        ])
    func text(seconds: Int, text: String) {
        let now = Date(timeIntervalSince1970: 1_900_000_000)
        #expect(RelativeTime.text(now.addingTimeInterval(Double(seconds)), now: now) == text)
    }
}
