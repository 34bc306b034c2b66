import PodstackTesting
import Synchronization
import Testing

@testable import Podstack

@Suite("Responses of something between the client and the service", .timeLimit(.minutes(1)))
struct ForeignResponseTests {
    static let token = "secret-token-of-the-test"

    /// Returns the error of a request, and the number of requests that were sent.
    func error(
        _ status: Int, _ body: [UInt8], _ headers: [HeaderField] = [], call: (Client) async throws -> Void
    ) async throws -> (any PodstackError)? {
        let transport = RecordingTransport { _ in TransportResponse(status: status, headers: headers, body: body) }
        let client = try Client(
            apiToken: Self.token, retry: .none, environment: PodstackEnvironment([:]), transport: transport)
        let error = await failure { try await call(client) }
        #expect(!"\(error.map { "\($0) \($0.hint ?? "")" } ?? "")".contains(Self.token))
        return error
    }

    func error(_ status: Int, _ body: String, _ headers: [HeaderField] = []) async throws -> (any PodstackError)? {
        try await error(status, Array(body.utf8), headers) { _ = try await $0.auth.whoami() }
    }

    @Test(
        "a page is reported as a page, whatever its status",
        arguments: [200, 401, 403, 404, 407, 409, 422],
        ["<html>Sign in to Corp</html>", "\n<!DOCTYPE html>", "Sign in"])
    func page(status: Int, body: String) async throws {
        let error = try #require(try await error(status, body) as? ServerError)
        #expect(error.statusCode == status)
        let words = body.split(separator: "\n").last ?? ""
        #expect(error.message == "HTTP \(status) with \"\(words)\", which is not a response of the Podstack API")
        #expect(error.hint?.contains("a gateway or a sign-in page") == true)
    }

    @Test("a 401 without the service's error is not the service's, unless it is empty")
    func gateway() async throws {
        for (body, headers) in [
            (#"{"message": "Unauthorized"}"#, []), ("{}", []), ("", [HeaderField("WWW-Authenticate", "Basic realm=x")]),
            ("", [HeaderField("WWW-Authenticate", "Negotiate")]),
        ] { #expect(try await error(401, body, headers) is ServerError, "\(body) \(headers)") }
        for (body, headers) in [
            ("", []), ("", [HeaderField("WWW-Authenticate", "Bearer error=\"invalid_token\"")]),
            (#"{"error": "unauthorized"}"#, []), (#"{"error": {"message": "no"}}"#, []),
        ] { #expect(try await error(401, body, headers) is AuthenticationError, "\(body) \(headers)") }
        // The status of other JSON counts: some services have errors of their own form.
        #expect(try await error(403, "{}") is PermissionError)
        #expect(try await error(404, "{}") is ResourceNotFoundError)
    }

    @Test("after a gateway's 401, the token's source is not asked for another token")
    func noReload() async throws {
        struct Counting: CredentialProvider {
            let calls = Calls()
            final class Calls: Sendable { let count = Mutex(0) }
            func credential(insteadOf refused: APIToken?) async -> Credential {
                calls.count.withLock { $0 += 1 }
                return Credential(APIToken("token"))
            }
        }
        for (body, calls) in [("<html>", 1), ("", 2)] {
            let provider = Counting()
            let client = try Client(
                credentials: provider, environment: PodstackEnvironment([:]),
                transport: RecordingTransport(.text(body, status: 401)))
            _ = await failure { try await client.auth.whoami() }
            #expect(provider.calls.count.withLock { $0 } == calls)
        }
    }

    @Test("a redirect is named with its address, without its query and password", arguments: [301, 302, 303, 307, 308])
    func redirect(status: Int) async throws {
        let location = HeaderField("Location", "https://me:pass@login.example/in?state=\(Self.token)#x")
        for body in ["", "<html>moved</html>"] {
            let error = try await error(status, body, [location])
            #expect(error is ServerError)
            #expect(
                error?.message
                    == "HTTP \(status) redirects to https://login.example/in, and a redirect is never followed")
        }
        #expect(
            try await error(302, "", [HeaderField("Location", "/login")])?.message
                == "HTTP 302 redirects to /login, and a redirect is never followed")
    }

    @Test("a compressed body is named, with or without its header")
    func compressed() async throws {
        let gzip: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0]
        for (status, body, headers, name) in [
            (200, gzip, [HeaderField("Content-Encoding", "gzip")], "gzip"), (200, gzip, [], "gzip"),
            (401, gzip, [], "gzip"), (500, [1, 2, 3], [HeaderField("Content-Encoding", "br")], "br"),
        ] {
            let error = try await error(status, body, headers) { _ = try await $0.auth.whoami() }
            #expect(error is ServerError)
            #expect(
                error?.message
                    == "HTTP \(status) with a body that is compressed with \(name), which was not requested")
        }
    }

