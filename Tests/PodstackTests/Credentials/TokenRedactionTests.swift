import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("Redaction", .serialized, .blocking, .timeLimit(.perTest))
struct TokenRedactionTests {
    let token = TestToken.generate(id: "0123abcd")
    var secret: String { String(token.dropFirst(18)) }

    @Test("a token is cut to its prefix, whatever surrounds it")
    func surroundings() {
        let redacted = "podstack_0123abcd…"
        for (before, after) in [
            ("", ""), ("\"", "\""), ("https://x/", "?a=b"), ("x", " is"), ("(", ")."), ("=", "\n"), ("é", "\u{301}"),
            ("/home/podstack_development/", "/credentials"), ("podstack ", ":"),
        ] {
            #expect(TokenRedaction.redact(before + token + after) == before + redacted + after)
        }
    }

    @Test("names, paths and prefixes that only look like tokens stay as they are")
    func lookalikes() {
        for text in [
            "podstack_0123abcd", "podstack_0123abcd…", "/home/podstack_development/.podstack/credentials",
            "podstack_database_backup of /srv/podstack_database_backup/files", "PODSTACK_API_TOKEN_FILE is set",
            "podstack_", "a_podstack_b", "prj_0123456789abcdef0123456789abcdef", "50% of podstack_0123abcd's",
            "podstack_0123abcd\n0123456789abcdef0123456789abcdef01234567", "created_at project_ids 100%5",
            "podstack_database_production configuration everywhere", #"C:\users\x and "\u00e9""#,
        ] {
            #expect(TokenRedaction.redact(text) == text)
            #expect(!TokenRedaction.isTokenContained(in: text))
        }
    }

