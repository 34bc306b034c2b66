#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The IP address of a client.
enum ClientAddress: Sendable, Hashable, CustomStringConvertible {
    /// The four bytes, the first one in the highest position.
    case ipv4(UInt32)
    /// The sixteen bytes in two halves; the first half identifies the network.
    case ipv6(UInt64, UInt64)
    case unknown

    /// Creates an address from its text, or returns nil if the text is not an IP address.
    init?(_ text: String) {
        // C would ignore what follows a NUL.
        guard !text.utf8.contains(0) else { return nil }
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .ipv4(UInt32(bigEndian: four.s_addr))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            let bytes = withUnsafeBytes(of: &six) { Array($0) }
            func half(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
            self = Self.plain(half(0..<8), half(8..<16))
        } else {
            return nil
        }
    }

    /// Creates the address of the other end of a connection.
    init(_ name: UnsafePointer<sockaddr>) {
        switch Int32(name.pointee.sa_family) {
        case AF_INET:
            self = name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                .ipv4(UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            self = name.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                var address = $0.pointee.sin6_addr
                return withUnsafeBytes(of: &address) { bytes in
                    Self.plain(
                        UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                        UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
                }
            }
        default: self = .unknown
        }
    }

    /// Maps an IPv4-mapped IPv6 address, as on a socket for both families, to IPv4.
    private static func plain(_ high: UInt64, _ low: UInt64) -> ClientAddress {
        high == 0 && low >> 32 == 0xFFFF ? .ipv4(UInt32(truncatingIfNeeded: low)) : .ipv6(high, low)
    }

    var description: String {
        switch self {
        case .ipv4(let number):
            "\(number >> 24).\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
        case .ipv6(let high, let low):
            [high >> 48, high >> 32, high >> 16, high, low >> 48, low >> 32, low >> 16, low]
                .map { String($0 & 0xFFFF, radix: 16) }.joined(separator: ":")
        case .unknown: "unknown"
        }
    }

    /// The address as people write it: the longest run of zeros of an IPv6 address is shortened to `::`.
    ///
    /// Source: RFC 5952, section 4.
    var shortDescription: String {
        guard case .ipv6 = self else { return description }
        let groups = description.split(separator: ":")
        var longest = 0..<0
        var start = 0
        for index in 0...groups.count where index == groups.count || groups[index] != "0" {
            if index - start > max(longest.count, 1) { longest = start..<index }
            start = index + 1
        }
        guard !longest.isEmpty else { return description }
        return groups[..<longest.lowerBound].joined(separator: ":") + "::"
            + groups[longest.upperBound...].joined(separator: ":")
    }

    /// Creates an address from its text, which may name the interface of a link-local address, as in `fe80::1%eth0`.
    init?(withZone text: String) {
        guard let zone = text.utf8.firstIndex(of: UInt8(ascii: "%")) else {
            self.init(text)
            return
        }
        // Only IPv6 addresses have zones. One that is empty was cut off.
        guard text.utf8.index(after: zone) < text.endIndex, let address = Self(String(text[..<zone])),
            case .ipv6 = address
        else { return nil }
        self = address
    }

    /// The network for which requests are limited: one client usually has a whole IPv6 network.
    var network: ClientAddress {
        if case .ipv6(let high, _) = self { .ipv6(high, 0) } else { self }
    }
}

/// A network of IP addresses in CIDR notation, such as `10.0.0.0/8`, or a single address.
struct AddressRange: Sendable, Hashable, CustomStringConvertible {
    /// The text is not a range; the message is the end of a sentence that begins with the option.
    struct Invalid: Error { var message: String }

    private let network: ClientAddress
    private let length: Int

    private init(network: ClientAddress, length: Int) {
        self.network = network
        self.length = length
    }

    /// Creates the range of a single address.
    init(_ address: ClientAddress) {
        network = address
        length = Self.longest(address)
    }

    /// Creates a range from its text.
    ///
    /// - Parameter text: An address, or an address and the length of the prefix that it shares with its network.
    /// - Throws: ``Invalid`` if the text is not a range, if bits after the prefix are set, or if the range contains every
    ///   address.
    init(_ text: String) throws(Invalid) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = ClientAddress(String(parts[0])) else {
            throw Invalid(message: "must be an IP address or a network, such as 10.0.0.1 or 10.0.0.0/8")
        }
        guard parts.count == 2 else {
            self.init(address)
            return
        }
        // The prefix of an IPv4-mapped network counts the 96 bits before the IPv4 address.
        let isMapped = Self.longest(address) == 32 && parts[0].utf8.contains(UInt8(ascii: ":"))
        let longest = isMapped ? 128 : Self.longest(address)
        let shortest = isMapped ? 96 : 0
        let digits = parts[1].utf8
        guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(parts[1]), (shortest...longest).contains(number)
        else {
            throw Invalid(message: "must have a prefix length from \(shortest) to \(longest) after the slash")
        }
        let length = number - shortest
        guard length > 0 else {
            throw Invalid(message: "contains every address, so that clients could choose theirs: name the proxies")
        }
        let range = Self(network: Self.masked(address, length), length: length)
        guard range.network == address else {
            throw Invalid(
                message: "is an address inside a network: use \(range) for the network, or \(address.shortDescription)")
        }
        self = range
    }

    func contains(_ address: ClientAddress) -> Bool {
        Self.longest(address) == Self.longest(network) && Self.masked(address, length) == network
    }

    var description: String {
        length == Self.longest(network) ? network.shortDescription : "\(network.shortDescription)/\(length)"
    }

    private static func longest(_ address: ClientAddress) -> Int {
        switch address {
        case .ipv4: 32
        case .ipv6: 128
        case .unknown: 0
        }
    }

    /// Returns an address with only the first `length` bits.
    private static func masked(_ address: ClientAddress, _ length: Int) -> ClientAddress {
        // A shift by the whole width or more is 0.
        switch address {
        case .ipv4(let number): .ipv4(number & UInt32.max << (32 - length))
        case .ipv6(let high, let low):
            .ipv6(high & UInt64.max << max(0, 64 - length), low & UInt64.max << min(64, 128 - length))
        case .unknown: .unknown
        }
    }
}
