import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#endif

/// Which connection makes room for a new one.
@Suite("The limits on connections", .blocking, .timeLimit(.perTest))
struct OpenConnectionsTests {
    /// A connection of the list, with both ends of a real socket.
    final class End {
        let ours: Int32
        let theirs: Int32
        var entry: OpenConnections.Entry?

        init(_ connections: OpenConnections, from address: String) {
            var ends: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
            (ours, theirs) = (ends[0], ends[1])
            entry = connections.add(socket: ours, from: ClientAddress(address) ?? .unknown)
        }

        deinit {
            close(ours)
            close(theirs)
        }

        /// Whether the server has closed the connection.
        var isClosed: Bool {
            var byte: UInt8 = 0
            return recv(theirs, &byte, 1, Int32(MSG_DONTWAIT) | Int32(MSG_PEEK)) == 0
        }
    }

    func connections(
        perNetwork: Int = 3, maxCount: Int = 100, exempt: String? = nil, clock: ManualClock = ManualClock(100)
    ) -> OpenConnections {
        let proxy = exempt.flatMap { ClientAddress($0) }
        return OpenConnections(
            ListenerOptions(connectionsPerNetwork: perNetwork, isExempt: { $0 == proxy }), maxCount: maxCount,
            now: { clock.now })
    }

    /// Returns whether a complete request on a connection is handled.
    func isHandled(_ end: End, _ connections: OpenConnections) -> Bool {
        end.entry.map { connections.requestIsComplete($0) } ?? false
    }

    @Test("if all requests are complete, a client that has been reading its response for seconds makes room")
    func stalledReader() throws {
        let clock = ManualClock(100)
        let connections = connections(clock: clock)
        let ends = (0..<3).map { _ in End(connections, from: "192.0.2.1") }
        for end in ends { #expect(isHandled(end, connections)) }
        // The first one is being handled, the second one sends a stream, and the third one is read.
        connections.workBegins(try #require(ends[0].entry))
        connections.streamBegins(try #require(ends[1].entry), maxSeconds: 600)
        connections.responseBegins(try #require(ends[2].entry), size: 10)
        clock.set(104)
        #expect(End(connections, from: "192.0.2.1").entry == nil)
        clock.set(105)
        #expect(End(connections, from: "192.0.2.1").entry != nil)
        #expect(ends.map(\.isClosed) == [false, false, true])
    }

    @Test("the connection of the same network that has waited for its request the longest makes room")
    func oldest() throws {
        let clock = ManualClock(100)
        let connections = connections(clock: clock)
        let other = End(connections, from: "192.0.2.9")
        var ends: [End] = []
        for second in 1...3 {
            clock.set(100 + Int64(second))
            ends.append(End(connections, from: "192.0.2.1"))
        }
        // The oldest one was just used, so it has waited for a shorter time than the second one.
        clock.set(110)
        #expect(isHandled(ends[0], connections))
        connections.requestEnds(try #require(ends[0].entry))
        let new = End(connections, from: "192.0.2.1")
        #expect(new.entry != nil)
        #expect(ends.map(\.isClosed) == [false, true, false])
        #expect(!other.isClosed && connections.count == 4)
        let newer = End(connections, from: "192.0.2.1")
        #expect(newer.entry != nil)
        #expect(ends.map(\.isClosed) == [false, true, true])
    }

    @Test("a connection whose request is complete is never closed, and then the new one is refused")
    func responding() throws {
        let connections = connections()
        let ends = (0..<3).map { _ in End(connections, from: "192.0.2.1") }
        for end in ends { #expect(isHandled(end, connections)) }
        #expect(End(connections, from: "192.0.2.1").entry == nil)
        #expect(End(connections, from: "192.0.2.2").entry != nil)
        #expect(ends.allSatisfy { !$0.isClosed })
        connections.requestEnds(try #require(ends[1].entry))
        let new = End(connections, from: "192.0.2.1")
        #expect(new.entry != nil)
        #expect(ends.map(\.isClosed) == [false, true, false])
    }

    @Test("no request is handled on a connection that makes room")
    func closing() {
        let connections = connections(perNetwork: 1)
        let old = End(connections, from: "192.0.2.1")
        let new = End(connections, from: "192.0.2.1")
        #expect(!isHandled(old, connections))
        #expect(!isHandled(old, connections))
        #expect(isHandled(new, connections))
    }

    @Test("an IPv6 network of 64 bits counts as one client, and a proxy has no limit of its own")
    func networks() {
        let connections = connections(perNetwork: 2, exempt: "192.0.2.7")
        let ends = (1...3).map { End(connections, from: "2001:db8::\($0)") }
        #expect(ends.map(\.isClosed) == [true, false, false])
        let elsewhere = End(connections, from: "2001:db8:0:1::1")
        #expect(ends.map(\.isClosed) == [true, false, false] && elsewhere.entry != nil)
        let proxied = (0..<10).map { _ in End(connections, from: "192.0.2.7") }
        #expect(proxied.allSatisfy { $0.entry != nil && !$0.isClosed })
    }

    @Test("if there are too many in total, the network with the most connections makes room")
    func total() {
        let connections = connections(perNetwork: 4, maxCount: 6)
        let few = (0..<2).map { _ in End(connections, from: "192.0.2.1") }
        let many = (0..<4).map { _ in End(connections, from: "192.0.2.2") }
        let third = End(connections, from: "192.0.2.3")
        #expect(third.entry != nil)
        #expect(few.allSatisfy { !$0.isClosed })
        #expect(many.map(\.isClosed) == [true, false, false, false])
        #expect(connections.count == 6)
        for end in many.dropFirst() { #expect(isHandled(end, connections)) }
        // The largest network has no connection without a request any more.
        let fourth = End(connections, from: "192.0.2.4")
        #expect(fourth.entry != nil)
        #expect(few.map(\.isClosed) == [true, false])
    }
}
