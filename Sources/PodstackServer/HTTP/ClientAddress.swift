#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a request comes from.
enum ClientAddress: Sendable, Hashable, CustomStringConvertible {
    /// The four bytes, the first of them highest.
    case ipv4(UInt32)
    /// The sixteen bytes in two halves; the first names the network.
    case ipv6(UInt64, UInt64)
    case unknown

    /// Nil when `text` is no address.
    init?(_ text: String) {
        var four = in_addr()
        var six = in6_addr()
        if inet_pton(AF_INET, text, &four) == 1 {
            self = .ipv4(UInt32(bigEndian: four.s_addr))
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            let bytes = withUnsafeBytes(of: &six) { Array($0) }
            func half(_ range: Range<Int>) -> UInt64 { bytes[range].reduce(0) { $0 << 8 | UInt64($1) } }
            self = .ipv6(half(0..<8), half(8..<16))
        } else {
            return nil
        }
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

    /// What counts as one neighbour: a whole network of IPv6 addresses is given to one.
    var neighbourhood: ClientAddress {
        if case .ipv6(let high, _) = self { .ipv6(high, 0) } else { self }
    }
}
