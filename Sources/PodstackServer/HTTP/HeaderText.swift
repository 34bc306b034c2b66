#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Header fields as strings, from the bytes that they are in memory.
enum HeaderText {
    /// In lower case.
    static func name(_ bytes: UnsafePointer<CChar>) -> String {
        let length = strlen(bytes)
        return String(unsafeUninitializedCapacity: length) { name in
            for index in 0..<length {
                let byte = UInt8(bitPattern: bytes[index])
                name[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            }
            return length
        }
    }

    static func value(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let bytes, count > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}
