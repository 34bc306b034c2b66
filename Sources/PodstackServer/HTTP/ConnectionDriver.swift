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

    /// The seconds for which a connection may use another protocol.
    private static let upgradeSeconds: Int64 = 86_400

    private let handler: Handler
    let certificate: TLSCertificate?
    /// Whether responses tell browsers to use TLS only.
    private let requiresTLS: Bool
    /// Returns whether the handler wants the body of a request while it arrives.
    private let streamsBody: @Sendable (RequestHead) -> Bool
    let connections: OpenConnections
    let streams = OpenStreams()
    let deferredResponses = OpenDeferredResponses()
    let upgrades = OpenUpgrades()
    private let handling = Atomic<Int>(0)
    private let isDraining = Atomic(false)

    /// Creates the driver of one listener.
    ///
    /// - Parameters:
    ///   - handler: Called once for each request.
    ///   - certificate: The certificate of a TLS listener, or nil.
    ///   - isPublic: Whether other machines can connect. If not, responses do not require TLS
    ///     from browsers, which could no longer reach other programs on `localhost`.
    ///   - connections: The connections and their deadlines.
    ///   - streamsBody: Returns whether the handler wants the body of a request while it arrives.
    init(
        _ handler: @escaping Handler, _ certificate: TLSCertificate?, isPublic: Bool, _ connections: OpenConnections,
        streamsBody: @escaping @Sendable (RequestHead) -> Bool = { _ in false }
    ) {
        self.streamsBody = streamsBody
        self.handler = handler
        self.certificate = certificate
        requiresTLS = certificate != nil && isPublic
        self.connections = connections
    }

    /// Makes every further response the last one of its connection, and ends the streams that have no end of their own.
    func drain() {
        isDraining.store(true, ordering: .sequentiallyConsistent)
        streams.endLive()
        upgrades.endAll()
    }

    /// The number of requests that have arrived and whose response libmicrohttpd does not have yet.
    var requestsInProgress: Int { handling.load(ordering: .acquiring) + deferredResponses.count }

    /// Handles a request at once whose head has a defect, or whose body is streamed; returns whether to keep the connection
    /// open.
    func receiveHead(of incoming: IncomingRequest, on connection: Microhttpd.Connection) -> Bool {
        if let entry = connection.entry { connections.requestBegins(entry) }
        guard let head = incoming.head else { return true }
        // A streamed body may be large, and must have no other defect.
        let isSound = head.defect == nil || head.defect == .largeBody && !head.source.hasFoldedField
        incoming.isStreamed = isSound && streamsBody(head)
        return head.defect == nil && !incoming.isStreamed || handle(incoming, connection)
    }

    /// Takes a part of a body; returns false if the connection should be closed instead of reading on.
    func receiveBody(
        _ bytes: UnsafeRawBufferPointer, of incoming: IncomingRequest, on connection: Microhttpd.Connection
    ) -> Bool {
        guard let entry = connection.entry else { return false }
        if let body = incoming.streamedBody {
            if incoming.hasMalformedChunks { body.cut() }
            return body.append(bytes) { connection.suspend() }
        }
        let isKept = incoming.keeps(bytes.count)
        if isKept, !connections.holdBody(bytes.count, of: entry) { incoming.refuse() }
        if !isKept { connections.releaseBody(of: entry) }
        return incoming.append(bytes)
    }

    /// Responds to a complete request; called again for a connection that was suspended and resumed.
    func respond(to incoming: IncomingRequest, on connection: Microhttpd.Connection) -> Bool {
        if let body = incoming.streamedBody, !incoming.isBodyComplete {
            incoming.isBodyComplete = true
            if incoming.hasMalformedChunks { body.cut() } else { body.complete() }
        }
        if let deferred = incoming.deferred { return send(deferred, to: incoming, on: connection) }
        return handle(incoming, connection)
    }

    private func handle(_ incoming: IncomingRequest, _ connection: Microhttpd.Connection) -> Bool {
        guard let entry = connection.entry, let request = incoming.request(from: connection.address),
            connections.requestIsComplete(entry)
        else { return false }
        handling.add(1, ordering: .relaxed)
        defer { handling.subtract(1, ordering: .releasing) }
        switch handler(request) {
        case .ready(let response, let requestID):
            return send((response, requestID), to: incoming, on: connection)
        case .deferred(let queue, let produce):
            connections.workBegins(entry)
            let deferred = DeferredResponse(queue, on: control(connection, entry), produce: produce)
            incoming.deferred = deferred
            deferredResponses.begin(deferred)
            return send(deferred, to: incoming, on: connection)
        }
    }

    private func control(
        _ connection: Microhttpd.Connection, _ entry: OpenConnections.Entry
    ) -> ConnectionControl {
        ConnectionControl(
            resume: { connection.resume() }, close: { [connections] in connections.close(entry) },
            isClientGone: { [connections] in connections.isClientGone(entry) },
            extend: { [connections] in connections.extend(entry, by: $0) })
    }

    private func send(
        _ deferred: DeferredResponse, to incoming: IncomingRequest, on connection: Microhttpd.Connection
    ) -> Bool {
        guard let ready = deferred.take(suspend: { connection.suspend() }) else { return true }
        // Released here: libmicrohttpd has a copy of the body, which may be large and slow to read.
        incoming.deferred = nil
        defer { deferredResponses.remove(deferred) }
        return send(ready, to: incoming, on: connection)
    }

    private func send(
        _ ready: HandlerResult.Ready, to incoming: IncomingRequest, on connection: Microhttpd.Connection
    ) -> Bool {
        guard let entry = connection.entry else { return false }
        if let upload = ready.response.upload { return begin(upload, of: incoming, on: connection, entry) }
        incoming.held = ready.response.held ?? ready.response.constant
        var ready = ready
        if let upgrade = ready.response.upgrade {
            let pending = PendingUpgrade(upgrade, upgrades)
            incoming.held = pending
            connections.extend(entry, by: Self.upgradeSeconds)
            return connection.queue(ready, pending)
        }
        if requiresTLS { ready.response.set("Strict-Transport-Security", Self.strictTransport) }
        // Another program could disagree about where the body of an upload ends.
        if incoming.hasMalformedChunks || isDraining.load(ordering: .relaxed) {
            ready.response.set("Connection", "close")
        }
        guard let stream = ready.response.stream else {
            connections.responseBegins(entry, size: ready.response.body.count)
            return connection.queue(ready, streams)
        }
        connections.streamBegins(entry, maxSeconds: stream.maxSeconds)
        stream.begin(on: control(connection, entry))
        streams.add(stream)
        return connection.queue(ready, streams)
    }

    /// Begins to read a streamed body, whose handler has accepted it.
    private func begin(
        _ upload: UploadWork, of incoming: IncomingRequest, on connection: Microhttpd.Connection,
        _ entry: OpenConnections.Entry
    ) -> Bool {
        guard let produce = upload.produceResult else { return false }
        connections.extend(entry, by: upload.maxSeconds)
        var control = control(connection, entry)
        // Asked while the connection may be closed at any time, and a client may close its end after the body.
        control.isClientGone = { false }
        upload.body.begin(on: control)
        incoming.streamedBody = upload.body
        let deferred = DeferredResponse(upload.queue, on: control, produce: produce)
        incoming.deferred = deferred
        deferredResponses.begin(deferred)
        return true
    }

    /// Ends a request whose response was sent, or whose connection is gone.
    func finish(_ incoming: IncomingRequest, on connection: Microhttpd.Connection) {
        incoming.streamedBody?.connectionEnded()
        if let entry = connection.entry { connections.requestEnds(entry) }
        if let deferred = incoming.deferred { deferredResponses.remove(deferred) }
    }
}

