import PodstackAPI
import Synchronization

/// Ids of requests. They need to be different and are no secret, so the system is not asked for each: half of one is of
/// this process, half of a number that grows and is spread over all digits.
enum RequestID {
    private static let prefix = Array("req_".utf8)
    private static let width = 10
    private static let ofProcess: [UInt8] = {
        var generator = SecureGenerator()
        return Base62.encode(generator.next(), width: width)
    }()
    private static let count = Atomic<UInt64>(0)
    /// Odd, so that no two products of 64 bits are equal.
    private static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func make() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue &* spread
        return String(decoding: prefix + ofProcess + Base62.encode(number, width: width), as: UTF8.self)
    }
}
