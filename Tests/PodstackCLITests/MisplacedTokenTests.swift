import Podstack
import PodstackAPI
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import PodstackCLI
@testable import PodstackCommandLine

/// Puts tokens wherever a user can put text, and searches everything that leaves the program.
@Suite("A token in the wrong place", .serialized, .blocking, .timeLimit(.perTest))
struct MisplacedTokenTests {
    let home: TemporaryDirectory
    let folder: TemporaryDirectory

    init() throws {
        home = try TemporaryDirectory()
        folder = try TemporaryDirectory()
    }

    // MARK: - Tokens

    /// A token with its secret, which must not be found anywhere, also not in a damaged or encoded token.
    struct Sample: Sendable, CustomTestStringConvertible {
        var name: String
        var text: String
        var secret: String
        var testDescription: String { name }
    }

    static let samples: [Sample] = {
        let token = TestToken.generate(id: "0123abcd")
        let secret = String(token.dropFirst(18).prefix(32))
        let last = token.hasSuffix("0") ? "1" : "0"
        let half = token.index(token.startIndex, offsetBy: 30)
        return [
            Sample(name: "valid", text: token, secret: secret),
            Sample(name: "wrong checksum", text: token.dropLast() + last, secret: secret),
            Sample(name: "lengthened", text: token + "0x_y", secret: secret),
            Sample(name: "cut", text: String(token.dropLast(3)), secret: secret),
            Sample(name: "in quotes", text: "\"\(token)\"", secret: secret),
            Sample(name: "in a URL", text: "https://example.com/?q=\(token)&x=1", secret: secret),
            Sample(
                name: "encoded", text: token.replacing("_", with: "%5F").replacing("p", with: "%70"), secret: secret),
            Sample(name: "after a prefix", text: "podstack_\(token)", secret: secret),
            Sample(name: "split", text: "\(token[..<half])\u{200B}\(token[half...])", secret: secret),
            Sample(name: "without its start", text: String(token.dropFirst(3)), secret: secret),
            Sample(name: "capitals", text: token.uppercased(), secret: secret.uppercased()),
        ]
    }()

    /// Expects that no piece of 12 characters of the secret is in a text, whatever its case and encoding.
    func expectNoSecret(
        of sample: Sample, in text: String, _ place: String, sourceLocation: SourceLocation = #_sourceLocation
    ) {
        // Keys of the credentials file are compared in lower case.
        let pieces = Array(sample.secret.lowercased())
        let plain = text.replacing("%70", with: "p").replacing("\u{200B}", with: "").lowercased()
        let isFound = (0...(pieces.count - 12)).contains { plain.contains(String(pieces[$0..<($0 + 12)])) }
        // Not `text` itself, which the test must not print either.
        #expect(!isFound, "\(place) shows a part of the token \"\(sample.name)\"", sourceLocation: sourceLocation)
    }

    // MARK: - Running

    struct Outcome {
        var status: PodstackCommandLine.ExitStatus
        var output: String
        var error: String
        var requests: [TransportRequest]

        /// Everything that left the program, except tokens in the header `Authorization`.
        var all: String {
            output + error
                + requests.map { request in
                    "\(request.url) \(request.headers) \(String(decoding: request.body ?? [], as: UTF8.self))"
                }.joined()
        }
    }

    /// Runs a command whose service repeats what it received in an error.
    func run(_ words: [String], environment: [String: String], input: String = "", answer: String? = nil) async
        -> Outcome
    {
        let streams = Console.Streams()
        let transport = RecordingTransport { request in
            let received = "\(request.url) \(String(decoding: request.body ?? [], as: UTF8.self))"
            let body = ErrorBody(
                code: .notFound, message: "not found: \(received)", requestID: "r",
                details: ["resource_type": "project", "resource_id": .string(received)])
            return TransportResponse(status: 404, headers: [], body: try APICoding.encode(body))
        }
        var context = streams.context(environment: environment, input: input)
        context.transport = transport
        if let answer {
            context.askLine = { prompt in
                streams.error.withLock { $0 += prompt }
                return answer
            }
            context.askSecret = context.askLine
        }
        let status = await PodstackTool.run(words, context: context)
        return Outcome(
            status: status, output: streams.output.withLock { $0 }, error: streams.error.withLock { $0 },
            requests: transport.requests)
    }

    var environment: [String: String] { ["HOME": home.path, "PODSTACK_API_TOKEN": "opaque-test-token"] }

    /// Returns a valid value for an argument or a flag.
    func filler(_ values: Values) -> String {
        switch values {
        case .choices(let words): words.first ?? "x"
        case .files: folder.file("missing")
        default: "x"
        }
    }

