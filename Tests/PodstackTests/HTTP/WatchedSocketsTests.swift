#if os(Linux)
    import CPosix
    import Glibc
    import PodstackTestSupport
    import Testing

    @testable import PodstackTransport

    @Suite("The sockets that epoll watches", .blocking, .timeLimit(.minutes(1)))
    final class SocketWatcherTests {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        let sockets: SocketWatcher
        let reading = EPOLLIN.rawValue

        init() { sockets = SocketWatcher(epoll: epoll) }
        deinit { close(epoll) }

        /// The two ends of a connection.
        func pair() -> (mine: Int32, peer: Int32) {
            var ends: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
            return (ends[0], ends[1])
        }

        /// The sockets that epoll reports an event for.
        func reported() -> [Int32] {
            var events = [epoll_event](repeating: epoll_event(), count: 16)
            let count = epoll_wait(epoll, &events, 16, 0)
            return events.prefix(Int(count)).map(\.data.fd)
        }

        @Test("an idle connection reports one event, and is then removed")
        func resting() {
            let (mine, peer) = pair()
            defer { close(mine) }
            sockets.opened(mine)
            sockets.wait(for: reading, on: mine)
            sockets.wait(for: 0, on: mine)
            #expect(reported() == [])
            close(peer)
            #expect(reported() == [mine])
            #expect(!sockets.isAwaited(mine))
            #expect(reported() == [])
            // The next transfer on it learns that the peer closed it.
            sockets.wait(for: reading, on: mine)
            #expect(reported() == [mine])
            #expect(sockets.isAwaited(mine))
        }

        @Test("the awaited events can change while a connection is registered, and while it is not")
        func changing() {
            let (mine, peer) = pair()
            defer { for end in [mine, peer] { close(end) } }
            sockets.opened(mine)
            for _ in 0..<3 {
                sockets.wait(for: EPOLLOUT.rawValue, on: mine)
                #expect(reported() == [mine])
                sockets.wait(for: reading, on: mine)
                #expect(reported() == [])
                sockets.wait(for: 0, on: mine)
            }
            write(peer, "x", 1)
            #expect(reported() == [mine])
            #expect(!sockets.isAwaited(mine))
            sockets.wait(for: reading, on: mine)
            #expect(reported() == [mine])
        }

        @Test("the number of a closed connection can be used again", arguments: [true, false])
        func numberUsedAgain(isConnection: Bool) {
            let (first, firstPeer) = pair()
            sockets.opened(first)
            sockets.wait(for: reading, on: first)
            sockets.wait(for: 0, on: first)
            sockets.closing(first)
            // dup2 reuses the number, even if other threads open files at the same time.
            let (other, peer) = pair()
            #expect(dup2(other, first) == first)
            close(other)
            defer { for end in [first, firstPeer, peer] { close(end) } }
            if isConnection { sockets.opened(first) }
            #expect(!sockets.isAwaited(first))
            sockets.wait(for: reading, on: first)
            write(peer, "x", 1)
            #expect(reported() == [first])
            #expect(sockets.isAwaited(first))
        }

        @Test(
            "a socket that the transport did not open is removed at the end of a wait, since it may be closed then"
        )
        func foreign() {
            let (mine, peer) = pair()
            sockets.wait(for: reading, on: mine)
            sockets.wait(for: 0, on: mine)
            write(peer, "x", 1)
            #expect(reported() == [])
            let (other, otherPeer) = pair()
            // dup2 closes the file that had the number.
            #expect(dup2(other, mine) == mine)
            defer { for end in [other, mine, peer, otherPeer] { close(end) } }
            sockets.wait(for: reading, on: mine)
            write(otherPeer, "x", 1)
            #expect(reported() == [mine])
        }

        @Test("an invalid or unknown socket has no effect")
        func unknown() {
            sockets.opened(-1)
            sockets.closing(-1)
            sockets.closing(10_000)
            sockets.wait(for: reading, on: -1)
            #expect(!sockets.isAwaited(-1))
            #expect(!sockets.isAwaited(10_000))
            #expect(reported() == [])
        }
    }

    @Suite("The decisions which sockets epoll watches", .timeLimit(.minutes(1)))
    struct WatchedSocketsTests {
        private static let reading: UInt32 = 1
        private static let writing: UInt32 = 4

        /// A state machine as an object, because an expectation cannot call a mutating method of a value.
        private final class Machine {
            private var sockets = WatchedSockets()
            func opened(_ socket: Int32) { sockets.opened(socket) }
            func closing(_ socket: Int32) -> WatchedSockets.Change? { sockets.closing(socket) }
            func wait(for events: UInt32, on socket: Int32) -> WatchedSockets.Change? {
                sockets.wait(for: events, on: socket)
            }
            func receivedEvent(on socket: Int32) -> (isAwaited: Bool, change: WatchedSockets.Change?) {
                sockets.receivedEvent(on: socket)
            }
        }

        private let sockets = Machine()

        @Test("an idle connection stays registered, and the first event on it is not delivered and removes it")
        func idle() {
            sockets.opened(7)
            #expect(sockets.wait(for: Self.reading, on: 7) == .add(Self.reading))
            #expect(sockets.receivedEvent(on: 7) == (true, nil))
            #expect(sockets.wait(for: 0, on: 7) == nil)
            #expect(sockets.wait(for: Self.reading, on: 7) == nil)
            #expect(sockets.wait(for: 0, on: 7) == nil)
            #expect(sockets.receivedEvent(on: 7) == (false, .remove))
            #expect(sockets.receivedEvent(on: 7) == (false, nil))
            #expect(sockets.wait(for: Self.reading, on: 7) == .add(Self.reading))
        }

        @Test("epoll is changed only if the awaited events differ from the registered ones")
        func changingEvents() {
            sockets.opened(7)
            #expect(sockets.wait(for: Self.writing, on: 7) == .add(Self.writing))
            #expect(sockets.wait(for: Self.reading, on: 7) == .modify(Self.reading))
            #expect(sockets.wait(for: Self.reading, on: 7) == nil)
            #expect(sockets.wait(for: 0, on: 7) == nil)
            #expect(sockets.wait(for: Self.writing, on: 7) == .modify(Self.writing))
        }

        @Test("a socket that the transport did not open is removed at the end of each wait")
        func foreignSocket() {
            #expect(sockets.wait(for: Self.reading, on: 7) == .add(Self.reading))
            #expect(sockets.wait(for: 0, on: 7) == .remove)
            #expect(sockets.wait(for: 0, on: 7) == nil)
            #expect(sockets.wait(for: Self.reading, on: 7) == .add(Self.reading))
        }

        @Test("a number whose socket was closed starts unregistered when it is used again", arguments: [true, false])
        func reusedNumber(isOwn: Bool) {
            sockets.opened(7)
            _ = sockets.wait(for: Self.reading, on: 7)
            _ = sockets.wait(for: 0, on: 7)
            #expect(sockets.closing(7) == .remove)
            if isOwn { sockets.opened(7) }
            #expect(sockets.receivedEvent(on: 7) == (false, nil))
            #expect(sockets.wait(for: Self.reading, on: 7) == .add(Self.reading))
            #expect(sockets.wait(for: 0, on: 7) == (isOwn ? nil : .remove))
        }
    }
#endif