    @Test("a damaged token is redacted too, and no piece of 12 characters of its secret is left")
    func damaged() throws {
        let half = token.index(token.startIndex, offsetBy: 33)
        var texts = [
            token + "abc", String(token.dropLast()), String(token.prefix(34)), token.replacing("_", with: "%5F"),
            token.replacing("_", with: "%255F"), token.replacing("_", with: "\\u005f"), String(token.dropFirst()),
            "\(token[..<half])\n\(token[half...])", "\(token[..<half])?\(token[half...])",
            "\(token[..<half]) \(token[half...])", "podstack_01\n23abcd_\(secret)", "podstack_\(secret)",
            token.replacing("_", with: "-"), token.replacing("_", with: "."), token.replacing("_", with: "/"),
            token.replacing("_", with: ""), token.replacing("_", with: ":"), "podstack-0123abcd_\(secret)",
            "podstack_0123abcd-\(secret)", "podstack_0123abcd\(secret)",
            "podstack__\(secret)", token.uppercased(), String(token.map { "%" + Self.hexadecimal($0) }.joined()),
        ]
        texts += try TokenVectors.load(#filePath + "/..").invalid.map(\.token).filter { $0.utf8.count > 40 }
        for text in texts {
            #expect(TokenRedaction.isTokenContained(in: text), "case \(texts.firstIndex(of: text) ?? -1)")
            let redacted = TokenRedaction.redact("a \(text) b")
            // In full, the encoded text has three characters for each of the token's.
            let hidden = Array(text.uppercased().dropFirst(text.hasPrefix("%") ? 3 * 18 : 20))
            let left = redacted.uppercased()
            let isLeft = hidden.indices.dropLast(11).contains { left.contains(String(hidden[$0..<($0 + 12)])) }
            #expect(!isLeft, "case \(texts.firstIndex(of: text) ?? -1)")
            #expect(TokenRedaction.redact(redacted) == redacted)
        }
    }

    private static func hexadecimal(_ character: Character) -> String {
        let value = character.asciiValue ?? 0
        return [value >> 4, value & 15].map { String($0, radix: 16) }.joined()
    }

    @Test("an error of the SDK alone contains no token, neither in its message, its hint nor its dump")
    func errors() {
        let source = ClientConfiguration.Source.file(
            "/etc/\(token)", namedBy: .environment("PODSTACK_API_TOKEN_FILE"))
        var changed = ConfigurationError("unchanged")
        changed.message = "the value \(token)"
        changed.hint = "use \(token)"
        let errors: [any PodstackError] = [
            ConfigurationError("the value \(token) is invalid", hint: "remove \(token)"), changed,
            ConfigurationError(message: "\(source) is a directory", hint: "\(source)", about: source),
            AuthenticationError("the token \(token) is invalid", hint: "remove \(token)"),
            ServerError("failed for \(token)", statusCode: 500, hint: "\(token)"), NetworkError("no \(token)"),
        ]
        for (index, error) in errors.enumerated() {
            var dumped = ""
            dump(error, to: &dumped)
            let texts = [
                error.message, error.hint ?? "", "\(error)", String(reflecting: error), error.localizedDescription,
                dumped,
            ]
            for (number, text) in texts.enumerated() {
                let isShown = text.contains(secret.prefix(12))
                #expect(!isShown, "error \(index), text \(number)")
            }
            #expect(error.message.contains("podstack_0123abcd…"))
        }
    }

    @Test("a text in pieces is redacted like the whole text, wherever it is split")
    func stream() {
        let text = "warning: \(token) and \"\(token)x\" of podstack_0123abcd, ID\(token.dropFirst(3)), pod, podstack"
        let whole = TokenRedaction.redact(text)
        let bytes = Array(text)
        for size in 1...60 {
            var redactor = StreamRedactor()
            var output = ""
            for start in stride(from: 0, to: bytes.count, by: size) {
                output += redactor.pass(String(bytes[start..<min(start + size, bytes.count)]))
            }
            output += redactor.finish()
            let isEqual = output == whole
            #expect(isEqual, "in pieces of \(size)")
        }
    }

    @Test("only text that may be the start of a token is held back")
    func held() {
        var redactor = StreamRedactor()
        for text in ["Type yes: ", "0:59 left", "stop", "p", "é", "100% ", "a_b\n"] {
            #expect(redactor.pass(text) == text)
        }
        #expect(redactor.pass("podst") == "")
        #expect(redactor.finish() == "podst")
    }

    // MARK: - The SDK

    @Test("a token in place of an ID, a name or a filter is refused before anything is sent")
    func requests() async throws {
        let transport = RecordingTransport(.user(email: "you@example.com"))
        let events = RecordedEvents()
        let client = try Client(
            apiToken: "t", environment: PodstackEnvironment([:]), transport: transport, onEvent: events.append)
        for text in [token, String(token.dropLast(2)), token + "x", token.replacing("_", with: "%5F")] {
            let calls: [@Sendable () async throws -> Void] = [
                { _ = try await client.tokens.get(text) }, { try await client.tokens.revoke(text) },
                { _ = try await client.tokens.rotate(text) }, { _ = try await client.tokens.update(text, name: "n") },
                { _ = try await client.tokens.create(name: text) },
                { _ = try await client.tokens.create(name: "n", projects: [text]) },
                { _ = try await client.projects.get(text) }, { try await client.projects.delete(text) },
                { _ = try await client.projects.create(name: "n", description: text) },
                { _ = try await client.members.list(project: text).all() },
                { try await client.members.remove(text, from: "prj_1") },
                { _ = try await client.members.add(text, to: "prj_1") },
                { _ = try await client.auditLogs.list(user: text).all() },
                { _ = try await client.auditLogs.list(containing: "a \(text)").all() },
                { _ = try await client.auth.can("projects:read", project: text) },
            ]
            for (index, call) in calls.enumerated() {
                let error = await #expect(throws: ValidationError.self, "call \(index)") { try await call() }
                #expect(
                    error?.message == "An ID, a name or a filter contains an API token, so the request was not sent")
                #expect(error?.statusCode == nil)
            }
        }
        #expect(transport.requests.isEmpty)
        #expect(events.all.isEmpty)
        try await client.tokens.report([APIToken(token)])
        #expect(transport.requests.count == 1)
    }

