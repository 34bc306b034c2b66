import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("Secrets are never printed", .blocking, .timeLimit(.minutes(5)))
struct SecrecyTests {
    /// Collects everything that a program could print.
    final class Witness: Sendable {
        let events = RecordedEvents()
        private let seen = RecordedEvents()

        func record(_ value: Any) {
            var dumped = ""
            dump(value, to: &dumped)
            var text = "\(value) \(String(reflecting: value)) \(dumped)"
            if let error = value as? any PodstackError {
                text += " \(error.message) \(error.details) \(error.hint ?? "") \(error.localizedDescription)"
            }
            seen.append(.warning(text))
        }

        func attempt(_ body: () async throws -> Any) async {
            do { record(try await body()) } catch { record(error) }
        }

        var everything: String { "\(seen.warnings) \(events.all)" }
    }

    static let responses: [ScriptedServer.Reply] = [
        .reset, .text("garbage TOKEN\r\n\r\n"),
        .text("HTTP/1.1 500 X\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 401 X\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 200 OK\r\nX-Request-ID: TOKEN\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/TOKEN\r\nContent-Length: 0\r\n\r\n"),
    ]

    @Test("the events, errors, responses and dumps of a long run contain no part of a secret")
    func longRun() async throws {
        let server = try RunningServer()
        let folder = try TemporaryDirectory()
        let witness = Witness()
        let token = try server.createToken()
        var secrets = [token]
        _ = try folder.write("[default]\napi_token = \(token)\n", to: "credentials")
        let environment = PodstackEnvironment([
            "PODSTACK_CREDENTIALS_FILE": folder.file("credentials"), "PODSTACK_API_ENDPOINT": server.url,
        ])
        let client = try Client(environment: environment, onEvent: witness.events.append)
        witness.record(client)
        witness.record(client.configuration)
        witness.record(try ClientConfiguration(apiToken: token, environment: environment))
        await witness.attempt { try await client.auth.whoami() }
        await witness.attempt { try await client.tokens.list().all() }
        let created = try await client.tokens.create(name: "made")
        secrets.append(created.secret.withSecret { $0 })
        witness.record(created)
        await witness.attempt { try await client.tokens.create(name: "") }
        let rotated = try await client.auth.rotate(grace: .zero)
        secrets.append(rotated.secret.withSecret { $0 })
        witness.record(rotated)
        let stale = try Client(apiToken: token, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        await witness.attempt { try await stale.auth.whoami() }
        try await client.auth.revoke()
        await witness.attempt { try await client.auth.whoami() }
        witness.record(try CredentialsFile(path: folder.file("credentials")))
        witness.record(PodstackEnvironment(["PODSTACK_API_TOKEN": token]))
        witness.record(try DotEnv.parse("PODSTACK_API_TOKEN=\(token)", environment: PodstackEnvironment([:])))
        witness.record(
            try Client(apiToken: token, environment: PodstackEnvironment(["https_proxy": "http://u:\(token)@p"])))
        for response in Self.responses {
            let misbehaving = try ScriptedServer(replying: { head in
                let sent = head.split(separator: "Bearer ").last?.prefix(56) ?? ""
                guard case .text(let text) = response else { return response }
                return .text(
                    text.split(separator: "TOKEN", omittingEmptySubsequences: false).joined(separator: String(sent)))
            })
            let client = try Client(
                apiToken: token, apiEndpoint: "http://127.0.0.1:\(misbehaving.port)", retry: .none,
                environment: PodstackEnvironment([:]), onEvent: witness.events.append)
            await witness.attempt { try await client.auth.whoami() }
        }
        for value in [token + " x", token + "\u{7}", token + "é"] {
            await witness.attempt { try Client(apiToken: value, environment: environment) }
        }
        let everything = witness.everything
        // A dump of bytes would disclose the secret too.
        let bytes = token.utf8.suffix(16).map { "- \($0)" }
        let hasBytes = everything.split(separator: "\\n").map { $0.drop { $0 == " " } }.contains { $0 == bytes[0] }
        #expect(!hasBytes)
        #expect(everything.contains("podstack_\(token.dropFirst(9).prefix(8))…"))
        for secret in secrets {
            let hidden = Array(secret.dropFirst(18))
            for start in 0...(hidden.count - 16) {
                let piece = String(hidden[start..<(start + 16)])
                // Evaluated outside of the expectation, which would print the secret.
                let isPrinted = everything.contains(piece)
                #expect(!isPrinted, "the part of a secret from character \(18 + start) on was printed")
            }
        }
    }

    @Test("a transport request is printed without its token")
    func request() async throws {
        let transport = RecordingTransport(.user(email: "you@example.com"))
        let client = try Client(apiToken: "secret-secret", environment: PodstackEnvironment([:]), transport: transport)
        _ = try await client.auth.whoami()
        let witness = Witness()
        witness.record(transport.requests)
        let isPrinted = witness.everything.contains("secret-secret")
        #expect(!isPrinted)
    }
}
