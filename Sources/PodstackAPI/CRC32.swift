/// The CRC-32 of IEEE 802.3, as zlib computes it: the checksum at the end of a token.
public enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in
            value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
        }
    }

    public static func checksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let table = self.table
        return ~bytes.reduce(UInt32.max) { value, byte in
            table[Int((value ^ UInt32(byte)) & 0xFF)] ^ (value >> 8)
        }
    }
}
