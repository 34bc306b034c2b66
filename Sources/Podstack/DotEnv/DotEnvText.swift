/// The bytes of a `.env` file made ready for the parser: UTF-8, every line end LF, no byte order mark.
enum DotEnvText {
    struct NotUTF8: Error, Equatable {
        /// Of the first byte that is wrong, from 0.
        var offset: Int
    }

    static func normalised(_ bytes: [UInt8]) throws(NotUTF8) -> [UInt8] {
        try check(bytes)
        let content = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard content.contains(UInt8(ascii: "\r")) else { return Array(content) }
        var text: [UInt8] = []
        text.reserveCapacity(content.count)
        var previous: UInt8 = 0
        for byte in content {
            if byte == UInt8(ascii: "\r") {
                text.append(UInt8(ascii: "\n"))
            } else if !(byte == UInt8(ascii: "\n") && previous == UInt8(ascii: "\r")) {
                text.append(byte)
            }
            previous = byte
        }
        return text
    }

    private static func check(_ bytes: [UInt8]) throws(NotUTF8) {
        // The usual file is valid, and to know only that is fast.
        guard String(validating: bytes, as: UTF8.self) == nil else { return }
        throw NotUTF8(offset: UTF8Prefix.length(of: bytes))
    }
}
