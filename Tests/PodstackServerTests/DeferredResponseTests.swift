import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Deferred responses, over a socket", .blocking, .timeLimit(.perTest))
struct DeferredResponseTests {
    struct Missing: Error { var what: String }

    /// The paths whose responses were produced.
    final class Work: Sendable {
        private let paths = Mutex<[String]>([])
        var done: [String] { paths.withLock { $0 } }
        func add(_ path: String) { paths.withLock { $0.append(path) } }
    }

    /// A server that responds to `/now` immediately, and to all other paths in turn, once the gate is open.
    final class Desk: Sendable {
        let gate = Gate()
        let queue = WorkQueue(capacity: 4)
        let work = Work()
        let listener: Listener

        init() throws {
            listener = try Listener(ListenAddress("127.0.0.1:0")) { [gate, queue, work] request in
                if request.path == "/now" { return .ready(Response(status: 200), requestID: "now") }
                return .deferred(queue) { isTurn in
                    guard isTurn else { return .ready(Response(status: 503), requestID: "refused") }
                    work.add(request.path)
                    gate.pass()
                    return .ready(Response(status: 200, body: request.body), requestID: "made")
                }
            }
        }

        /// Sends a request without reading its response.
        func ask(_ path: String, _ body: String = "x") throws -> RawHTTP {
            let connection = try RawHTTP(port: listener.port, silence: 60)
            try connection.send("POST \(path) HTTP/1.1\r\nHost: a\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            return connection
        }

        func waitForQueue(_ count: Int, _ name: String) throws {
            try blockUntil(within: .seconds(60), "\(name) is in the queue") { queue.waiting == count }
        }

        /// Sends `/first` and then one request for each name, and waits until they are queued in this order.
        func fill(_ names: [String]) throws -> [RawHTTP] {
            var page = [try ask("/first")]
            guard gate.holds(1) else { throw Missing(what: "/first") }
            for (index, name) in names.enumerated() {
                page.append(try ask(name))
                try waitForQueue(index + 1, name)
            }
            return page
        }
    }

    let desk: Desk

    init() throws { desk = try Desk() }

