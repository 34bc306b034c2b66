import PodstackAPI
import Synchronization

/// Generates the IDs of requests.
///
/// They must be unique but are not secret, so no random number is read for each: one half is random per process, and the
/// other half is a counter that is spread over all digits.
enum RequestID {
    private static let width = 10
    /// The first half, with the prefix of the IDs of requests.
    private static let start: [UInt8] = {
        var generator = SecureGenerator()
        return Array("req_".utf8) + Base62.encode(generator.next(), width: width)
    }()
    private static let count = Atomic<UInt64>(0)
    /// An odd factor, so that no two products of 64 bits are equal.
    private static let spread: UInt64 = 0x9E37_79B9_7F4A_7C15

    static func generate() -> String {
        let number = count.wrappingAdd(1, ordering: .relaxed).newValue &* spread
        return String(unsafeUninitializedCapacity: start.count + width) { text in
            _ = text.initialize(from: start)
            Base62.write(number, to: UnsafeMutableBufferPointer(rebasing: text[start.count...]))
            return text.count
        }
    }
}
