#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Tells the service manager that the service works, each time that an event thread has responded to a request.
///
/// The main loop drives it. So the messages end, and the service manager restarts the service, if the main loop or all
/// event threads hang. The database has no part in it: restarting the service does not repair a database.
final class Watchdog {
    /// The longest time between two calls of ``advance()``, in nanoseconds.
    let pauseNanoseconds: Int
    private let manager: ServiceManager
    /// The nanoseconds between two messages.
    private let interval: Int64
    private let probe: ListenerProbe
    private var lastMessage: Int64?

    /// Creates a watchdog; nil if the service manager expects no messages.
    init?(_ manager: ServiceManager?, _ address: ListenAddress, port: UInt16) {
        guard let manager, let microseconds = manager.watchdogMicroseconds else { return nil }
        self.manager = manager
        interval = microseconds * 1_000 / 4
        pauseNanoseconds = Int(min(max(interval / 2, 1_000_000), 999_999_999))
        probe = ListenerProbe(address, port: port)
    }

    /// Sends a message if one is due and an event thread has responded; never waits.
    func advance() {
        let now = MonotonicClock.nanoseconds
        if let lastMessage, now - lastMessage < interval { return }
        guard probe.hasResponse(at: now) else { return }
        manager.alive()
        lastMessage = now
    }
}

/// Requests to the service's own port, none of which blocks the caller.
private final class ListenerProbe {
    private static let request = Array("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    /// The nanoseconds after which a request is given up and the next one is sent.
    private static let timeout: Int64 = 10_000_000_000

    private let isIPv6: Bool
    private let ipv4: sockaddr_in
    private let ipv6: sockaddr_in6
    private var open: (socket: Int32, since: Int64, isSent: Bool)?

    init(_ address: ListenAddress, port: UInt16) {
        var (ipv4, ipv6) = (sockaddr_in(), sockaddr_in6())
        ipv4.sin_family = sa_family_t(AF_INET)
        ipv6.sin6_family = sa_family_t(AF_INET6)
        (ipv4.sin_port, ipv6.sin6_port) = (port.bigEndian, port.bigEndian)
        switch address.address {
        case .ipv6(let high, var low):
            isIPv6 = true
            // The loopback address, if the service listens on every address.
            if high == 0, low == 0 { low = 1 }
            withUnsafeMutableBytes(of: &ipv6.sin6_addr) { bytes in
                bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
        case .ipv4(let number):
            isIPv6 = false
            ipv4.sin_addr.s_addr = (number == 0 ? 0x7F00_0001 : number).bigEndian
        case .unknown: isIPv6 = false
        }
        (self.ipv4, self.ipv6) = (ipv4, ipv6)
    }

    deinit { if let open { close(open.socket) } }

    /// Returns whether there is a response to the last request, and sends the next one if there is none.
    ///
    /// With TLS, the request is not valid, and the end of the connection is the response: the event thread closed it.
    func hasResponse(at now: Int64) -> Bool {
        guard var current = open else {
            open = connect(at: now)
            return false
        }
        if !current.isSent {
            current.isSent =
                send(current.socket, Self.request, Self.request.count, Int32(MSG_NOSIGNAL))
                == Self.request.count
            open = current
        }
        var byte: UInt8 = 0
        let count = recv(current.socket, &byte, 1, 0)
        let hasResponse = current.isSent && (count >= 0 || errno == ECONNRESET)
        if hasResponse || count < 0 && errno != EAGAIN || now - current.since > Self.timeout {
            close(current.socket)
            open = nil
        }
        return hasResponse
    }

    private func connect(at now: Int64) -> (Int32, Int64, Bool)? {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { return nil }
        let result = isIPv6 ? connect(descriptor, ipv6) : connect(descriptor, ipv4)
        guard result == 0 || errno == EINPROGRESS else {
            close(descriptor)
            return nil
        }
        return (descriptor, now, false)
    }

    private func connect<Name>(_ descriptor: Int32, _ name: Name) -> Int32 {
        withUnsafePointer(to: name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                systemConnect(descriptor, $0, socklen_t(MemoryLayout<Name>.size))
            }
        }
    }
}

/// The C library's `connect`, which is shadowed by the methods of the same name.
private let systemConnect: @Sendable (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32 = { connect($0, $1, $2) }
