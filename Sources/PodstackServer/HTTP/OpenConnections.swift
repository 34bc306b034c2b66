import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The connections that are open, each with the second by which what it is at must be over.
///
/// libmicrohttpd closes those on which nothing moves; who sends or takes a byte now and then is only stopped here.
final class OpenConnections: Sendable {
    final class Connection: Sendable {
        fileprivate let socket: Int32
        fileprivate let deadline: Atomic<Int64>

        fileprivate init(_ socket: Int32, deadline: Int64) {
            self.socket = socket
            self.deadline = Atomic(deadline)
        }
    }

    /// What a client that is slow, or has much to fetch, is granted.
    private static let slowestFetch = 16 << 10

    /// POLLRDHUP, which the headers show to C alone that asks for GNU's own.
    private static let readingEnded: Int16 = 0x2000

    private let requestTime: Int64
    private let now: @Sendable () -> Int64
    private let open = Mutex<[ObjectIdentifier: Connection]>([:])

    /// - Parameters:
    ///   - requestTime: Seconds from the first line of a request until the last byte of its body.
    ///   - now: Seconds of a clock that nobody sets.
    init(requestTime: Int, now: @escaping @Sendable () -> Int64 = OpenConnections.uptime) {
        self.requestTime = Int64(requestTime)
        self.now = now
    }

    static let uptime: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC_COARSE, &time)
        return Int64(time.tv_sec)
    }

    var count: Int { open.withLock { $0.count } }

    func add(socket: Int32) -> Connection {
        let connection = Connection(socket, deadline: now() + 2 * requestTime)
        open.withLock { $0[ObjectIdentifier(connection)] = connection }
        return connection
    }

    /// Must be said before the socket is closed: its number may then be another's.
    func remove(_ connection: Connection) { open.withLock { $0[ObjectIdentifier(connection)] = nil } }

    /// The first line of a request is there.
    func requestBegins(_ connection: Connection) { limit(connection, to: requestTime) }

    /// Its answer is on the way.
    func answerBegins(_ connection: Connection, size: Int) {
        limit(connection, to: requestTime + Int64(size / Self.slowestFetch))
    }

    /// Its answer is on the way, and may take so many seconds.
    func streamBegins(_ connection: Connection, lasting seconds: Int64) { limit(connection, to: requestTime + seconds) }

    /// What waits on the socket sees its end.
    static func shutDown(_ socket: Int32) { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Ends one that may be gone already.
    func end(_ connection: Connection) {
        open.withLock { open in
            if open[ObjectIdentifier(connection)] != nil { Self.shutDown(connection.socket) }
        }
    }

    /// Whether the client has closed its end. The socket must still be open.
    func isLeft(_ connection: Connection) -> Bool {
        var description = pollfd(fd: connection.socket, events: Self.readingEnded, revents: 0)
        return poll(&description, 1, 0) > 0
    }

    /// The connection may idle, and then begin the next request: time for both.
    func requestEnded(_ connection: Connection) { limit(connection, to: 2 * requestTime) }

    private func limit(_ connection: Connection, to seconds: Int64) {
        connection.deadline.store(now() + seconds, ordering: .relaxed)
    }

    /// Ends those whose time is over. The threads that serve them see the end, and close them.
    func endOverdue() {
        let now = now()
        open.withLock { open in
            for connection in open.values where connection.deadline.load(ordering: .relaxed) < now {
                Self.shutDown(connection.socket)
            }
        }
    }
}
