import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

@Suite("A transport over TLS", .blocking, .timeLimit(.minutes(5)))
struct TLSTests {
    let services: TLSServices
    var trusting: [String: String] { ["PODSTACK_CA_BUNDLE": services.authority.bundle] }

    init() throws { services = try TLSServices.shared() }

    /// Checks that a transport without support for bundles rejects the request, and returns whether it is one.
    func refuses(_ subject: TransportUnderTest) async -> Bool {
        guard subject.has(.noAuthoritiesOfItsOwn) else { return false }
        let failure = await subject.transport(trusting).failure(TransportRequest(services.url(.modern)))
        #expect(failure?.reason.contains(services.authority.bundle) == true)
        #expect(failure?.isRetryable == false)
        return true
    }

    @Test(
        "does not trust an authority that the system does not know, and names the setting that would",
        arguments: TransportUnderTest.all)
    func unknownAuthority(_ subject: TransportUnderTest) async throws {
        let failure = await subject.transport().failure(TransportRequest(services.url(.modern)))
        #expect(
            failure?.reason.hasPrefix("its certificate is not from the authorities of the system") == true)
        #expect(failure?.reason.contains("PODSTACK_CA_BUNDLE") == true)
        #expect(failure?.isRetryable == false)
    }

    @Test(
        "trusts the authorities of a bundle", arguments: TransportUnderTest.all,
        ["PODSTACK_CA_BUNDLE", "SSL_CERT_FILE"])
    func bundle(_ subject: TransportUnderTest, name: String) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport([name: services.authority.bundle])
        let response = try await transport.send(TransportRequest(services.url(.modern) + "/token"))
        #expect(String(decoding: response.body, as: UTF8.self) == "Bearer secret-token")
    }

    @Test("trusts only the authorities of a bundle", arguments: TransportUnderTest.all)
    func otherBundle(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let other = try PrivateAuthority()
        let transport = subject.transport(["PODSTACK_CA_BUNDLE": other.bundle])
        let failure = await transport.failure(TransportRequest(services.url(.modern)))
        #expect(failure?.reason.contains("authorities of \(other.bundle)") == true)
    }

    @Test("names a bundle that it cannot read", arguments: TransportUnderTest.all)
    func unreadableBundle(_ subject: TransportUnderTest) async throws {
        let transport = subject.transport(["PODSTACK_CA_BUNDLE": "/nowhere/ca.pem"])
        let failure = await transport.failure(TransportRequest(services.url(.modern)))
        #expect(failure?.reason.contains("/nowhere/ca.pem") == true)
        #expect(failure?.isRetryable == false)
    }

    @Test("rejects a certificate for another name, and one that has expired", arguments: TransportUnderTest.all)
    func wrongCertificates(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        let wrong = await transport.failure(TransportRequest(services.url(.wrongName)))
        #expect(
            wrong
                == TransportFailure(
                    reason: "its certificate is for another name", isRetryable: false, kind: .certificate))
        let expired = await transport.failure(TransportRequest(services.url(.expired)))
        #expect(
            expired == TransportFailure(reason: "its certificate has expired", isRetryable: false, kind: .certificate))
    }

    @Test("speaks TLS 1.2 and 1.3 only", arguments: TransportUnderTest.all)
    func versions(_ subject: TransportUnderTest) async throws {
        let old = await subject.transport().failure(TransportRequest(services.url(.onlyTLS11)))
        #expect(old?.reason.isEmpty == false)
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        for (service, version) in [(TLSServices.Service.modern, "TLSv1.3"), (.onlyTLS12, "TLSv1.2")] {
            let response = try await transport.send(TransportRequest(services.url(service) + "/tls"))
            #expect(String(decoding: response.body, as: UTF8.self) == version)
        }
        _ = try #require(await transport.failure(TransportRequest(services.url(.onlyTLS11))))
    }

    @Test("multiplexes many requests on few HTTP/2 connections", arguments: TransportUnderTest.all)
    func multiplexing(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        let url = services.url(.modern)
        let responses = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<300 {
                group.addTask {
                    String(decoding: try await transport.send(TransportRequest(url)).body, as: UTF8.self)
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(responses.count == 300)
        #expect(responses.allSatisfy { $0.hasPrefix("HTTP/2.0 ") })
        #expect(Set(responses).count <= 4)
    }

    @Test(
        "continues on a new connection if the server ends each with its third request",
        arguments: TransportUnderTest.all)
    func endingConnections(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        let url = services.url(.brief)
        let received = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 {
                group.addTask {
                    var received = 0
                    for _ in 0..<10 {
                        do {
                            #expect(try await transport.send(TransportRequest(url)).status == 200)
                            received += 1
                        } catch {
                            // The server ended the connection while the request was on its way.
                            let failure = try #require(error as? TransportFailure)
                            #expect(failure.isRetryable && failure != .timedOut)
                        }
                    }
                    return received
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(received > 20)
    }

    @Test("speaks HTTP/1.1 if the server offers nothing newer", arguments: TransportUnderTest.all)
    func oldProtocol(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        let url = services.url(.onlyHTTP1)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<50 {
                group.addTask {
                    let body = try await transport.send(TransportRequest(url)).body
                    #expect(String(decoding: body, as: UTF8.self).hasPrefix("HTTP/1.1 "))
                }
            }
            try await group.waitForAll()
        }
    }

    @Test("carries large bodies both ways over HTTP/2, and cancels one of many", arguments: TransportUnderTest.all)
    func largeBodies(_ subject: TransportUnderTest) async throws {
        if await refuses(subject) { return }
        let transport = subject.transport(trusting)
        let url = services.url(.modern)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<30 {
                group.addTask {
                    let body = [UInt8](repeating: 7, count: 1 << 20)
                    let up = Task { try await transport.send(TransportRequest("POST", url + "/upload", body: body)) }
                    let down = Task { try await transport.send(TransportRequest(url + "/large")) }
                    if index.isMultiple(of: 3) {
                        down.cancel()
                        _ = await down.result
                    } else {
                        let received = try await down.value
                        #expect(received.body.count == 1 << 20)
                    }
                    let sent = try await up.value
                    #expect(String(decoding: sent.body, as: UTF8.self) == "1048576 POST")
                }
            }
            try await group.waitForAll()
        }
    }
}
