/// The name of an image, such as `debian:12` or `registry.example:5000/team/model@sha256:…`.
struct DockerImageName: Sendable, Equatable {
    /// The name without the tag and the digest.
    var repository: String
    /// The tag or the digest.
    var version: String

    /// Parses a name; without a tag or a digest, the tag is `latest`.
    ///
    /// Only the characters are checked: the engine knows the other rules.
    ///
    /// - Returns: The name; nil if it has characters that no name has, or an empty part.
    init?(_ text: String) {
        let isDigest: Bool
        if let at = text.firstIndex(of: "@") {
            // An image with a digest may have a tag too, which then has no effect.
            let name = Self.splitTag(text[..<at]).repository
            repository = String(name)
            version = String(text[text.index(after: at)...])
            isDigest = true
        } else {
            let (name, tag) = Self.splitTag(text[...])
            repository = String(name)
            version = tag.map { String($0) } ?? "latest"
            isDigest = false
        }
        let parts = repository.split(separator: "/", omittingEmptySubsequences: false)
        let versionParts = version.split(separator: ":", omittingEmptySubsequences: false)
        guard Self.hasOnly("./:_-[]", repository), !parts.contains(where: { $0.isEmpty || $0 == "." || $0 == ".." }),
            versionParts.count == (isDigest ? 2 : 1),
            versionParts.allSatisfy({ !$0.isEmpty && Self.hasOnly("._-+", $0) })
        else { return nil }
    }

    /// Returns whether a text has only letters, digits and the given characters.
    private static func hasOnly(_ others: String, _ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: others.utf8.contains(byte)
            }
        }
    }

    /// The whole name, as the engine takes it.
    var text: String { repository + (version.contains(":") ? "@" : ":") + version }

    /// The host of the registry, as the engine writes it in credentials.
    var registry: String {
        guard let slash = repository.firstIndex(of: "/") else { return Self.defaultRegistry }
        let first = repository[..<slash]
        let isHost = first.contains(".") || first.contains(":") || first == "localhost"
        return isHost ? String(first) : Self.defaultRegistry
    }

    private static let defaultRegistry = "https://index.docker.io/v1/"

    /// A colon begins a tag only after the last slash: before it, it begins a port.
    private static func splitTag(_ text: Substring) -> (repository: Substring, tag: Substring?) {
        let start = text.lastIndex(of: "/").map { text.index(after: $0) } ?? text.startIndex
        guard let colon = text[start...].firstIndex(of: ":") else { return (text, nil) }
        return (text[..<colon], text[text.index(after: colon)...])
    }
}