    func words(of command: PodstackCLI.Command, replacing index: Int? = nil, by text: String = "") -> [String] {
        command.words + command.arguments.enumerated().map { $0 == index ? text : filler($1.values) }
    }

    // MARK: - The command line

    @Test("no argument of any command repeats or sends a token", arguments: samples)
    func arguments(sample: Sample) async {
        for command in PodstackTool.program.commands {
            for index in command.arguments.indices {
                let words = words(of: command, replacing: index, by: sample.text)
                for more in [["-y"], ["-y", "-o", "json"]] {
                    let outcome = await run(words + more, environment: environment)
                    expectNoSecret(of: sample, in: outcome.all, "\(command.usage), argument \(index + 1)")
                    #expect(outcome.status != .success || command.isHidden, "\(command.usage)")
                }
            }
        }
    }

    @Test("no flag of any command repeats or sends a token", arguments: samples)
    func flags(sample: Sample) async {
        let program = PodstackTool.program
        for command in program.visibleCommands {
            // The global flags are the same for every command, so a few commands are enough.
            let isRepresentative = ["auth whoami", "token list", "config show"].contains(command.name)
            let flags = command.flags + (isRepresentative ? program.globalFlags : [])
            for flag in flags where flag.valueName != nil && flag.name != "token" {
                let outcome = await run(
                    words(of: command) + ["--\(flag.name)=\(sample.text)", "-y"], environment: environment)
                expectNoSecret(of: sample, in: outcome.all, "\(command.usage) --\(flag.name)")
                #expect(outcome.status != .success, "\(command.usage) --\(flag.name)")
                #expect(outcome.requests.isEmpty, "\(command.usage) --\(flag.name) sends a request")
            }
        }
    }

    @Test("words that are no command, no option or one too many do not repeat a token", arguments: samples)
    func strayWords(sample: Sample) async {
        for words in [
            [sample.text], ["auth", sample.text], ["token", "list", sample.text], ["--\(sample.text)"],
            ["auth", "whoami", "--\(sample.text)=x"], ["auth", "whoami", "-o\(sample.text)"], ["help", sample.text],
            ["auth", "login", sample.text], ["config", "set", sample.text, sample.text],
        ] {
            let outcome = await run(words, environment: environment)
            expectNoSecret(of: sample, in: outcome.all, words.dropLast().joined(separator: " "))
            #expect(outcome.status == .usage)
        }
    }

