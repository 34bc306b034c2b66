import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

/// Checks what happens to connections after SIGTERM.
@Suite("A listener that stops", .blocking, .timeLimit(.perTest))
struct DrainTests {
    /// A client that renames its token on one connection, as fast as it can, until the connection ends.
    private final class Writer: Sendable {
        let tokenID: String
        private let token: String
        private let port: UInt16
        /// The last name whose change was acknowledged, and the last one that was sent.
        private let names = Mutex<(acknowledged: Int, sent: Int)>((0, 0))
        private let saysClose = Atomic(false)
        private let hasEnded = Atomic(false)

        init(_ token: String, port: UInt16) {
            self.token = token
            self.port = port
            tokenID = String(token.dropFirst(9).prefix(8))
        }

        var acknowledged: Int { names.withLock { $0.acknowledged } }
        var isOver: Bool { hasEnded.load(ordering: .acquiring) }
        var wasTold: Bool { saysClose.load(ordering: .acquiring) }

        func run() {
            defer { hasEnded.store(true, ordering: .releasing) }
            guard let connection = try? RawHTTP(port: port, silence: 60) else { return }
            for number in 1... {
                names.withLock { $0.sent = number }
                let response = try? connection.request(
                    "PATCH", "/v1/tokens/\(tokenID)",
                    headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "application/json")],
                    body: #"{"name": "\#(number)"}"#)
                guard let response else { return }
                if response.status == 200 { names.withLock { $0.acknowledged = number } }
                if response.headers["connection"]?.lowercased() == "close" {
                    saysClose.store(true, ordering: .releasing)
                    return
                }
            }
        }
    }

    @Test("no connection loses the response of a change that was made, and every response says to close")
    func writers() throws {
        for _ in 0..<Rounds.count(3, long: 20) {
            let folder = try TemporaryDirectory()
            let server = try EmbeddedServer(directory: folder.file("data"), maxActiveTokens: 100)
            try server.addUser(RunningServer.email)
            let writers = try (0..<16).map { _ in
                Writer(try server.createToken(RunningServer.email), port: server.port)
            }
            for writer in writers { WorkerThread.start { writer.run() } }
            try blockUntil(within: .seconds(60), "every writer writes") { writers.allSatisfy { $0.acknowledged > 2 } }
            server.stop(drainSeconds: 60)
            try blockUntil(within: .seconds(60), "every connection has ended") { writers.allSatisfy(\.isOver) }
            let names = try server.service.database.read { connection in
                try writers.map { try TokenStore.find($0.tokenID, in: connection)?.name }
            }
            #expect(names == writers.map { String($0.acknowledged) })
            #expect(writers.contains { $0.wasTold })
        }
    }

    @Test("idle connections are closed, half-sent requests are completed, and new connections are refused")
    func kinds() throws {
        let folder = try TemporaryDirectory()
        let server = try EmbeddedServer(directory: folder.file("data"))
        let gate = Gate()
        let new = try RawHTTP(port: server.port)
        let used = try RawHTTP(port: server.port)
        #expect(try used.request("GET", "/healthz").status == 200)
        let half = try ["GET /hea", "GET /healthz HTTP/1.1\r\nHost: x\r\n"].map { text in
            let connection = try RawHTTP(port: server.port)
            try connection.send(text)
            return connection
        }
        let again = try RawHTTP(port: server.port)
        #expect(try again.request("GET", "/healthz").headers["connection"] == nil)
        // Later than the response before it, by more than the resolution of the system's times.
        usleep(50_000)
        try again.send("GET /healthz HTTP/1.1\r\n")
        let reads = server.service.pools.reads
        for _ in 0..<reads.maxThreads { reads.add { gate.pass() } }
        #expect(gate.holds(reads.maxThreads))
        let queued = try RawHTTP(port: server.port, silence: 60)
        try queued.send("GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try blockUntil("the request waits") { reads.waiting == 1 }

        let isStopped = Flag()
        WorkerThread.start {
            server.stop(drainSeconds: 60)
            isStopped.set()
        }
        try blockUntil("idle connections are closed") { new.isClosed && used.isClosed }
        #expect(throws: RawHTTP.Failure.self) { try RawHTTP(port: server.port) }
        #expect(!isStopped.isSet)
        try half[0].send("lthz HTTP/1.1\r\nHost: x\r\n\r\n")
        try half[1].send("\r\n")
        try again.send("Host: x\r\n\r\n")
        for connection in half + [again] {
            let response = try connection.response()
            #expect(response.status == 200 && response.headers["connection"]?.lowercased() == "close")
            try blockUntil("the connection is closed") { connection.isClosed }
        }
        #expect(!isStopped.isSet && !queued.isClosed)
        gate.open()
        let response = try queued.response()
        #expect(response.status == 200 && response.headers["connection"]?.lowercased() == "close")
        try blockUntil("the server has stopped") { isStopped.isSet }
    }

    @Test("when the time is over, what has not started is refused, and the rest is closed")
    func timeout() throws {
        let folder = try TemporaryDirectory()
        let server = try EmbeddedServer(directory: folder.file("data"))
        let gate = Gate()
        let reads = server.service.pools.reads
        for _ in 0..<reads.maxThreads { reads.add { gate.pass() } }
        #expect(gate.holds(reads.maxThreads))
        let queued = try RawHTTP(port: server.port)
        try queued.send("GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try blockUntil("the request waits") { reads.waiting == 1 }
        let half = try RawHTTP(port: server.port)
        try half.send("GET /hea")
        server.stop(drainSeconds: 1)
        #expect(try queued.response().status == 503)
        #expect(half.isClosed)
        gate.open()
    }
}
