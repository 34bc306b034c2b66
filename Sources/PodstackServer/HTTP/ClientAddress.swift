/// Where a request comes from.
enum ClientAddress: Sendable, Hashable, CustomStringConvertible {
    /// The four bytes, the first of them highest.
    case ipv4(UInt32)
    case other(String)

    static let unknown = ClientAddress.other("unknown")

    var description: String {
        switch self {
        case .ipv4(let number):
            "\(number >> 24).\(number >> 16 & 0xFF).\(number >> 8 & 0xFF).\(number & 0xFF)"
        case .other(let text): text
        }
    }
}
