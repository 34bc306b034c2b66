import Foundation
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

/// The services that the conformance tests run against.
enum ServiceUnderTest: String, CaseIterable, Sendable, CustomTestStringConvertible {
    /// The service in memory of `PodstackTesting`.
    case fake
    /// The real service, in this process, on a socket.
    case real

    var testDescription: String { rawValue }
}

/// One service with its clock, whichever it is.
final class Service: Sendable {
    private enum Kind {
        case fake(FakeService)
        case real(RunningServer, ManualClock)
    }

    static let email = RunningServer.email
    private let kind: Kind
    private let transport: any Transport

    init(_ subject: ServiceUnderTest, maxActiveTokens: Int = 50, maxProjects: Int = 100) throws {
        switch subject {
        case .fake:
            let fake = FakeService(maxActiveTokens: maxActiveTokens, maxProjects: maxProjects)
            (kind, transport) = (.fake(fake), fake)
        case .real:
            let clock = ManualClock()
            let server = try RunningServer(
                clock: clock, maxActiveTokens: maxActiveTokens, maxProjects: maxProjects)
            kind = .real(server, clock)
            transport = CurlTransport(environment: PodstackEnvironment([:]))
        }
    }

    var url: String {
        switch kind {
        case .fake: "https://api.podstack.ai"
        case .real(let server, _): server.url
        }
    }

    var date: Date {
        switch kind {
        case .fake(let fake): fake.clock.date
        case .real(_, let clock): Date(timeIntervalSince1970: Double(clock.now))
        }
    }

    func advance(_ seconds: Int) {
        switch kind {
        case .fake(let fake): fake.clock.advance(by: .seconds(seconds))
        case .real(_, let clock): clock.advance(Int64(seconds))
        }
    }

    func addUser(_ email: String) throws {
        switch kind {
        case .fake(let fake): fake.addUser(email)
        case .real(let server, _): try server.server.addUser(email)
        }
    }

    /// Creates a token with full access as the operator does.
    func createToken(_ email: String = Service.email) throws -> APIToken {
        switch kind {
        case .fake(let fake): fake.createToken(for: email)
        case .real(let server, _): APIToken(try server.server.createToken(email))
        }
    }

    func client(_ token: APIToken, project: String? = nil) throws -> Client {
        let service = self
        return try token.withSecret {
            try Client(
                apiToken: $0, projectID: project, apiEndpoint: url, retry: .none, timeout: .seconds(120),
                environment: PodstackEnvironment([:]), transport: transport,
                time: TimeSource(date: { service.date }, now: { .now }, sleep: { _ in }))
        }
    }

    func client(_ email: String = Service.email) throws -> Client { try client(try createToken(email)) }

    func login() throws -> DeviceLogin {
        let service = self
        return try DeviceLogin(
            apiEndpoint: url, timeout: .seconds(120), environment: PodstackEnvironment([:]), transport: transport,
            time: TimeSource(date: { service.date }, now: { .now }, sleep: { _ in }))
    }

    /// Decides about a program's login as the user in a browser.
    func decide(_ userCode: String, isApproved: Bool) throws {
        switch kind {
        case .fake(let fake): _ = isApproved ? fake.approve(userCode) : fake.deny(userCode)
        case .real(let server, _):
            let browser = try TestClient(signedUpAt: server)
            _ = try browser.get("/device?code=\(userCode)")
            _ = try browser.post(isApproved ? "/device/approve" : "/device/deny", ["code": userCode])
        }
    }

    /// Sends a request as it is.
    func send(
        _ method: String, _ path: String, _ token: APIToken? = nil, body: String? = nil,
        headers: [HeaderField] = [HeaderField("Content-Type", "application/json")]
    ) async throws -> TransportResponse {
        try await transport.send(
            TransportRequest(
                method: method, url: url + path, credential: token?.credential, headers: headers,
                body: body.map { Array($0.utf8) }, timeout: .seconds(120)))
    }
}

/// Returns the error that a call throws.
func failure<Value>(_ call: () async throws -> Value) async -> (any PodstackError)? {
    do {
        _ = try await call()
        return nil
    } catch { return error as? any PodstackError }
}