// MARK: - Connections

/// The open connections: how many there may be, and the second by which the current request or response of each has to
/// be over.
///
/// libmicrohttpd closes a connection on which nothing moves. A client that sends or reads a byte now and then is only
/// stopped here.
///
/// A connection without a complete request is idle or half-sent. When a limit is reached, the one that has waited for its
/// request for the longest time makes room. If there is none, it is the one whose client has been reading its response for
/// the longest time, and for some seconds. A request that is being handled is never closed for that, and neither is a
/// stream.
final class OpenConnections: Sendable {
    /// A connection.
    final class Entry: Sendable {
        fileprivate enum Phase {
            /// The request is complete, and its response is not sent yet.
            static let responding: Int64 = -1
            /// The connection is being closed, and no request on it is handled any more.
            static let closing: Int64 = -2
        }

        fileprivate let socket: Int32
        fileprivate let network: ClientAddress
        fileprivate let serial: UInt64
        fileprivate let deadline: Atomic<Int64>
        /// The second since which the connection waits for a complete request, or a ``Phase``.
        fileprivate let phase: Atomic<Int64>
        fileprivate let isNew = Atomic(true)
        /// The second at which the client began to read a response of known size; otherwise the largest number.
        fileprivate let readsSince = Atomic<Int64>(.max)
        /// The bytes of the current request's body, and the second at which they began to arrive.
        fileprivate let bodyBytes = Atomic<Int>(0)
        fileprivate let bodySince = Atomic<Int64>(.max)