    @Test("an ID that is a whole token is refused with one sentence before any request")
    func wholeTokenAsID() async {
        let token = Self.samples[0].text
        for words in [["token", "get", token], ["token", "revoke", token, "-y"], ["token", "rotate", token]] {
            let outcome = await run(words, environment: environment)
            #expect(outcome.status == .usage)
            #expect(outcome.requests.isEmpty)
            #expect(
                outcome.error == """
                    error: TOKEN contains an API token in place of its value, so the command was not carried out
                    hint: The ID of a token is the 8 characters after podstack_; others can see a token on the command line

                    """)
        }
    }

    // MARK: - Variables and files

    static let variables =
        PodstackEnvironment.Variable.allCases.map(\.rawValue) + [
            "PODSTACK_PROJECT_ID", "PODSTACK_API_KEY", "PODSTACK_OUTPUT", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY",
            "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_DIR", "SHELL", "USER", "LOGNAME",
            "DISPLAY", "TERM", "NO_COLOR", "USERPROFILE",
        ]

    static let commands = [
        ["auth", "whoami"], ["auth", "status"], ["config", "explain"], ["config", "check"], ["config", "show"],
        ["config", "path"], ["config", "get-profile"], ["config", "get", "project_id"], ["auth", "logout"],
        ["project", "current"], ["project", "list"], ["audit", "list"], ["token", "list"],
        ["token", "create", "--name", "x"],
        ["auth", "login", "--web"],
    ]

    /// The samples for places that the same code reads; the others are tried where each place has its own code.
    static let fewSamples = samples.filter { ["valid", "wrong checksum", "lengthened", "encoded"].contains($0.name) }

    /// Every second command writes JSON.
    static func isJSON(_ index: Int) -> [String] { index.isMultiple(of: 2) ? [] : ["-o", "json"] }

    @Test("no variable that the program reads repeats or sends a token", arguments: variables)
    func variable(name: String) async {
        for (number, sample) in Self.fewSamples.enumerated() {
            for (index, words) in Self.commands.enumerated() {
                var environment = environment
                // In its own place, any text is sent to the service, as the token.
                if name == "PODSTACK_API_TOKEN_FILE" || name == "PODSTACK_PROFILE" {
                    environment["PODSTACK_API_TOKEN"] = nil
                }
                environment[name] = sample.text
                let outcome = await run(words + Self.isJSON(index + number), environment: environment)
                expectNoSecret(of: sample, in: outcome.all, "\(name) with \(words.joined(separator: " "))")
            }
        }
    }

    @Test("no key, name or value of the credentials file is repeated or sent", arguments: fewSamples)
    func credentialsFile(sample: Sample) async throws {
        let keys = CredentialsFile.Key.allCases.map(\.rawValue) + ["api_tokn", "unknown"]
        var files = keys.map { "[default]\n\($0) = \(sample.text)\n" }
        files += keys.filter { $0 != "api_token" }.map { "[default]\napi_token = opaque\n\($0) = \(sample.text)\n" }
        files += ["[\(sample.text)]\napi_token = opaque\n", "[default]\n\(sample.text) = x\n", "\(sample.text)\n"]
        files += ["[default]\ncredential_process = /missing/\(sample.text) \(sample.text)\n"]
        let commands =
            Self.commands.prefix(9) + [["config", "check", "--fix"], ["config", "show", "--profile", "default"]]
        for (number, text) in files.enumerated() {
            for (index, words) in commands.enumerated() {
                let path = try folder.write(text, to: "credentials")
                let outcome = await run(
                    words + Self.isJSON(index + number), environment: ["PODSTACK_CREDENTIALS_FILE": path])
                let key = text.split(separator: "\n").last?.split(separator: " ").first ?? ""
                let place = "\(key.count < 40 ? key : "a name") with \(words.joined(separator: " "))"
                expectNoSecret(of: sample, in: outcome.all, place)
            }
        }
    }

    @Test("no variable or name in a .env file, and no name of a file, is repeated or sent", arguments: samples)
    func files(sample: Sample) async throws {
        for name in Self.variables + ["OTHER"] where name != "PODSTACK_API_TOKEN" {
            let path = try folder.write(
                "\(name)='\(sample.text)'\n\(sample.text) what\nA B\n", to: "dev.env")
            for words in Self.commands.prefix(3).dropFirst() {
                let outcome = await run(words + ["--env-file", path], environment: environment)
                expectNoSecret(of: sample, in: outcome.all, "\(name) in a .env file")
            }
        }
        let name = sample.text.replacing("/", with: "-")
        let file = try folder.write("\u{1}not valid = \n[", to: name)
        for words in [
            ["auth", "whoami", "--token-file", file], ["auth", "whoami", "--env-file", file], ["env", file],
            ["token", "scan", file], ["env", file + "-missing"], ["token", "scan", folder.path],
        ] {
            let outcome = await run(words, environment: ["HOME": home.path])
            expectNoSecret(
                of: sample, in: outcome.all, "the name of a file in \(words.dropLast().joined(separator: " "))")
        }
    }

    @Test("what is typed, piped or named by a flag is not repeated when it is not a token alone", arguments: samples)
    func input(sample: Sample) async {
        for text in [sample.text, "x \(sample.text)", "PODSTACK_API_TOKEN=\(sample.text)", "${\(sample.text)}"] {
            let outcomes = [
                await run(["auth", "login"], environment: ["HOME": home.path], input: text),
                await run(["auth", "login"], environment: ["HOME": home.path], answer: text),
                await run(["auth", "whoami", "--token", "-"], environment: ["HOME": home.path], input: text),
                await run(["auth", "whoami", "--token", text], environment: ["HOME": home.path]),
                await run(["config", "explain", "--token", text], environment: ["HOME": home.path]),
                await run(["project", "delete", "x"], environment: environment, answer: text),
            ]
            for outcome in outcomes { expectNoSecret(of: sample, in: outcome.output + outcome.error, "an input") }
        }
    }

    // MARK: - Deliberate output

    @Test("a token that the user asked for is printed in full, and by no other command")
    func deliberate() async throws {
        let server = try RunningServer()
        let token = try server.createToken()
        let console = Console(environment: server.environment(home: home, token: token))
        let created = await console.run("token", "create", "--name", "x", "--scope", "*")
        #expect(created.status == .success)
        #expect(TokenFormat.id(of: String(created.output.dropLast())) != nil)
        let json = await console.run("token", "create", "--name", "y", "--scope", "*", "-o", "json")
        #expect(json.output.contains("\"token\""))
        #expect(!json.output.contains("…"))
        let rotated = await console.run("token", "rotate", String(created.output.dropFirst(9).prefix(8)))
        #expect(TokenFormat.id(of: String(rotated.output.dropLast())) != nil)
        let refreshed = await console.run("auth", "refresh")
        #expect(TokenFormat.id(of: String(refreshed.output.dropLast())) != nil)
        let file = try folder.write("PODSTACK_API_TOKEN=\(token)\n", to: ".env")
        #expect(await console.run("env", file).output == "PODSTACK_API_TOKEN=\(token)\n")
    }
}
