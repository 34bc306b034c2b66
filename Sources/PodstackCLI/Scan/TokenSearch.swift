import Podstack
import PodstackAPI

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds tokens in any bytes, with one byte per character, or with two as in UTF-16.
struct TokenSearch: Sendable {
    /// The number of bytes of the longest token, in UTF-16.
    static let longest = 2 * TokenFormat.length - 1

    private let start = TokenFormat.scheme

    /// Returns the tokens that start before `limit`, in order.
    func tokens(in bytes: UnsafeRawBufferPointer, before limit: Int) -> [(offset: Int, token: APIToken)] {
        var found: [(offset: Int, token: APIToken)] = []
        search(bytes, stride: 1, before: limit, &found)
        // UTF-16 needs zero bytes, which ordinary text does not have.
        guard let first = bytes.baseAddress, memchr(first, 0, bytes.count) != nil else { return found }
        let narrow = found.count
        search(bytes, stride: 2, before: limit, &found)
        if found.count > narrow { found.sort { $0.offset < $1.offset } }
        return found
    }

    /// Searches 32 offsets at a time, in four words, for the first and the last byte of the start of a token.
    private func search(
        _ bytes: UnsafeRawBufferPointer, stride: Int, before limit: Int,
        _ found: inout [(offset: Int, token: APIToken)]
    ) {
        guard let base = bytes.baseAddress else { return }
        let end = min(limit, bytes.count - (TokenFormat.length - 1) * stride)
        let span = (start.count - 1) * stride
        let (first, last) = (start[0], start[start.count - 1])
        let (firsts, lasts) = (Self.repeated(first), Self.repeated(last))
        func hits(_ offset: Int) -> UInt64 {
            let differences =
                (base.loadUnaligned(fromByteOffset: offset, as: UInt64.self) ^ firsts)
                | (base.loadUnaligned(fromByteOffset: offset + span, as: UInt64.self) ^ lasts)
            // Nonzero when a byte of `differences` is zero.
            return (differences &- Self.repeated(1)) & ~differences & Self.repeated(0x80)
        }
        var offset = 0
        while offset < end {
            let next = min(offset + 32, end)
            if next - offset == 32, hits(offset) | hits(offset + 8) | hits(offset + 16) | hits(offset + 24) == 0 {
                offset = next
                continue
            }
            while offset < next {
                if bytes[offset] == first, bytes[offset + span] == last,
                    let token = token(at: offset, stride: stride, in: bytes)
                {
                    found.append((offset, token))
                }
                offset += 1
            }
        }
    }

    private static func repeated(_ byte: UInt8) -> UInt64 { UInt64(byte) &* 0x0101_0101_0101_0101 }

    private func token(at offset: Int, stride: Int, in bytes: UnsafeRawBufferPointer) -> APIToken? {
        for (index, byte) in start.enumerated() where bytes[offset + index * stride] != byte { return nil }
        let text = (0..<TokenFormat.length).map { bytes[offset + $0 * stride] }
        if stride == 2 {
            for index in 1..<TokenFormat.length where bytes[offset + index * 2 - 1] != 0 { return nil }
        }
        guard case .wellFormed = TokenFormat.shape(of: text) else { return nil }
        return APIToken(String(decoding: text, as: UTF8.self))
    }
}
