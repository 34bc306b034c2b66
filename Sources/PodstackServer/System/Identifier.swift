import PodstackAPI

/// Generates opaque IDs: a prefix and 20 random base62 characters.
enum Identifier {
    static func generate(_ prefix: String) -> String {
        var generator = SecureGenerator()
        var bytes = Array(prefix.utf8)
        bytes += Base62.encode(generator.next(), width: 10)
        bytes += Base62.encode(generator.next(), width: 10)
        return String(decoding: bytes, as: UTF8.self)
    }
}
