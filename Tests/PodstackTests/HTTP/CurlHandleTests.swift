import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(Glibc)
    import Glibc
#endif

@Suite("The memory and connections of CurlTransport", .blocking, .timeLimit(.minutes(5)))
struct CurlHandleTests {
    func request(_ port: UInt16, timeout: Duration = .seconds(60)) -> TransportRequest {
        TransportRequest(
            method: "GET", url: "http://127.0.0.1:\(port)", credential: TransportCredential(bearer: "secret-token"),
            timeout: timeout)
    }

    @Test("of 10,000 requests at once 100 are sent, each on one connection, and canceled ones leave nothing behind")
    func bounded() async throws {
        let silent = try LoopbackListener(nil)
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let counts = try #require(transport.counts)
        let tasks = (0..<10_000).map { _ in Task { try await transport.send(request(silent.port)) } }
        try await eventually(within: .seconds(20), "all requests are active or queued") {
            counts.active.load(ordering: .relaxed) + counts.queued.load(ordering: .relaxed) == 10_000
        }
        #expect(counts.active.load(ordering: .relaxed) == 100)
        #expect(counts.handles.load(ordering: .relaxed) == 100)
        #expect(Self.connections(to: silent.port).count <= 100)
        for task in tasks { task.cancel() }
        var canceled = 0
        for task in tasks {
            if case .failure(let error) = await task.result, error is CancellationError { canceled += 1 }
        }
        #expect(canceled == 10_000)
        try await eventually(within: .seconds(20), "no request is active or queued") {
            counts.active.load(ordering: .relaxed) + counts.queued.load(ordering: .relaxed) == 0
        }
        #expect(counts.handles.load(ordering: .relaxed) <= 64)
    }

    @Test("a queued request ends at its deadline, and others keep theirs")
    func deadlineInTheQueue() async throws {
        let silent = try LoopbackListener(nil)
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let counts = try #require(transport.counts)
        let blocking = (0..<100).map { _ in Task { try await transport.send(request(silent.port)) } }
        try await eventually(within: .seconds(20), "100 requests are active") {
            counts.active.load(ordering: .relaxed) == 100
        }
        await withTaskGroup(of: Void.self) { group in
            for milliseconds in [50, 100, 150, 50] {
                group.addTask {
                    let waiting = request(silent.port, timeout: .milliseconds(milliseconds))
                    let failure = await #expect(throws: TransportFailure.self) { try await transport.send(waiting) }
                    #expect(failure == .timedOut)
                }
            }
        }
        #expect(counts.active.load(ordering: .relaxed) == 100)
        for task in blocking { task.cancel() }
        for task in blocking { _ = await task.result }
    }

    @Test("requests that are canceled while queued make room for those behind them")
    func canceledInTheQueue() async throws {
        let silent = try LoopbackListener(nil)
        let server = try WireServer { _ in [.response()] }
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        let counts = try #require(transport.counts)
        let blocking = (0..<100).map { _ in Task { try await transport.send(request(silent.port)) } }
        try await eventually(within: .seconds(20), "100 requests are active") {
            counts.active.load(ordering: .relaxed) == 100
        }
        let canceled = (0..<50).map { _ in Task { try await transport.send(request(silent.port)) } }
        let last = Task { try await transport.send(request(server.port)) }
        try await eventually(within: .seconds(20), "51 requests are queued") {
            counts.queued.load(ordering: .relaxed) == 51
        }
        for task in canceled { task.cancel() }
        for task in canceled { await #expect(throws: CancellationError.self) { try await task.value } }
        blocking[0].cancel()
        #expect(try await last.value.status == 200)
        for task in blocking { task.cancel() }
        for task in blocking { _ = await task.result }
    }

    @Test("a connection is not inherited by child processes")
    func closedOnExec() async throws {
        let server = try WireServer { _ in [.response()] }
        let transport = CurlTransport(environment: PodstackEnvironment([:]))
        #expect(try await transport.send(request(server.port)).status == 200)
        let connections = Self.connections(to: server.port)
        #expect(connections.count == 1)
        for descriptor in connections { #expect(fcntl(descriptor, F_GETFD) & FD_CLOEXEC != 0) }
    }

    /// Returns the descriptors of this process that are connected to a port.
    static func connections(to port: UInt16) -> [Int32] {
        (0..<20_000).filter { descriptor in
            var name = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            return withUnsafeMutablePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    getpeername(descriptor, $0, &size) == 0
                }
            } && name.sin_port == port.bigEndian
        }
    }
}