    @Test("they occupy no event thread, and are produced in order")
    func threads() throws {
        let waiting = try desk.fill(["/a", "/b", "/c", "/d"])
        // More requests than there are event threads, on connections of any of them.
        let others = try (0..<20).map { _ in try RawHTTP(port: desk.listener.port) }
        for other in others { try other.send("GET /now HTTP/1.1\r\nHost: a\r\n\r\n") }
        for other in others { #expect(try other.response().status == 200) }
        let late = try desk.ask("/late").response()
        #expect(late.status == 503 && late.headers["x-request-id"] == "refused")
        desk.gate.open()
        for each in waiting {
            let response = try each.response()
            #expect(response.status == 200 && response.body == "x" && response.headers["x-request-id"] == "made")
        }
        #expect(desk.work.done == ["/first", "/a", "/b", "/c", "/d"])
    }

    @Test("the connection serves the next request, even one that was sent early")
    func keptAlive() throws {
        let connection = try desk.ask("/first", "one")
        #expect(desk.gate.holds(1))
        try connection.send("POST /second HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ntwo")
        desk.gate.open()
        #expect(try connection.response().body == "one")
        #expect(try connection.response().body == "two")
        #expect(try connection.request("GET", "/now").headers["x-request-id"] == "now")
        #expect(try connection.request("POST", "/third", body: "three").body == "three")
    }

    @Test("none is produced for a client that is gone, and a client may leave while its response is produced")
    func left() throws {
        var waiting = try desk.fill(["/a", "/b"])
        #expect(desk.listener.openConnections == 3)
        // /first is being produced, and /a is queued.
        waiting.removeFirst(2)
        desk.gate.open()
        #expect(try waiting[0].response().status == 200)
        #expect(desk.work.done == ["/first", "/b"])
        try blockUntil("one connection is left") { desk.listener.openConnections == 1 }
        #expect(try waiting[0].request("POST", "/c", body: "again").body == "again")
    }

    @Test("a stopping listener responds to everything that has begun")
    func stopping() async throws {
        let waiting = try desk.fill(["/a", "/b"])
        async let stopped: Void = desk.listener.stop(timeoutMilliseconds: 60_000)
        try await eventually("new connections are refused") { (try? RawHTTP(port: desk.listener.port)) == nil }
        #expect(waiting.allSatisfy { !$0.isClosed })
        desk.gate.open()
        for each in waiting {
            let response = try each.response()
            #expect(response.status == 200 && response.headers["connection"]?.lowercased() == "close")
        }
        await stopped
        #expect(desk.work.done == ["/first", "/a", "/b"])
    }

    @Test("work that is handed on to another queue is done there, or refused if that queue is full")
    func handedOn() throws {
        let (first, second) = (WorkQueue(capacity: 4), WorkQueue(capacity: 1))
        let gate = desk.gate
        let listener = try Listener(ListenAddress("127.0.0.1:0")) { request in
            .deferred(first) { _ in
                .deferred(second) { isTurn in
                    if isTurn { gate.pass() }
                    return .ready(Response(status: isTurn ? 200 : 503), requestID: request.path)
                }
            }
        }
        var connections: [RawHTTP] = []
        for (index, path) in ["/a", "/b", "/c"].enumerated() {
            connections.append(try RawHTTP(port: listener.port, silence: 60))
            try connections[index].send("GET \(path) HTTP/1.1\r\nHost: a\r\n\r\n")
            if index == 0 { #expect(gate.holds(1)) }
            if index == 1 { try blockUntil("the second one waits") { second.waiting == 1 } }
        }
        #expect(try connections[2].response().status == 503)
        gate.open()
        for index in 0..<2 {
            let response = try connections[index].response()
            #expect(response.status == 200 && response.headers["x-request-id"] == ["/a", "/b"][index])
        }
    }

    @Test("work that changes nothing is given up when it takes too long, and its response is not sent later")
    func overdue() throws {
        let queue = WorkQueue(capacity: 4, maxSeconds: 0)
        let gate = desk.gate
        let listener = try Listener(ListenAddress("127.0.0.1:0")) { request in
            .deferred(queue) { isTurn in
                if isTurn { gate.pass() }
                return .ready(Response(status: isTurn ? 200 : 503), requestID: request.path)
            }
        }
        let connection = try RawHTTP(port: listener.port, silence: 60)
        try connection.send("GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(gate.holds(1))
        try blockUntil("the request is refused") {
            listener.closeOverdue()
            return connection.hasBytes
        }
        #expect(try connection.response().status == 503)
        gate.open()
        #expect(try connection.request("GET", "/b").headers["x-request-id"] == "/b")
    }

    @Test("a stopping listener waits for a limited time")
    func cut() throws {
        let waiting = try desk.fill(["/a"])
        desk.listener.stop(timeoutMilliseconds: 10)
        for each in waiting { #expect(try each.response().status == 503) }
        desk.gate.open()
    }

    @Test("a request whose work has waited too long is refused, and one whose work has started is not")
    func waitedTooLong() throws {
        let gate = Gate()
        let queue = WorkQueue(capacity: 4, maxWaitSeconds: 15)
        let open = OpenDeferredResponses()
        let resumed = Atomic<Int>(0)
        let control = ConnectionControl(
            resume: { resumed.add(1, ordering: .relaxed) }, close: {}, isClientGone: { false })
        func begin() -> DeferredResponse {
            let response = DeferredResponse(queue, on: control) { isTurn in
                if isTurn { gate.pass() }
                return .ready(Response(status: isTurn ? 200 : 503), requestID: "")
            }
            #expect(response.take(suspend: {}) == nil)
            open.begin(response)
            return response
        }
        let running = begin()
        #expect(gate.holds(1))
        let waiting = begin()
        open.cutOverdue(at: MonotonicClock.seconds() + 14)
        #expect(resumed.load(ordering: .relaxed) == 0)
        open.cutOverdue(at: MonotonicClock.seconds() + 17)
        #expect(waiting.take(suspend: {})?.response.status == 503)
        gate.open()
        try blockUntil(within: .seconds(60), "the work that had started ends") { resumed.load(ordering: .relaxed) == 2 }
        #expect(running.take(suspend: {})?.response.status == 200)
    }
}
