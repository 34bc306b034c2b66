#if os(Linux)
    import CPosix
    import Glibc

    /// Decides which sockets epoll watches, and for which events.
    ///
    /// A state machine without effects: its methods return the change that epoll needs, and ``SocketWatcher`` makes it.
    /// libcurl waits for events on a socket only while a transfer uses it. A connection between two requests stays
    /// registered, because removing and adding it again with every request took a tenth of the loop's time.
    ///
    /// The states of one socket:
    ///
    /// ```
    ///                  wait(events)                      wait(nothing)
    ///   ┌────────────┐ ── add ────▶ ┌───────────────────┐ ── none ─▶ ┌───────────────────┐
    ///   │unregistered│              │ registered, awaited│            │ registered, idle  │
    ///   └────────────┘ ◀─ remove ── └───────────────────┘ ◀─ none ── └───────────────────┘
    ///      ▲      ▲    closing, or        │      ▲          wait(the same events)   │
    ///      │      │    wait(nothing) on   └──────┘          wait(others): modify    │
    ///      │      │    a foreign socket   wait(others): modify                      │
    ///      │      └─────────────────── remove ──────────────────── event, closing ──┘
    ///      └── opened (no change)
    /// ```
    ///
    /// Invariants, with the test of `WatchedSocketsTests` that shows each:
    /// 1. An event is delivered only while libcurl waits for the socket (`idle`).
    /// 2. An idle socket reports at most one event: it is then removed, so it cannot wake the loop again (`idle`).
    /// 3. A socket that libcurl waits for is registered with exactly the events it waits for (`changingEvents`).
    /// 4. Only sockets that this transport opened stay registered while idle. libcurl closes others without notice, and
    ///    their number may then belong to another file (`foreignSocket`).
    /// 5. A number whose socket was closed starts unregistered when it is used again (`reusedNumber`).
    struct WatchedSockets {
        /// A change to epoll's registrations; the events are epoll's flags.
        enum Change: Equatable {
            case add(UInt32)
            case modify(UInt32)
            case remove
        }

        private struct Registration {
            /// Whether this transport opened the socket, so that ``closing(_:)`` reports its end.
            var isOwn = false
            /// The events that epoll reports; 0 if the socket is not registered.
            var registered: UInt32 = 0
            /// The events that libcurl waits for; 0 if it waits for none.
            var awaited: UInt32 = 0
        }

        /// The registrations, indexed by the socket's number.
        private var registrations: [Registration] = []

        /// Records a socket that this transport opened, before its first use.
        mutating func opened(_ socket: Int32) {
            guard socket >= 0 else { return }
            extend(to: socket)
            registrations[Int(socket)] = Registration(isOwn: true)
        }

        /// Records that a socket is about to be closed.
        mutating func closing(_ socket: Int32) -> Change? {
            guard registrations.indices.contains(Int(socket)) else { return nil }
            registrations[Int(socket)].isOwn = false
            return remove(socket)
        }

        /// Records the events that libcurl waits for on a socket from now on; 0 ends the wait.
        mutating func wait(for events: UInt32, on socket: Int32) -> Change? {
            guard socket >= 0 else { return nil }
            extend(to: socket)
            let known = registrations[Int(socket)]
            registrations[Int(socket)].awaited = events
            if events == 0 { return known.isOwn ? nil : remove(socket) }
            guard events != known.registered else { return nil }
            registrations[Int(socket)].registered = events
            return known.registered == 0 ? .add(events) : .modify(events)
        }

        /// Records an event that epoll reported, and returns whether libcurl waits for it.
        mutating func receivedEvent(on socket: Int32) -> (isAwaited: Bool, change: Change?) {
            guard registrations.indices.contains(Int(socket)) else { return (false, nil) }
            if registrations[Int(socket)].awaited != 0 { return (true, nil) }
            return (false, remove(socket))
        }

        private mutating func remove(_ socket: Int32) -> Change? {
            let wasRegistered = registrations[Int(socket)].registered != 0
            registrations[Int(socket)].registered = 0
            registrations[Int(socket)].awaited = 0
            return wasRegistered ? .remove : nil
        }

        private mutating func extend(to socket: Int32) {
            let missing = Int(socket) + 1 - registrations.count
            if missing > 0 { registrations.append(contentsOf: repeatElement(Registration(), count: missing)) }
        }
    }

    /// Makes the changes to epoll that ``WatchedSockets`` decides on.
    final class SocketWatcher {
        private let epoll: Int32
        private var sockets = WatchedSockets()

        init(epoll: Int32) { self.epoll = epoll }

        /// Records a socket that this transport opened, before its first use.
        func opened(_ socket: Int32) { sockets.opened(socket) }

        /// Removes a socket that is about to be closed.
        func closing(_ socket: Int32) { apply(sockets.closing(socket), to: socket) }

        /// Watches a socket for the given epoll events from now on; 0 ends the wait.
        func wait(for events: UInt32, on socket: Int32) { apply(sockets.wait(for: events, on: socket), to: socket) }

        /// Returns whether libcurl waits for an event that epoll reported.
        func isAwaited(_ socket: Int32) -> Bool {
            let (isAwaited, change) = sockets.receivedEvent(on: socket)
            apply(change, to: socket)
            return isAwaited
        }

        private func apply(_ change: WatchedSockets.Change?, to socket: Int32) {
            guard let change else { return }
            switch change {
            case .add(let events): control(EPOLL_CTL_ADD, events, socket)
            case .modify(let events): control(EPOLL_CTL_MOD, events, socket)
            case .remove: epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
            }
        }

        private func control(_ operation: Int32, _ events: UInt32, _ socket: Int32) {
            var event = epoll_event(events: events, data: epoll_data_t(fd: socket))
            epoll_ctl(epoll, operation, socket, &event)
        }
    }
#endif