    @Test("an empty Content-Encoding names no compression", arguments: ["", " "])
    func emptyEncoding(value: String) async throws {
        let error = try await error(200, "<html>", [HeaderField("Content-Encoding", value)])
        #expect(error?.message.contains("compressed") == false, "\(error?.message ?? "")")
    }

    @Test(
        "a redirect shows no password, whatever follows the sign after it",
        arguments: ["https://you:secret@\u{301}host/", "//you:secret@\u{200D}host"])
    func redirectPassword(location: String) async throws {
        let error = try await error(302, "", [HeaderField("Location", location)])
        #expect(error?.message.contains("secret") == false, "\(error?.message ?? "")")
        #expect(error?.message.contains("redirects to") == true)
    }

    @Test("a page in response to a deletion is not a success")
    func deletion() async throws {
        for status in [200, 202] {
            let error = try await error(status, Array("<html>Sign in</html>".utf8)) {
                try await $0.tokens.revoke("abc12345")
            }
            #expect(error is ServerError)
        }
        let success = try await error(200, []) { try await $0.tokens.revoke("abc12345") }
        #expect(success == nil)
    }
}

@Suite("Repeated deletions", .timeLimit(.minutes(1)))
struct RepeatedDeletionTests {
    let events = RecordedEvents()

    func client(_ responses: ScriptedResponse...) throws -> Client {
        let left = Mutex(responses[...])
        let transport = RecordingTransport { _ in
            try left.withLock { try ($0.count > 1 ? $0.removeFirst() : $0.first)?.response() }
                ?? TransportResponse(status: 500, headers: [], body: [])
        }
        return try Client(
            apiToken: "token", environment: PodstackEnvironment([:]), transport: transport, time: TestClock().time,
            onEvent: events.append)
    }

    static func lost(_ kind: NetworkError.Kind) -> ScriptedResponse { .failure(.network("gone", kind: kind)) }

    @Test(
        "a deletion that was not sent the first time and then finds nothing is not a success",
        arguments: [NetworkError.Kind.connection, .nameResolution, .proxy, .tls, .certificate])
    func notSent(kind: NetworkError.Kind) async throws {
        let client = try client(Self.lost(kind), .failure(.notFound(type: "project", id: "prj_1")))
        await #expect(throws: ResourceNotFoundError.self) { try await client.projects.delete("prj_1") }
    }

    @Test(
        "a deletion whose first attempt may have arrived is a success, with a warning",
        arguments: [NetworkError.Kind.connectionLost, .timeout, .other])
    func uncertain(kind: NetworkError.Kind) async throws {
        let client = try client(Self.lost(kind), .failure(.notFound(type: "project", id: "prj_1")))
        try await client.projects.delete("prj_1")
        let warnings = events.all.filter { if case .warning = $0 { true } else { false } }
        #expect(warnings.count == 1)
        #expect(warnings.first?.description.hasPrefix("DELETE /v1/projects/prj_1 found nothing to delete") == true)
    }

    @Test("a 404 about another resource than the deleted one is not a success")
    func another() async throws {
        let client = try client(Self.lost(.timeout), .failure(.notFound(type: "project", id: "prj_2")))
        await #expect(throws: ResourceNotFoundError.self) { try await client.members.remove("usr_1", from: "prj_1") }
    }
}
