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

@Suite("A transport's connections", .blocking)
struct ConnectionTests {
    private final class Count: Sendable {
        let sent = Atomic(0)
        let cancelled = Atomic(0)
    }

    @Test("are used again", arguments: TransportUnderTest.all)
    func reuse(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.answer()] }
        let transport = subject.transport()
        for method in ["GET", "POST", "GET", "DELETE", "GET"] {
            #expect(try await transport.send(TransportRequest(method, server.url)).status == 200)
        }
        #expect(server.connections == 1)
    }

    @Test("that the server closed after an answer are replaced", arguments: TransportUnderTest.all, [0, 20])
    func stale(_ subject: TransportUnderTest, pause: Int) async throws {
        let server = try WireServer { _ in [.answer(), .close] }
        let transport = subject.transport()
        for _ in 0..<20 {
            do { #expect(try await transport.send(TransportRequest(server.url)).status == 200) } catch {
                // The close and the request may have crossed.
                #expect((error as? TransportFailure)?.isRetryable == true)
            }
            try await Task.sleep(for: .milliseconds(pause))
        }
        #expect(server.connections >= 10)
    }

    @Test(
        "that break under a request are a failure that may pass, or a new connection", arguments: TransportUnderTest.all
    )
    func broken(_ subject: TransportUnderTest) async throws {
        for end in [WireServer.Step.close, .reset] {
            let server = try WireServer { $0.number == 0 ? [.answer()] : [end] }
            let transport = subject.transport()
            for _ in 0..<10 {
                do { #expect(try await transport.send(TransportRequest(server.url)).status == 200) } catch {
                    #expect((error as? TransportFailure)?.isRetryable == true)
                }
            }
        }
    }

    @Test("that nobody accepts are a failure that may pass", arguments: TransportUnderTest.all)
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

    @Test("serve 200 requests at once, each with its own answer", arguments: TransportUnderTest.all)
    func manyAtOnce(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { request in [.answer("\(request.target) \(request.body.count)")] }
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
        "carry 2,000 requests at once without a thread each, and let go of them all", arguments: TransportUnderTest.all)
    func noThreadEach(_ subject: TransportUnderTest) async throws {
        // Nobody reads there, so all of them wait.
        let silent = try LoopbackListener(nil)
        let transport = subject.transport()
        let count = Count()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<2000 {
                group.addTask {
                    count.sent.add(1, ordering: .relaxed)
                    do {
                        _ = try await transport.send(
                            TransportRequest("http://127.0.0.1:\(silent.port)", timeout: .seconds(60)))
                    } catch is CancellationError {
                        count.cancelled.add(1, ordering: .relaxed)
                    } catch { Issue.record(error) }
                }
            }
            while count.sent.load(ordering: .relaxed) < 2000 { await Task.yield() }
            try? await Task.sleep(for: .milliseconds(100))
            // Those of the tests that run beside this one included.
            let threads = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count
            #expect(threads.map { $0 < 1000 } == true)
            group.cancelAll()
        }
        #expect(count.cancelled.load(ordering: .relaxed) == 2000)
    }

    @Test("are answered 2,000 times at once by a real server", arguments: TransportUnderTest.all)
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
