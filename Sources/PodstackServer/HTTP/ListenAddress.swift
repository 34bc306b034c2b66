#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Where a server listens: an address of this machine, never a name.
struct ListenAddress: Sendable, Equatable {
    let address: ClientAddress
    let port: UInt16
    /// The address as it stands in a URL.
    let host: String

    struct Mistake: Error { var message: String }

    init(_ text: String) throws(Mistake) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw Mistake(message: "must be HOST:PORT, such as 127.0.0.1:8080 or [::1]:8080")
        }
        let named = String(text[..<colon])
        let isBracketed = named.hasPrefix("[") && named.hasSuffix("]")
        let bare = isBracketed ? String(named.dropFirst().dropLast()) : named == "localhost" ? "127.0.0.1" : named
        switch ClientAddress(bare) {
        case .ipv4(let number) where !isBracketed: address = .ipv4(number)
        case .ipv6(let high, let low) where isBracketed: address = .ipv6(high, low)
        case .ipv6: throw Mistake(message: "\(named): an IPv6 address stands in brackets, such as [::1]:8080")
        default:
            throw Mistake(message: "\(named): must be an IP address of this machine, not a name")
        }
        self.port = port
        host = isBracketed ? "[\(bare)]" : bare
    }

    /// Whether nobody but this machine reaches it.
    var isLoopback: Bool {
        switch address {
        case .ipv4(let number): number >> 24 == 127
        case .ipv6(let high, let low): high == 0 && low == 1
        case .unknown: false
        }
    }

    /// A socket that listens there, and the port that it got.
    func open() throws(Listener.Failure) -> (socket: Int32, port: UInt16) {
        var isIPv6 = false
        if case .ipv6 = address { isIPv6 = true }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, kind, 0)
        guard descriptor >= 0 else { throw failure("no socket") }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        // [::] takes IPv4 too, whatever the machine's own setting is.
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
        // Both families have the port in the same place.
        return known == 0 ? UInt16(bigEndian: name.sin6_port) : 0
    }

    private func failure(_ what: String) -> Listener.Failure {
        Listener.Failure(reason: "\(what): \(String(cString: strerror(errno)))")
    }
}

/// `bind` of the C library, which the name of a method hides.
private let systemBind: @Sendable (Int32, UnsafePointer<sockaddr>?, socklen_t) -> Int32 = { bind($0, $1, $2) }
