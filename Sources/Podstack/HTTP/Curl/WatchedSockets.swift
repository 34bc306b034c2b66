#if os(Linux)
    import CPosix
    import Glibc

    /// The sockets that epoll reports on.
    ///
    /// A connection that waits for its next request stays registered: to take it off and put it on again with every request
    /// took a tenth of the loop's time. When something happens to it meanwhile, as when its peer closes it, it is taken off.
    final class WatchedSockets {
        private struct Registration {
            /// One of this transport's own, whose end will be told: of others the number may belong to another file soon.
            var isKept = false
            /// What epoll reports; nothing when it does not know the socket.
            var registered: UInt32 = 0
            /// What somebody waits for.
            var wanted: UInt32 = 0
        }

        private let epoll: Int32
        /// By the number of the socket.
        private var registrations: [Registration] = []

        init(epoll: Int32) { self.epoll = epoll }

        /// Before anything else is said of a connection's socket.
        func noteOpened(_ socket: Int32) {
            guard socket >= 0 else { return }
            makePlace(for: socket)
            registrations[Int(socket)] = Registration(isKept: true)
        }

        /// Before the socket is closed.
        func noteClosing(_ socket: Int32) {
            guard registrations.indices.contains(Int(socket)) else { return }
            takeOff(socket)
            registrations[Int(socket)].isKept = false
        }

        /// - Parameter events: epoll's; nothing ends the wait.
        func wait(for events: UInt32, on socket: Int32) {
            guard socket >= 0 else { return }
            makePlace(for: socket)
            let known = registrations[Int(socket)]
            registrations[Int(socket)].wanted = events
            if events == 0 {
                if !known.isKept { takeOff(socket) }
            } else if events != known.registered {
                var event = epoll_event(events: events, data: epoll_data_t(fd: socket))
                epoll_ctl(epoll, known.registered == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event)
                registrations[Int(socket)].registered = events
            }
        }

        /// Whether anybody waits for what happened.
        func isAwaited(_ socket: Int32) -> Bool {
            guard registrations.indices.contains(Int(socket)) else { return false }
            if registrations[Int(socket)].wanted != 0 { return true }
            takeOff(socket)
            return false
        }

        private func takeOff(_ socket: Int32) {
            if registrations[Int(socket)].registered != 0 { epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil) }
            registrations[Int(socket)].registered = 0
            registrations[Int(socket)].wanted = 0
        }

        private func makePlace(for socket: Int32) {
            let missing = Int(socket) + 1 - registrations.count
            if missing > 0 { registrations.append(contentsOf: repeatElement(Registration(), count: missing)) }
        }
    }
#endif
