import PodstackTestSupport
import Synchronization
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

@Suite("A transport's connections", .blocking, .timeLimit(.minutes(5)))
struct ConnectionTests {
    private final class Count: Sendable {
        let sent = Atomic(0)
        let canceled = Atomic(0)
    }

    @Test("are used again", arguments: TransportUnderTest.all)
    func reuse(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        let transport = subject.transport()
        for method in ["GET", "POST", "GET", "DELETE", "GET"] {
            #expect(try await transport.send(TransportRequest(method, server.url)).status == 200)
        }
        #expect(server.connections == 1)
    }

    @Test("that the server closed after a response are replaced", arguments: TransportUnderTest.all, [0, 20])
    func stale(_ subject: TransportUnderTest, pause: Int) async throws {
        let server = try WireServer { _ in [.response(), .close] }
        let transport = subject.transport()
        for _ in 0..<20 {
            do { #expect(try await transport.send(TransportRequest(server.url)).status == 200) } catch {
                // The server may have closed the connection while the request was on its way.
                #expect((error as? TransportFailure)?.isRetryable == true)
            }
            try await Task.sleep(for: .milliseconds(pause))
        }
        #expect(server.connections >= 10)
    }

    @Test(
        "that break during a request cause a retryable failure or a new connection", arguments: TransportUnderTest.all
    )
    func broken(_ subject: TransportUnderTest) async throws {
        for end in [WireServer.Step.close, .reset] {
            let server = try WireServer { $0.number == 0 ? [.response()] : [end] }
            let transport = subject.transport()
            for _ in 0..<10 {
                do { #expect(try await transport.send(TransportRequest(server.url)).status == 200) } catch {
                    #expect((error as? TransportFailure)?.isRetryable == true)
                }
            }
        }
    }

    @Test("that are refused cause a retryable failure", arguments: TransportUnderTest.all)
    func refused(_ subject: TransportUnderTest) async throws {
        let transport = subject.transport()
        let port = try LoopbackListener.freePorts(1)[0]
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<200 {
                group.addTask {
                    let failure = await transport.failure(TransportRequest("http://127.0.0.1:\(port)"))
                    #expect(failure?.isRetryable == true)
                }
            }
        }
    }

    @Test("serve 200 requests at once, each with its own response", arguments: TransportUnderTest.all)
    func manyAtOnce(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { request in [.response("\(request.target) \(request.body.count)")] }
        let transport = subject.transport()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<200 {
                group.addTask {
                    let body = index.isMultiple(of: 2) ? [UInt8](repeating: 1, count: index) : nil
                    let request = TransportRequest(body == nil ? "GET" : "POST", "\(server.url)/\(index)", body: body)
                    let response = try await transport.send(request)
                    #expect(String(decoding: response.body, as: UTF8.self) == "/\(index) \(body?.count ?? 0)")
                }
            }
            try await group.waitForAll()
        }
        #expect(server.requests.count == 200)
    }

    @Test(
        "carry 2,000 requests at once without a thread each, and release them all", arguments: TransportUnderTest.all)
    func noThreadEach(_ subject: TransportUnderTest) async throws {
        // This server never responds, so all requests wait.
        let silent = try LoopbackListener(nil)
        let transport = subject.transport()
        let count = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2000 {
                group.addTask {
                    count.sent.add(1, ordering: .relaxed)
                    do {
                        _ = try await transport.send(
                            TransportRequest("http://127.0.0.1:\(silent.port)", timeout: .seconds(600)))
                    } catch is CancellationError {
                        count.canceled.add(1, ordering: .relaxed)
                    } catch { Issue.record(error) }
                }
            }
            await #expect(throws: Never.self) {
                try await eventually(within: .seconds(60), "all requests are sent") {
                    count.sent.load(ordering: .relaxed) == 2000
                }
            }
            // The number includes the threads of the tests that run at the same time.
            let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
            #expect(threads.map { $0 < 1000 } == true)
            group.cancelAll()
        }
        #expect(count.canceled.load(ordering: .relaxed) == 2000)
    }

    @Test("carry 2,000 responses at once from a real server", arguments: TransportUnderTest.all)
    func manyAtNginx(_ subject: TransportUnderTest) async throws {
        let nginx = try Nginx(ports: 1) { "server { listen 127.0.0.1:\($0[0]); location / { return 200 $uri; } }" }
        let transport = subject.transport()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<2000 {
                group.addTask {
                    let response = try await transport.send(
                        TransportRequest("http://127.0.0.1:\(nginx.ports[0])/\(index)"))
                    #expect(String(decoding: response.body, as: UTF8.self) == "/\(index)")
                }
            }
            try await group.waitForAll()
        }
    }
}
