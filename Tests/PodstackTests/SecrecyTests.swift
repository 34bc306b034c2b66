import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

@Suite("No secret leaves by any way of printing", .blocking)
struct SecrecyTests {
    /// Everything that a program could print of a run.
    final class Witness: Sendable {
        let events = RecordedEvents()
        private let seen = RecordedEvents()

        func note(_ value: Any) {
            var dumped = ""
            dump(value, to: &dumped)
            var text = "\(value) \(String(reflecting: value)) \(dumped)"
            if let error = value as? any PodstackError {
                text += " \(error.message) \(error.details) \(error.hint ?? "") \(error.localizedDescription)"
            }
            seen.append(.warning(text))
        }

        func attempt(_ body: () async throws -> Any) async {
            do { note(try await body()) } catch { note(error) }
        }

        var everything: String { "\(seen.warnings) \(events.all)" }
    }

    static let answers: [ScriptedServer.Answer] = [
        .reset, .text("garbage TOKEN\r\n\r\n"),
        .text("HTTP/1.1 500 X\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 401 X\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 200 OK\r\nX-Request-ID: TOKEN\r\nContent-Length: 56\r\n\r\nTOKEN"),
        .text("HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/TOKEN\r\nContent-Length: 0\r\n\r\n"),
    ]

    @Test("a long run, with every event, error, answer and dump, holds no piece of it")
    func longRun() async throws {
        let server = try RunningServer()
        let folder = try TemporaryDirectory()
        let witness = Witness()
        let token = try server.makeToken()
        var secrets = [token]
        _ = try folder.write("[default]\napi_token = \(token)\n", to: "credentials")
        let environment = PodstackEnvironment([
            "PODSTACK_CREDENTIALS_FILE": folder.file("credentials"), "PODSTACK_API_ENDPOINT": server.url,
        ])
        let client = try Client(environment: environment, onEvent: witness.events.append)
        witness.note(client)
        witness.note(client.configuration)
        witness.note(try ClientConfiguration(apiToken: token, environment: environment))
        await witness.attempt { try await client.auth.whoami() }
        await witness.attempt { try await client.tokens.list().all() }
        let made = try await client.tokens.create(name: "made")
        secrets.append(made.secret.withSecret { $0 })
        witness.note(made)
        await witness.attempt { try await client.tokens.create(name: "") }
        let rotated = try await client.auth.rotate(grace: .zero)
        secrets.append(rotated.secret.withSecret { $0 })
        witness.note(rotated)
        let stale = try Client(apiToken: token, apiEndpoint: server.url, environment: PodstackEnvironment([:]))
        await witness.attempt { try await stale.auth.whoami() }
        try await client.auth.revoke()
        await witness.attempt { try await client.auth.whoami() }
        witness.note(try CredentialsFile(path: folder.file("credentials")))
        witness.note(PodstackEnvironment(["PODSTACK_API_TOKEN": token]))
        witness.note(try DotEnv.parse("PODSTACK_API_TOKEN=\(token)", environment: PodstackEnvironment([:])))
        witness.note(
            try Client(apiToken: token, environment: PodstackEnvironment(["https_proxy": "http://u:\(token)@p"])))
        for answer in Self.answers {
            let misbehaving = try ScriptedServer(answering: { head in
                let sent = head.split(separator: "Bearer ").last?.prefix(56) ?? ""
                guard case .text(let text) = answer else { return answer }
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
        // A dump of bytes is no better than one of text.
        let bytes = token.utf8.suffix(16).map { "- \($0)" }
        let hasBytes = everything.split(separator: "\\n").map { $0.drop { $0 == " " } }.contains { $0 == bytes[0] }
        #expect(!hasBytes)
        #expect(everything.contains("podstack_\(token.dropFirst(9).prefix(8))…"))
        for secret in secrets {
            let hidden = Array(secret.dropFirst(18))
            for start in 0...(hidden.count - 16) {
                let piece = String(hidden[start..<(start + 16)])
                // Not in the expectation itself, which would print it.
                let isPrinted = everything.contains(piece)
                #expect(!isPrinted, "the piece of a secret from its character \(18 + start) on was printed")
            }
        }
    }

    @Test("a request that a transport is given prints without its token")
    func request() async throws {
        let transport = RecordingTransport(.user(email: "you@example.com"))
        let client = try Client(apiToken: "secret-secret", environment: PodstackEnvironment([:]), transport: transport)
        _ = try await client.auth.whoami()
        let witness = Witness()
        witness.note(transport.requests)
        let isPrinted = witness.everything.contains("secret-secret")
        #expect(!isPrinted)
    }
}
