import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// The options of a listener.
struct ListenerOptions: Sendable {
    /// The number of event threads, at least 2.
    var threads = 2
    /// The certificate for TLS, or nil for plain HTTP.
    var certificate: TLSCertificate?
    /// The seconds that a request may take to arrive, enforced by ``Listener/closeOverdue()``.
    var requestSeconds = RequestLimits.seconds
    /// The maximum number of connections from one network: an IPv4 address, or an IPv6 network of 64 bits.
    var connectionsPerNetwork = 256
    /// The maximum number of bytes of the bodies of all requests.
    var maxBodyBytes = RequestLimits.allBodies
    /// Returns whether the connections of an address are only limited in total.
    var isExempt: @Sendable (ClientAddress) -> Bool = { _ in false }
    /// Returns whether the handler wants the body of a request while it arrives: see ``StreamedBody``.
    var streamsBody: @Sendable (RequestHead) -> Bool = { _ in false }
}

/// Accepts connections and passes complete requests to a handler.
///
/// The handler runs on the event threads, several at once, and must not block.
final class Listener: Sendable {
    struct Failure: Error { var reason: String }

    /// The port; if port 0 was requested, the one that the system chose.
    let port: UInt16
    private let driver: ConnectionDriver
    /// Nil once the listener is stopped.
    private let running: Mutex<(library: Microhttpd, acceptor: Acceptor)?>

    /// Starts to listen.
    ///
    /// - Parameters:
    ///   - address: The address and port.
    ///   - options: The options.
    ///   - handler: Called once for each request.
    /// - Throws: ``Failure`` if the address cannot be used, or ``SetupFailure`` if the certificate cannot be read.
    init(
        _ address: ListenAddress, _ options: ListenerOptions = ListenerOptions(),
        handler: @escaping ConnectionDriver.Handler
    ) throws {
        let pem = try options.certificate?.pem()
        let (socket, port) = try address.open()
        self.port = port
        driver = ConnectionDriver(
            handler, options.certificate, isPublic: !address.isLoopback, OpenConnections(options),
            streamsBody: options.streamsBody)
        let library = Microhttpd(
            threads: max(options.threads, 2), pem, requestSeconds: options.requestSeconds, driver)
        guard let library else {
            close(socket)
            throw Failure(reason: "cannot start the HTTP listener")
        }
        let acceptor = Acceptor(socket, library, driver.connections)
        guard acceptor.start() else {
            close(socket)
            library.stop()
            throw Failure(reason: "cannot start a thread for the HTTP listener")
        }
        running = Mutex((library, acceptor))
    }

    /// Closes the connections that have passed their deadline, and responds to requests whose work takes too long; must be
    /// called about every second.
    func closeOverdue() {
        driver.connections.closeOverdue()
        driver.deferredResponses.cutOverdue()
    }

    var openConnections: Int { driver.connections.count }
    var openStreams: Int { driver.streams.count }
    /// The bytes of the bodies of all requests that are arriving or being handled.
    var bodyBytes: Int { driver.connections.bodyBytes }

    deinit { stop() }

    /// Stops accepting connections, waits until every request that has begun is responded to, and closes all connections.
    ///
    /// Idle connections are closed, and every response is the last one of its connection.
    ///
    /// - Parameter timeoutMilliseconds: The time after which requests that are not handled yet are refused, and the
    ///   remaining connections are closed.
    func stop(timeoutMilliseconds: Int = 1000) {
        running.withLock { running in
            guard let (library, acceptor) = running else { return }
            acceptor.stop()
            driver.drain()
            var second = MonotonicClock.seconds()
            Self.wait(timeoutMilliseconds) { [driver] in
                driver.connections.closeIdle()
                let now = MonotonicClock.seconds()
                if now > second {
                    second = now
                    closeOverdue()
                }
                return driver.connections.count == 0
            }
            // The time is over. libmicrohttpd cannot be stopped while a connection is suspended.
            driver.streams.cutAll()
            driver.upgrades.endAll()
            driver.deferredResponses.refuseAll()
            Self.wait(500) { [driver] in driver.requestsInProgress == 0 }
            driver.deferredResponses.cutAll()
            // Clients that still read get a proper end of their response; clients that do not are not waited for.
            Self.wait(500) { [driver] in driver.streams.count + driver.deferredResponses.count == 0 }
            // Nor while one uses another protocol.
            driver.upgrades.waitUntilClosed(seconds: 5)
            library.stop()
            running = nil
        }
    }

    private static func wait(_ milliseconds: Int, until isOver: () -> Bool) {
        let end = MonotonicClock.nanoseconds + Int64(milliseconds) * 1_000_000
        while !isOver(), MonotonicClock.nanoseconds < end { usleep(10_000) }
    }
}

