import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The switch of a connection to another protocol, after a response with status 101.
struct Upgrade: Sendable {
    /// The name of the protocol for the header `Upgrade`.
    let name: String
    /// Uses the connection, which is closed when this returns; called once, on a thread of its own.
    ///
    /// It is called with nil if there is no connection, so that it can end what it has begun.
    let run: @Sendable (UpgradedSocket?) -> Void
}

/// A connection that has switched to another protocol.
///
/// One thread may read while another one writes.
final class UpgradedSocket: Sendable {
    private let descriptor: Int32
    /// The bytes that arrived together with the request.
    private let beginning: Monitor<[UInt8]>
    private let isReleased = Mutex(false)

    init(_ descriptor: Int32, beginning: [UInt8]) {
        self.descriptor = descriptor
        self.beginning = Monitor(beginning)
        // The threads that use it wait; libmicrohttpd's own sockets do not.
        let flags = fcntl(descriptor, F_GETFL)
        if flags >= 0 { _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK) }
    }

    /// Returns bytes that have arrived; nothing at the end.
    func read(upTo count: Int) -> [UInt8] {
        let early = beginning.change { beginning in
            let part = Array(beginning.prefix(count))
            beginning.removeFirst(part.count)
            return part
        }
        if !early.isEmpty { return early }
        var received = -1
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            repeat { received = recv(descriptor, buffer.baseAddress, count, 0) } while received < 0 && errno == EINTR
            initialized = max(0, received)
        }
        return bytes
    }

    /// Returns exactly some bytes; nil if the connection ends before.
    func readExactly(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let part = read(upTo: count - bytes.count)
            guard !part.isEmpty else { return nil }
            bytes += part
        }
        return bytes
    }

    /// Sends bytes; returns false if the other side is gone.
    func write(_ bytes: [UInt8]) -> Bool {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let sent = send(
                    descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if sent < 0, errno == EINTR { continue }
                guard sent > 0 else { return false }
                rest = rest.dropFirst(sent)
            }
            return true
        }
    }

    /// Tells the other side that no more bytes follow.
    func finishWriting() { isReleased.withLock { if !$0 { shutdown(descriptor, Int32(SHUT_WR)) } } }

    /// Ends both directions, so that a thread that waits for the connection goes on.
    func shutDown() { isReleased.withLock { if !$0 { shutdown(descriptor, Int32(SHUT_RDWR)) } } }

    /// Stops using the descriptor, whose number may belong to another connection next.
    fileprivate func release() { isReleased.withLock { $0 = true } }
}

/// An upgrade whose response is being sent.
///
/// If the connection ends before, the upgrade is ended without one.
final class PendingUpgrade: Sendable {
    private let upgrade: Upgrade
    private let upgrades: OpenUpgrades
    private let isTaken = Atomic(false)

    init(_ upgrade: Upgrade, _ upgrades: OpenUpgrades) {
        self.upgrade = upgrade
        self.upgrades = upgrades
    }

    var name: String { upgrade.name }

    /// Runs the protocol on a thread of its own, and then calls `close`.
    func begin(on socket: UpgradedSocket, close: @escaping @Sendable () -> Void) {
        isTaken.store(true, ordering: .relaxed)
        upgrades.add(socket)
        let isStarted = WorkerThread.start { [upgrade, upgrades] in
            upgrade.run(socket)
            socket.release()
            close()
            upgrades.remove(socket)
        }
        guard !isStarted else { return }
        upgrade.run(nil)
        socket.release()
        close()
        upgrades.remove(socket)
    }

    deinit { if !isTaken.load(ordering: .relaxed) { upgrade.run(nil) } }
}

/// The connections that have switched to another protocol.
final class OpenUpgrades: Sendable {
    private let open = Monitor<(isStopping: Bool, sockets: [ObjectIdentifier: UpgradedSocket])>((false, [:]))

    var count: Int { open.change(waking: .none) { $0.sockets.count } }

    func add(_ socket: UpgradedSocket) {
        let isStopping = open.change { open in
            open.sockets[ObjectIdentifier(socket)] = socket
            return open.isStopping
        }
        if isStopping { socket.shutDown() }
    }

    func remove(_ socket: UpgradedSocket) { open.change { $0.sockets[ObjectIdentifier(socket)] = nil } }

    /// Ends all connections, and all later ones.
    func endAll() {
        let sockets = open.change { open in
            open.isStopping = true
            return Array(open.sockets.values)
        }
        for socket in sockets { socket.shutDown() }
    }

    /// Waits until all of them are closed.
    func waitUntilClosed(seconds: Double) { _ = open.wait(seconds) { $0.sockets.isEmpty ? true : nil } }
}
