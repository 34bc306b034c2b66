import PodstackAPI

/// The code that a user reads in one place and types in another, such as `WDJB-MJHT`.
/// Source: RFC 8628, section 6.1: no vowels, so no words, and nothing that looks like something else.
enum UserCode {
    private static let letters = Array("BCDFGHJKLMNPQRSTVWXZ".utf8)
    private static let length = 8

    static func make() -> String {
        var generator = SecureGenerator()
        let text = (0..<length).map { _ in letters[Int.random(in: letters.indices, using: &generator)] }
        return shown(text)
    }

    /// As it was made, whatever was typed between the letters, in whatever case; nil when it is none.
    static func read(_ typed: String) -> String? {
        guard typed.utf8.count <= 64 else { return nil }
        let text = typed.uppercased().utf8.filter { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: " ") }
        guard text.count == length, text.allSatisfy(letters.contains) else { return nil }
        return shown(Array(text))
    }

    private static func shown(_ text: [UInt8]) -> String {
        String(decoding: text.prefix(4), as: UTF8.self) + "-" + String(decoding: text.dropFirst(4), as: UTF8.self)
    }
}