        fileprivate init(_ socket: Int32, _ network: ClientAddress, serial: UInt64, now: Int64, deadline: Int64) {
            self.socket = socket
            self.network = network
            self.serial = serial
            self.deadline = Atomic(deadline)
            phase = Atomic(now)
        }

        /// The second since which the connection waits for a complete request; nil if it does not.
        fileprivate var waitingSince: Int64? {
            let phase = phase.load(ordering: .relaxed)
            return phase >= 0 ? phase : nil
        }

        /// Marks a connection whose client is reading a response; returns false if it has the whole response.
        fileprivate func stopResponding() -> Bool {
            phase.compareExchange(
                expected: Phase.responding, desired: Phase.closing, ordering: .acquiringAndReleasing
            ).exchanged
        }

        /// Prevents that a request on the connection is handled; returns false if one is being handled.
        fileprivate func startClosing() -> Bool {
            var current = phase.load(ordering: .relaxed)
            while current >= 0 {
                let (isDone, actual) = phase.compareExchange(
                    expected: current, desired: Phase.closing, ordering: .acquiringAndReleasing)
                if isDone { return true }
                current = actual
            }
            return false
        }
    }

    private struct State {
        var entries: [Int32: Entry] = [:]
        var networks: [ClientAddress: [Int32: Entry]] = [:]
        var serial: UInt64 = 0

        mutating func insert(_ entry: Entry) {
            entries[entry.socket] = entry
            networks[entry.network, default: [:]][entry.socket] = entry
        }

        mutating func remove(_ entry: Entry) {
            guard entries[entry.socket] === entry else { return }
            entries[entry.socket] = nil
            networks[entry.network]?[entry.socket] = nil
            if networks[entry.network]?.isEmpty == true { networks[entry.network] = nil }
        }

        func count(of network: ClientAddress) -> Int { networks[network]?.count ?? 0 }

        /// Closes the connection of a network that has waited for its request for the longest time, or that has been read
        /// for the longest time; returns false if there is neither.
        mutating func closeOldest(of network: ClientAddress, at now: Int64) -> Bool {
            closeWaiting(of: network) || closeReading(of: network, at: now)
        }

        private mutating func closeReading(of network: ClientAddress, at now: Int64) -> Bool {
            let end = now - OpenConnections.patientSeconds
            let reading = (networks[network] ?? [:]).values.map { ($0, since: $0.readsSince.load(ordering: .relaxed)) }
                .filter { $0.since <= end }.sorted { $0.since < $1.since }
            guard let (entry, _) = reading.first(where: { $0.0.stopResponding() }) else { return false }
            OpenConnections.shutDown(entry.socket)
            remove(entry)
            return true
        }

        private mutating func closeWaiting(of network: ClientAddress) -> Bool {
            while true {
                let waiting = (networks[network] ?? [:]).values.compactMap { entry in
                    entry.waitingSince.map { (entry: entry, since: $0) }
                }
                let oldest = waiting.min { ($0.since, $0.entry.serial) < ($1.since, $1.entry.serial) }
                guard let oldest else { return false }
                guard oldest.entry.startClosing() else { continue }
                OpenConnections.shutDown(oldest.entry.socket)
                remove(oldest.entry)
                return true
            }
        }

