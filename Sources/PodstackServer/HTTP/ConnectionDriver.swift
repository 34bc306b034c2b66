import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Feeds the events of libmicrohttpd into the request handler and sends its responses.
///
/// Event threads call it, several at once. A function that returns false asks the caller to close the connection.
final class ConnectionDriver: Sendable {
    typealias Handler = @Sendable (Request) -> HandlerResult

    /// The header's value: half a year, in seconds.
    ///
    /// Subdomains may belong to other services, and preload lists forget nothing, so neither is included.
    ///
    /// Source: RFC 6797, section 6.1.
    private static let strictTransport = "max-age=15552000"

    private let handler: Handler
    let certificate: TLSCertificate?
    /// Whether responses tell browsers to use TLS only.
    private let requiresTLS: Bool
    let connections: OpenConnections
    let streams = OpenStreams()
    let deferredResponses = OpenDeferredResponses()
    private let handling = Atomic<Int>(0)

    /// Creates the driver of one listener.
    ///
    /// - Parameters:
    ///   - handler: Called once for each request.
    ///   - certificate: The certificate of a TLS listener, or nil.
    ///   - isPublic: Whether other machines can connect. If not, responses do not require TLS
    ///     from browsers, which could no longer reach other programs on `localhost`.
    ///   - connections: The connections and their deadlines.
    init(
        _ handler: @escaping Handler, _ certificate: TLSCertificate?, isPublic: Bool, _ connections: OpenConnections
    ) {
        self.handler = handler
        self.certificate = certificate
        requiresTLS = certificate != nil && isPublic
        self.connections = connections
    }

    /// The number of requests that have arrived and whose response libmicrohttpd does not have yet.
    var requestsInProgress: Int { handling.load(ordering: .acquiring) + deferredResponses.count }

    /// Checks the head of a request.
    ///
    /// - Parameters:
    ///   - incoming: The request, with its method and headers.
    ///   - size: The bytes of the first line and all header fields, as they were received.
    ///   - isHTTP11: Whether the request is HTTP/1.1.
    ///   - connection: The connection of the request.
    /// - Returns: Whether to keep the connection open.
    func receiveHead(
        of incoming: IncomingRequest, size: Int, isHTTP11: Bool, on connection: Microhttpd.Connection
    ) -> Bool {
        if let entry = connection.entry { connections.requestBegins(entry) }
        let defect = RequestHead.defect(
            target: incoming.target, size: size, isHTTP11: isHTTP11, headers: incoming.headers)
        return defect.map { handle(incoming.request(from: connection.address, defect: $0), incoming, connection) }
            ?? true
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer, of incoming: IncomingRequest) -> Bool {
        incoming.append(bytes)
    }

    /// Responds to a complete request; called again for a connection that was suspended and resumed.
    func respond(to incoming: IncomingRequest, on connection: Microhttpd.Connection) -> Bool {
        if let deferred = incoming.deferred { return send(deferred, on: connection) }
        return handle(incoming.request(from: connection.address), incoming, connection)
    }

    private func handle(
        _ request: Request, _ incoming: IncomingRequest, _ connection: Microhttpd.Connection
    ) -> Bool {
        handling.add(1, ordering: .relaxed)
        defer { handling.subtract(1, ordering: .releasing) }
        switch handler(request) {
        case .ready(let response, let requestID): return send((response, requestID), on: connection)
        case .deferred(let queue, let produce):
            guard let entry = connection.entry else { return false }
            connections.responseBegins(entry, size: 0)
            let deferred = DeferredResponse(queue, on: control(connection, entry), produce: produce)
            incoming.deferred = deferred
            deferredResponses.begin(deferred)
            return send(deferred, on: connection)
        }
    }

    private func control(
        _ connection: Microhttpd.Connection, _ entry: OpenConnections.Entry
    ) -> ConnectionControl {
        ConnectionControl(
            resume: { connection.resume() }, close: { [connections] in connections.close(entry) },
            isClientGone: { [connections] in connections.isClientGone(entry) })
    }

    private func send(_ deferred: DeferredResponse, on connection: Microhttpd.Connection) -> Bool {
        guard let ready = deferred.take(suspend: { connection.suspend() }) else { return true }
        defer { deferredResponses.remove(deferred) }
        return send(ready, on: connection)
    }