/// The thread that accepts connections and hands them over to libmicrohttpd.
///
/// libmicrohttpd itself cannot stop listening while it continues to serve its connections.
private final class Acceptor: Sendable {
    private let socket: Int32
    private let library: Microhttpd
    private let connections: OpenConnections
    private let isStopping = Atomic(false)
    private let hasEnded = Monitor(false)

    init(_ socket: Int32, _ library: Microhttpd, _ connections: OpenConnections) {
        self.socket = socket
        self.library = library
        self.connections = connections
    }

    /// Starts the thread; returns false if the system has none.
    func start() -> Bool { WorkerThread.start { [self] in run() } }

    /// Closes the listening socket, and returns when no further connection is accepted.
    func stop() {
        isStopping.store(true, ordering: .sequentiallyConsistent)
        OpenConnections.shutDown(socket)
        _ = hasEnded.wait(10) { $0 ? true : nil }
    }

    private func run() {
        while !isStopping.load(ordering: .sequentiallyConsistent) {
            let accepted = Microhttpd.accept(from: socket) { socket, address, size in
                guard let entry = connections.add(socket: socket, from: ClientAddress(address)) else {
                    close(socket)
                    return
                }
                if !library.add(socket: socket, address, size: size) { connections.remove(entry) }
            }
            if accepted < 0 { handle(errno) }
        }
        close(socket)
        hasEnded.change { $0 = true }
    }

    private func handle(_ error: Int32) {
        switch error {
        case EAGAIN, EWOULDBLOCK:
            var description = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            poll(&description, 1, -1)
        case EINTR, ECONNABORTED: break
        default:
            // The system has no descriptor or no memory left.
            connections.makeRoom()
            usleep(10_000)
        }
    }
}

// MARK: - Addresses

/// The IP address and port that a server listens on.
struct ListenAddress: Sendable, Equatable {
    let address: ClientAddress
    let port: UInt16
    /// The address as it is written in a URL.
    let host: String

    /// The text is not a valid address; the message is the end of a sentence that begins with the option.
    struct InvalidAddress: Error { var message: String }

    init(_ text: String) throws(InvalidAddress) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw InvalidAddress(message: "must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
        }
        let named = String(text[..<colon])
        let isBracketed = named.hasPrefix("[") && named.hasSuffix("]")
        let bare = isBracketed ? String(named.dropFirst().dropLast()) : named == "localhost" ? "127.0.0.1" : named
        switch ClientAddress(bare) {
        case .ipv4(let number) where !isBracketed: address = .ipv4(number)
        case .ipv6(let high, let low) where isBracketed: address = .ipv6(high, low)
        case .ipv6: throw InvalidAddress(message: "\(named): an IPv6 address must be in brackets, such as [::1]:8080")
        default:
            throw InvalidAddress(message: "\(named): must be an IP address of this machine, not a name")
        }
        self.port = port
        host = isBracketed ? "[\(bare)]" : bare
    }

    /// Whether only programs on this machine can connect.
    var isLoopback: Bool {
        switch address {
        case .ipv4(let number): number >> 24 == 127
        case .ipv6(let high, let low): high == 0 && low == 1
        case .unknown: false
        }
    }

    /// Opens a listening socket and returns it with its port.
    func open() throws(Listener.Failure) -> (socket: Int32, port: UInt16) {
        var isIPv6 = false
        if case .ipv6 = address { isIPv6 = true }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { throw failure("no socket") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        // [::] accepts IPv4 too, whatever the system's default is.
        var no: Int32 = 0
        if isIPv6 { setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &no, socklen_t(MemoryLayout<Int32>.size)) }
        let bound = isIPv6 ? bind(descriptor, ipv6) : bind(descriptor, ipv4)
        guard bound, listen(descriptor, 1024) == 0 else {
            let failure = failure("cannot listen on \(host):\(port)")
            close(descriptor)
            throw failure
        }
        return (descriptor, Self.port(of: descriptor))
    }

    private var ipv4: sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        if case .ipv4(let number) = address { name.sin_addr.s_addr = number.bigEndian }
        return name
    }

    private var ipv6: sockaddr_in6 {
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        if case .ipv6(let high, let low) = address {
            withUnsafeMutableBytes(of: &name.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        }
        return name
    }

    private func bind<Name>(_ descriptor: Int32, _ name: Name) -> Bool {
        withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                systemBind(descriptor, $0, socklen_t(MemoryLayout<Name>.size)) == 0
            }
        }
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let known = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        // Both address families store the port at the same offset.
        return known == 0 ? UInt16(bigEndian: name.sin6_port) : 0
    }

    private func failure(_ what: String) -> Listener.Failure {
        Listener.Failure(reason: "\(what): \(String(cString: strerror(errno)))")
    }
}

/// The C library's `bind`, which is shadowed by the method of the same name.
private let systemBind: @Sendable (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32 = { bind($0, $1, $2) }