        /// Closes the connection whose body has been arriving for the longest time, and for some seconds; returns it, or
        /// nil if there is none.
        mutating func closeOldestBody(except entry: Entry, at now: Int64) -> Entry? {
            let end = now - OpenConnections.stalledSeconds
            let stalled = entries.values.filter {
                $0 !== entry && $0.bodyBytes.load(ordering: .relaxed) > 0
                    && $0.bodySince.load(ordering: .relaxed) <= end
            }.sorted {
                ($0.bodySince.load(ordering: .relaxed), $0.serial) < ($1.bodySince.load(ordering: .relaxed), $1.serial)
            }
            guard let oldest = stalled.first(where: { $0.startClosing() }) else { return nil }
            OpenConnections.shutDown(oldest.socket)
            remove(oldest)
            return oldest
        }

        /// Closes such a connection of the network with the most connections.
        mutating func closeOldest(at now: Int64) -> Bool {
            let networks = networks.sorted { $0.value.count > $1.value.count }.map(\.key)
            for network in networks where closeOldest(of: network, at: now) { return true }
            return false
        }
    }

    /// The maximum number of connections.
    static let maxCount = 2000
    /// The seconds that a client may read one response before its connection can make room.
    private static let patientSeconds: Int64 = 5
    /// The seconds that a body may arrive before its connection can make room.
    private static let stalledSeconds: Int64 = 2
    /// The seconds that work may take in addition to the time of a request: the database gives up earlier.
    private static let workSeconds: Int64 = 60

    /// The bytes per second that even a slow client has to read.
    private static let minBytesPerSecond = 16 << 10

    /// The milliseconds without traffic after which a connection counts as idle while the listener stops.
    ///
    /// Clients that send one request after the other get the response to the next one.
    private static let quietMilliseconds: UInt32 = 100

    /// `POLLRDHUP`, which the C headers only declare for programs that ask for GNU extensions.
    private static let readingEnded: Int16 = 0x2000

    private let requestSeconds: Int64
    private let hasTLS: Bool
    private let maxPerNetwork: Int
    private let maxCount: Int
    private let isExempt: @Sendable (ClientAddress) -> Bool
    private let now: @Sendable () -> Int64
    private let open = Mutex(State())
    private let maxBodyBytes: Int
    /// The bytes of the bodies of all requests.
    private let allBodyBytes = Atomic<Int>(0)

    /// Creates an empty list.
    ///
    /// - Parameters:
    ///   - options: The limits.
    ///   - maxCount: The maximum number of connections.
    ///   - now: Returns the seconds of a monotonic clock.
    init(
        _ options: ListenerOptions, maxCount: Int = OpenConnections.maxCount,
        now: @escaping @Sendable () -> Int64 = MonotonicClock.seconds
    ) {
        requestSeconds = Int64(options.requestSeconds)
        hasTLS = options.certificate != nil
        maxPerNetwork = options.connectionsPerNetwork
        isExempt = options.isExempt
        self.maxCount = maxCount
        maxBodyBytes = options.maxBodyBytes
        self.now = now
    }

    var count: Int { open.withLock { $0.entries.count } }

    // MARK: Bodies

    /// The bytes of the bodies of all requests that are arriving or being handled.
    var bodyBytes: Int { allBodyBytes.load(ordering: .relaxed) }

    /// Counts bytes of a body, and closes connections with stalled bodies if there are too many.
    ///
    /// - Returns: False if there is no room, because all other bodies have just begun to arrive or are being handled. The
    ///   body is then not counted any more.
    func holdBody(_ count: Int, of entry: Entry) -> Bool {
        if entry.bodyBytes.add(count, ordering: .relaxed).oldValue == 0 {
            entry.bodySince.store(now(), ordering: .relaxed)
        }
        allBodyBytes.add(count, ordering: .relaxed)
        while bodyBytes > maxBodyBytes {
            guard let closed = open.withLock({ $0.closeOldestBody(except: entry, at: now()) }) else {
                releaseBody(of: entry)
                return false
            }
            releaseBody(of: closed)
        }
        return true
    }

    /// Stops counting the body of a connection's request.
    func releaseBody(of entry: Entry) {
        guard entry.bodyBytes.load(ordering: .relaxed) > 0 else { return }
        allBodyBytes.subtract(entry.bodyBytes.exchange(0, ordering: .relaxed), ordering: .relaxed)
        entry.bodySince.store(.max, ordering: .relaxed)
    }

    // MARK: Phases