    private func send(_ ready: HandlerResult.Ready, on connection: Microhttpd.Connection) -> Bool {
        guard let entry = connection.entry else { return false }
        var ready = ready
        if requiresTLS { ready.response.set("Strict-Transport-Security", Self.strictTransport) }
        guard let stream = ready.response.stream else {
            connections.responseBegins(entry, size: ready.response.body.count)
            return connection.queue(ready, streams)
        }
        connections.streamBegins(entry, maxSeconds: stream.maxSeconds)
        stream.begin(on: control(connection, entry))
        streams.add(stream)
        return connection.queue(ready, streams)
    }

    /// Ends a request whose response was sent, or whose connection is gone.
    func finish(_ incoming: IncomingRequest, on connection: Microhttpd.Connection) {
        if let entry = connection.entry { connections.requestEnds(entry) }
        if let deferred = incoming.deferred { deferredResponses.remove(deferred) }
    }
}

// MARK: - Deadlines

/// The open connections, each with the second by which its current request or response has to be over.
///
/// libmicrohttpd closes a connection on which nothing moves. A client that sends or reads a byte now and then is only
/// stopped here.
final class OpenConnections: Sendable {
    final class Entry: Sendable {
        fileprivate let socket: Int32
        fileprivate let deadline: Atomic<Int64>

        fileprivate init(_ socket: Int32, deadline: Int64) {
            self.socket = socket
            self.deadline = Atomic(deadline)
        }
    }

    /// The bytes per second that even a slow client has to read.
    private static let minBytesPerSecond = 16 << 10

    /// `POLLRDHUP`, which the C headers only declare for programs that ask for GNU extensions.
    private static let readingEnded: Int16 = 0x2000

    private let requestSeconds: Int64
    private let now: @Sendable () -> Int64
    private let open = Mutex<[ObjectIdentifier: Entry]>([:])

    /// Creates an empty list.
    ///
    /// - Parameters:
    ///   - requestSeconds: The seconds from the first line of a request until the last byte of its body.
    ///   - now: Returns the seconds of a monotonic clock.
    init(requestSeconds: Int, now: @escaping @Sendable () -> Int64 = MonotonicClock.seconds) {
        self.requestSeconds = Int64(requestSeconds)
        self.now = now
    }

    var count: Int { open.withLock { $0.count } }

    func add(socket: Int32) -> Entry {
        let entry = Entry(socket, deadline: now() + 2 * requestSeconds)
        open.withLock { $0[ObjectIdentifier(entry)] = entry }
        return entry
    }

    /// Removes a connection; required before its socket is closed, because the number may then belong to another one.
    func remove(_ entry: Entry) { open.withLock { $0[ObjectIdentifier(entry)] = nil } }

    /// Sets the deadline of a request whose first line has arrived.
    func requestBegins(_ entry: Entry) { limit(entry, to: requestSeconds) }

    /// Sets the deadline of a response.
    func responseBegins(_ entry: Entry, size: Int) {
        limit(entry, to: requestSeconds + Int64(size / Self.minBytesPerSecond))
    }

    /// Sets the deadline of a response whose body is a stream.
    func streamBegins(_ entry: Entry, maxSeconds: Int64) { limit(entry, to: requestSeconds + maxSeconds) }

    /// Sets the deadline of a connection that may idle and then begin the next request: time for both.
    func requestEnds(_ entry: Entry) { limit(entry, to: 2 * requestSeconds) }

    private func limit(_ entry: Entry, to seconds: Int64) {
        entry.deadline.store(now() + seconds, ordering: .relaxed)
    }

    /// Shuts a socket down, so that any thread that waits for it sees its end.
    static func shutDown(_ socket: Int32) { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Closes a connection, unless it is gone already.
    func close(_ entry: Entry) {
        open.withLock { open in
            if open[ObjectIdentifier(entry)] != nil { Self.shutDown(entry.socket) }
        }
    }

    /// Returns whether the client has closed its end.
    ///
    /// The socket must still be open.
    func isClientGone(_ entry: Entry) -> Bool {
        var description = pollfd(fd: entry.socket, events: Self.readingEnded, revents: 0)
        return poll(&description, 1, 0) > 0
    }

    /// Shuts down the connections that have passed their deadline; their event threads then close them.
    func closeOverdue() {
        let now = now()
        open.withLock { open in
            for entry in open.values where entry.deadline.load(ordering: .relaxed) < now {
                Self.shutDown(entry.socket)
            }
        }
    }
}
