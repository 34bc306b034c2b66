import CUnistring

#if canImport(Glibc)
    import Glibc
#endif

/// The normalization forms of Unicode: different spellings of the same text become one.
///
/// Source: Unicode Standard Annex 15.
enum Normalization {
    /// Returns the composed form of a text: `e` with a combining accent becomes `é`.
    static func nfc(_ text: String) -> String { normalized(text, podstack_nfc()) }

    /// Returns the composed form of a text in which characters that only look different become alike: `ｆ` becomes `f`.
    static func nfkc(_ text: String) -> String { normalized(text, podstack_nfkc()) }

    private static func normalized(_ text: String, _ form: uninorm_t?) -> String {
        // ASCII is normalized in every form.
        guard text.utf8.contains(where: { $0 >= 0x80 }) else { return text }
        let bytes = Array(text.utf8)
        var length = 0
        guard let result = u8_normalize(form, bytes, bytes.count, nil, &length) else { return text }
        defer { free(result) }
        return String(decoding: UnsafeBufferPointer(start: result, count: length), as: UTF8.self)
    }
}
