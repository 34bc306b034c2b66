/// Operations on text whose syntax consists of bytes, such as commands, paths, headers, URLs and CSV.
///
/// `String` compares, searches and splits by `Character`: there, a quote that is followed by a combining mark is not a
/// quote, U+037E is a semicolon, and a carriage return before a line feed is not a carriage return. The programs that read such
/// text see bytes, so these functions do too.
extension StringProtocol where SubSequence == Substring {
    /// Returns the text with every occurrence of some bytes replaced.
    ///
    /// - Parameters:
    ///   - old: The text to replace, which is not empty.
    ///   - new: The text in its place.
    /// - Returns: The new text.
    package func replacing(bytes old: String, with new: String) -> String {
        let bytes = Array(old.utf8)
        guard !bytes.isEmpty else { return String(self) }
        var result: [UInt8] = []
        var rest = Array(utf8)[...]
        while let first = rest.first {
            if rest.starts(with: bytes) {
                result += Array(new.utf8)
                rest = rest.dropFirst(bytes.count)
            } else {
                result.append(first)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Returns the parts of the text between occurrences of an ASCII character.
    ///
    /// - Parameters:
    ///   - separator: The ASCII character.
    ///   - maxSplits: The largest number of splits.
    ///   - omittingEmptySubsequences: Whether empty parts are left out.
    /// - Returns: The parts.
    package func split(
        byte separator: Unicode.Scalar, maxSplits: Int = .max, omittingEmptySubsequences: Bool = true
    ) -> [Substring] {
        self[...].utf8.split(
            maxSplits: maxSplits, omittingEmptySubsequences: omittingEmptySubsequences,
            whereSeparator: { $0 == UInt8(ascii: separator) }
        ).map { self[$0.startIndex..<$0.endIndex] }
    }

    /// Returns the index of the first occurrence of an ASCII character.
    package func firstIndex(byte: Unicode.Scalar) -> Index? { utf8.firstIndex(of: UInt8(ascii: byte)) }

    /// Returns the index of the last occurrence of an ASCII character.
    package func lastIndex(byte: Unicode.Scalar) -> Index? { self[...].utf8.lastIndex(of: UInt8(ascii: byte)) }

    /// Returns the text after the ASCII character at an index.
    package func suffix(afterByteAt index: Index) -> Substring { self[utf8.index(after: index)...] }

    /// Returns whether the text contains some bytes.
    package func contains(bytes: String) -> Bool {
        let bytes = Array(bytes.utf8)
        let own = Array(utf8)
        guard let first = bytes.first else { return true }
        return own.indices.contains { own[$0] == first && own[$0...].starts(with: bytes) }
    }

    /// Returns whether the text starts with some bytes.
    package func hasPrefix(bytes: String) -> Bool { utf8.starts(with: bytes.utf8) }

    /// Returns whether the text ends with some bytes.
    package func hasSuffix(bytes: String) -> Bool { utf8.reversed().starts(with: bytes.utf8.reversed()) }

    /// Returns whether two texts consist of the same bytes.
    ///
    /// Two `String`s with different spellings of "é" are equal.
    package func hasBytes(of other: some StringProtocol) -> Bool { utf8.elementsEqual(other.utf8) }
}
