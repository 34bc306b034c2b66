#if os(Linux)
    import CPosix
    import Glibc
    import PodstackTestSupport
    import Testing

    @testable import Podstack

    @Suite("The sockets that epoll reports on", .blocking)
    final class WatchedSocketsTests {
        let epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        let sockets: WatchedSockets
        let reading = EPOLLIN.rawValue

        init() { sockets = WatchedSockets(epoll: epoll) }
        deinit { close(epoll) }

        /// The two ends of a connection.
        func pair() -> (mine: Int32, peer: Int32) {
            var ends: [Int32] = [-1, -1]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends)
            return (ends[0], ends[1])
        }

        /// The sockets that epoll has something to say of.
        func reported() -> [Int32] {
            var events = [epoll_event](repeating: epoll_event(), count: 16)
            let count = epoll_wait(epoll, &events, 16, 0)
            return events.prefix(Int(count)).map(\.data.fd)
        }

        @Test("a connection that rests is left alone until something happens to it, and then reported once")
        func resting() {
            let (mine, peer) = pair()
            defer { close(mine) }
            sockets.noteOpened(mine)
            sockets.wait(for: reading, on: mine)
            sockets.wait(for: 0, on: mine)
            #expect(reported() == [])
            close(peer)
            #expect(reported() == [mine])
            #expect(!sockets.isAwaited(mine))
            // Else the loop would be woken by it again and again.
            #expect(reported() == [])
            // Whoever takes it up again is told of its end.
            sockets.wait(for: reading, on: mine)
            #expect(reported() == [mine])
            #expect(sockets.isAwaited(mine))
        }

        @Test("what a connection is waited for may change while it is registered, and while it is not")
        func changing() {
            let (mine, peer) = pair()
            defer { for end in [mine, peer] { close(end) } }
            sockets.noteOpened(mine)
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

        @Test("the number of a connection that was closed is as good as new", arguments: [true, false])
        func numberUsedAgain(isConnection: Bool) {
            let (first, firstPeer) = pair()
            sockets.noteOpened(first)
            sockets.wait(for: reading, on: first)
            sockets.wait(for: 0, on: first)
            sockets.noteClosing(first)
            // Under the same number, also when other threads of this process open files meanwhile.
            let (other, peer) = pair()
            #expect(dup2(other, first) == first)
            close(other)
            defer { for end in [first, firstPeer, peer] { close(end) } }
            if isConnection { sockets.noteOpened(first) }
            #expect(!sockets.isAwaited(first))
            sockets.wait(for: reading, on: first)
            write(peer, "x", 1)
            #expect(reported() == [first])
            #expect(sockets.isAwaited(first))
        }

        @Test(
            "a socket that is not the transport's own is taken off when nobody waits for it, since it may be closed then"
        )
        func foreign() {
            let (mine, peer) = pair()
            sockets.wait(for: reading, on: mine)
            sockets.wait(for: 0, on: mine)
            write(peer, "x", 1)
            #expect(reported() == [])
            let (other, otherPeer) = pair()
            // Closes what had the number.
            #expect(dup2(other, mine) == mine)
            defer { for end in [other, mine, peer, otherPeer] { close(end) } }
            sockets.wait(for: reading, on: mine)
            write(otherPeer, "x", 1)
            #expect(reported() == [mine])
        }

        @Test("a socket that could not be opened, or that nobody has heard of, is none")
        func unknown() {
            sockets.noteOpened(-1)
            sockets.noteClosing(-1)
            sockets.noteClosing(10_000)
            sockets.wait(for: reading, on: -1)
            #expect(!sockets.isAwaited(-1))
            #expect(!sockets.isAwaited(10_000))
            #expect(reported() == [])
        }
    }
#endif