    /// Adds a connection, and closes another one if there are too many.
    ///
    /// - Parameters:
    ///   - socket: The socket of the connection.
    ///   - address: The address of the client.
    /// - Returns: The connection; nil if there is no room for it.
    func add(socket: Int32, from address: ClientAddress) -> Entry? {
        let isLimited = !isExempt(address)
        return open.withLock { open in
            // The socket is new, so an earlier connection with its number is gone.
            if let gone = open.entries[socket] { open.remove(gone) }
            let network = address.network
            if isLimited, open.count(of: network) >= maxPerNetwork {
                guard open.closeOldest(of: network, at: now()) else { return nil }
            }
            if open.entries.count >= maxCount {
                guard open.closeOldest(at: now()) else { return nil }
            }
            open.serial += 1
            let now = now()
            let entry = Entry(
                socket, network, serial: open.serial, now: now, deadline: now + 2 * requestSeconds)
            open.insert(entry)
            return entry
        }
    }

    /// Closes a connection to make room, if there is one without a complete request.
    @discardableResult
    func makeRoom() -> Bool { open.withLock { $0.closeOldest(at: now()) } }

    func entry(socket: Int32) -> Entry? { open.withLock { $0.entries[socket] } }

    /// Removes a connection; required before its socket is closed, because the number may then belong to another one.
    func remove(_ entry: Entry) {
        open.withLock { $0.remove(entry) }
        releaseBody(of: entry)
    }

    /// Sets the deadline of a request whose first line has arrived.
    func requestBegins(_ entry: Entry) { limit(entry, to: requestSeconds) }

    /// Marks a connection whose request is complete; returns false if the connection is being closed.
    func requestIsComplete(_ entry: Entry) -> Bool {
        let before = entry.phase.exchange(Entry.Phase.responding, ordering: .acquiringAndReleasing)
        guard before == Entry.Phase.closing else { return true }
        entry.phase.store(Entry.Phase.closing, ordering: .relaxed)
        return false
    }

    /// Sets the deadline of a request that a worker thread handles.
    func workBegins(_ entry: Entry) { limit(entry, to: requestSeconds + Self.workSeconds) }

    /// Sets the deadline of a request whose work takes some seconds more.
    func extend(_ entry: Entry, by seconds: Int64) { limit(entry, to: requestSeconds + Self.workSeconds + seconds) }

    /// Sets the deadline of a response.
    func responseBegins(_ entry: Entry, size: Int) {
        entry.readsSince.store(now(), ordering: .relaxed)
        limit(entry, to: requestSeconds + Int64(size / Self.minBytesPerSecond))
    }

    /// Sets the deadline of a response whose body is a stream.
    func streamBegins(_ entry: Entry, maxSeconds: Int64) { limit(entry, to: requestSeconds + maxSeconds) }

    /// Sets the deadline of a connection that may idle and then begin the next request: time for both.
    func requestEnds(_ entry: Entry) {
        let now = now()
        releaseBody(of: entry)
        entry.readsSince.store(.max, ordering: .relaxed)
        entry.deadline.store(now + 2 * requestSeconds, ordering: .relaxed)
        guard entry.phase.load(ordering: .relaxed) == Entry.Phase.responding else { return }
        entry.isNew.store(false, ordering: .relaxed)
        entry.phase.store(now, ordering: .releasing)
    }

    private func limit(_ entry: Entry, to seconds: Int64) {
        entry.deadline.store(now() + seconds, ordering: .relaxed)
    }

    /// Shuts a socket down, so that any thread that waits for it sees its end.
    static func shutDown(_ socket: Int32) { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Closes a connection, unless it is gone already.
    func close(_ entry: Entry) {
        open.withLock { open in
            if open.entries[entry.socket] === entry { Self.shutDown(entry.socket) }
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
            for entry in open.entries.values where entry.deadline.load(ordering: .relaxed) < now {
                Self.shutDown(entry.socket)
            }
        }
    }

    /// Shuts down the connections on which no request has begun.
    func closeIdle() {
        open.withLock { open in
            for entry in open.entries.values where entry.waitingSince != nil {
                // With TLS, the handshake has sent something.
                let isNew = !hasTLS && entry.isNew.load(ordering: .relaxed)
                guard Microhttpd.isQuiet(entry.socket, forMilliseconds: Self.quietMilliseconds, isNew: isNew),
                    entry.startClosing()
                else { continue }
                Self.shutDown(entry.socket)
            }
        }
    }
}