    @Test("descriptions and dumps of values that contain names and paths show no token")
    func descriptions() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("[\(token)]\nproject_id = p\napi_token = t\n", to: "credentials-\(token)")
        let variables = try DotEnv.parse("\(token)=1\n", environment: PodstackEnvironment([:]))
        let environment = PodstackEnvironment([token: "1"])
        let configuration = try ClientConfiguration(
            apiToken: "t",
            environment: PodstackEnvironment(["SSL_CERT_FILE": "/\(token)", "NO_PROXY": token]))
        let sources: [ClientConfiguration.Source] = [
            .argument(token), .environment(token), .dotEnv("A", path: token, line: 1),
            .file(token, namedBy: .environment("X")), .profile(token, path: "/", line: 1),
            .process("x", path: token, line: 2),
        ]
        let values: [Any] =
            [try CredentialsFile(path: file), variables, variables.variables, environment, configuration, sources]
            + [try Client(apiToken: "t", environment: environment), ClientEvent.warning("of \(token)").redacted]
        for (index, value) in values.enumerated() {
            var text = "\(value) \(String(reflecting: value))"
            dump(value, to: &text)
            let isPrinted = text.contains(secret.prefix(12))
            #expect(!isPrinted, "value \(index)")
        }
    }

    @Test("a token in place of another setting is refused, and the error names the setting but not the token")
    func settings() throws {
        let home = try TemporaryDirectory()
        let file = try home.write("[default]\nproject_id = \(token)\napi_token = t\n", to: "credentials")
        func environment(_ name: String, _ more: [String: String] = [:]) -> PodstackEnvironment {
            PodstackEnvironment(["HOME": home.path].merging(more) { $1 }.merging([name: token]) { $1 })
        }
        let opaque = ["PODSTACK_API_TOKEN": "t"]
        let attempts: [(String, () throws -> Void)] = [
            ("projectID:", { _ = try Client(apiToken: "t", projectID: token, environment: environment("X")) }),
            ("apiEndpoint:", { _ = try Client(apiToken: "t", apiEndpoint: token, environment: environment("X")) }),
            ("profile:", { _ = try Client(profile: token, environment: environment("X")) }),
            ("PODSTACK_PROFILE", { _ = try Client(environment: environment("PODSTACK_PROFILE")) }),
            ("PODSTACK_PROJECT", { _ = try Client(environment: environment("PODSTACK_PROJECT", opaque)) }),
            ("PODSTACK_API_ENDPOINT", { _ = try Client(environment: environment("PODSTACK_API_ENDPOINT", opaque)) }),
            ("PODSTACK_API_TOKEN_FILE", { _ = try Client(environment: environment("PODSTACK_API_TOKEN_FILE")) }),
            ("PODSTACK_CREDENTIALS_FILE", { _ = try Client(environment: environment("PODSTACK_CREDENTIALS_FILE")) }),
            ("HTTPS_PROXY", { _ = try Client(environment: environment("HTTPS_PROXY", opaque)) }),
            (file, { _ = try Client(environment: environment("X", ["PODSTACK_CREDENTIALS_FILE": file])) }),
        ]
        for (name, attempt) in attempts {
            let error = #expect(throws: ConfigurationError.self, "\(name)") { try attempt() }
            #expect(error?.message.contains("\(name)") == true, "\(name)")
            #expect(error?.message.contains("contains an API token in place of") == true, "\(name)")
            var dumped = "\(String(describing: error)) \(String(reflecting: error))"
            if let error { dump(error, to: &dumped) }
            let isPrinted = dumped.contains(secret.prefix(12))
            #expect(!isPrinted, "\(name)")
        }
    }
}
