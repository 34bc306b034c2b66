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

    /// The network for which requests are limited: one client usually has a whole IPv6 network.
    var network: ClientAddress {
        if case .ipv6(let high, _) = self { .ipv6(high, 0) } else { self }
    }
}
