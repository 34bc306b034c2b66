import PodstackAPI
import PodstackCryptography
import PodstackSystem

/// An API token; the only type that contains a secret.
///
/// Printing, interpolating, dumping, mirroring or encoding a token gives its public prefix, such as
/// `podstack_abc12345…`, or `…` when it has none. Only ``withSecret(_:)`` gives the full token.
public struct APIToken: Sendable, Hashable {
    private let secret: String

    /// The most bytes that a file or an input with a token may have; a larger one contains something else.
    package static let largestText = 64 << 10

    /// Creates a token from a text.
    ///
    /// Wherever a token comes from, it is read in the same way: whitespace, a byte order mark and a pair of quotation marks
    /// around it are removed.
    ///
    /// - Parameter secret: The full token.
    public init(_ secret: String) {
        self.secret = TokenText.withoutWrapping(secret)
    }

    /// Calls a closure with the full token.
    ///
    /// - Parameter body: The closure, which must not keep or print the text.
    /// - Returns: The closure's result.
    /// - Throws: The closure's error.
    public func withSecret<Result, Failure>(_ body: (String) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(secret)
    }

    /// The public prefix of a token in the service's own format, such as `podstack_abc12345`; nil for other formats.
    public var prefix: String? { TokenFormat.id(of: secret).map(TokenFormat.prefix) }

    /// The ID of a token in the service's own format, such as `abc12345`, with which ``Tokens`` finds it; nil for other
    /// formats.
    public var id: String? { TokenFormat.id(of: secret) }

    /// Returns whether this is a secret of the token that another secret belongs to, as after a rotation.
    ///
    /// Tokens in other formats have no ID to compare, so they never match.
    func isSecret(of other: APIToken) -> Bool { prefix != nil && prefix == other.prefix }

    /// The reason why the text cannot be a token, as a predicate for its source; nil when it may be sent.
    package var defect: String? {
        if secret.isEmpty { return "is empty" }
        return TokenText.defect(of: secret)
    }

    /// A likely reason why the service rejected the token; nil when its text does not suggest one.
    package var suspicion: String? {
        if TokenFormat.shape(of: secret) == .wrongChecksum {
            return "Its checksum is wrong: it was mistyped or truncated"
        }
        return foreignIssuer
    }

    /// The service that probably issued the token, as a sentence; nil when its text does not look like another service's.
    package var foreignIssuer: String? {
        let vendors = [
            "hf_": "Hugging Face", "ghp_": "GitHub", "github_pat_": "GitHub", "sk-proj-": "OpenAI",
            "sk-svcacct-": "OpenAI", "sk-admin-": "OpenAI", "AKIA": "AWS",
        ]
        if let vendor = vendors.first(where: { secret.hasPrefix(bytes: $0.key) }) {
            return "It looks like a token from \(vendor.value)"
        }
        guard secret.hasPrefix(bytes: "sk-") else { return nil }
        // Tokens of several services start with sk- and the name of their kind.
        let hasKind = secret.utf8.dropFirst(3).contains(UInt8(ascii: "-"))
        return "It looks like a token from \(hasKind ? "another service" : "OpenAI")"
    }
}

extension APIToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable, Encodable {
    /// The public prefix and `…`.
    public var description: String { (prefix ?? "") + "…" }
    /// The public prefix and `…`.
    public var debugDescription: String { description }
    /// A mirror without the secret.
    public var customMirror: Mirror { Mirror(self, children: ["prefix": description]) }

    /// Encodes the public prefix, never the secret.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: The encoder's error.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

// MARK: - Reading

/// The rules by which a token is read from a text that a user or a program wrote.
private enum TokenText {
    private static let quotes: [(open: Unicode.Scalar, close: Unicode.Scalar)] = [
        ("\"", "\""), ("'", "'"), ("`", "`"), ("\u{201C}", "\u{201D}"), ("\u{2018}", "\u{2019}"),
    ]

    /// Returns the text without whitespace, byte order marks and pairs of quotation marks around it.
    static func withoutWrapping(_ text: String) -> String {
        // The common case: nothing to remove.
        if let first = text.utf8.first, let last = text.utf8.last, isPlain(first), isPlain(last) { return text }
        var scalars = Substring(text).unicodeScalars
        while true {
            while let first = scalars.first, isInvisible(first) { scalars.removeFirst() }
            while let last = scalars.last, isInvisible(last) { scalars.removeLast() }
            guard let first = scalars.first, let last = scalars.last, scalars.count > 1,
                quotes.contains(where: { $0.open == first && $0.close == last })
            else { return String(scalars) }
            scalars = scalars.dropFirst().dropLast()
        }
    }

    private static func isPlain(_ byte: UInt8) -> Bool { Base62.isDigit(byte) }

    /// Returns whether a character at the end of a token is whitespace or an invisible mark, such as a byte order mark.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || scalar == "\u{FEFF}" || (0x200B...0x200D).contains(scalar.value)
            || scalar == "\u{2060}"
    }

    /// Returns what is wrong with a text that is not empty, as a predicate that does not repeat the text.
    static func defect(of text: String) -> String? {
        let bytes = Array(text.utf8)
        if text == "your_api_token_here" { return "contains the placeholder from the documentation" }
        if bytes.first == UInt8(ascii: "<"), bytes.last == UInt8(ascii: ">") {
            return "contains a placeholder in angle brackets instead of a token"
        }
        if bytes.contains(0) { return "is not UTF-8 text: save it as UTF-8, for example with a text editor" }
        if hasReference(text) {
            return "contains a reference such as ${NAME} that was not replaced by its value: write the token itself"
        }
        let word = text.prefix { $0 != " " && $0 != "\t" }.lowercased()
        if word == "bearer" || word == "authorization:" {
            return "contains a header: leave out everything before the token"
        }
        if isAssignment(text) { return "contains a name before the token: leave out everything up to the \"=\"" }
        if let first = text.unicodeScalars.first, let last = text.unicodeScalars.last,
            quotes.contains(where: { [$0.open, $0.close].contains(first) || [$0.open, $0.close].contains(last) })
        {
            return "has a quotation mark at one end only: remove it"
        }
        if bytes.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) {
            return "contains whitespace, control characters or non-ASCII characters"
        }
        return nil
    }

    /// Returns whether the text contains `${NAME}`, `$(COMMAND)` or `{{ name }}`, or is `$NAME` or `%NAME%`.
    private static func hasReference(_ text: String) -> Bool {
        let isWhole = isName(text.dropFirst()) && text.hasPrefix("$")
        let isWindows = text.hasPrefix("%") && text.hasSuffix("%") && isName(text.dropFirst().dropLast())
        return isWhole || isWindows || ["${", "$(", "{{"].contains { text.contains($0) }
    }

    /// Returns whether the text is `NAME=podstack_…`, perhaps after `export` or with spaces.
    private static func isAssignment(_ text: String) -> Bool {
        guard let sign = text.firstIndex(of: "=") else { return false }
        let value = withoutWrapping(String(text[text.index(after: sign)...]))
        let name = text[..<sign].split(whereSeparator: \.isWhitespace).last ?? ""
        return value.hasPrefix("podstack_") && isName(name)
    }

    private static func isName(_ text: Substring) -> Bool {
        guard let first = text.utf8.first, !(0x30...0x39).contains(first) else { return false }
        return text.utf8.allSatisfy { Base62.isDigit($0) || $0 == UInt8(ascii: "_") }
    }
}

// MARK: - Generated tokens

/// A token whose secret is generated by the client.
///
/// The service receives only the digest, so the secret does not cross the network before its first use, and repeating
/// the request after a lost response does not create a second token.
struct GeneratedToken {
    let id: String
    let secret: APIToken
    /// The digest of the whole token, in hexadecimal.
    let sha256: String

    /// Generates a token.
    ///
    /// - Parameter id: The ID of the token that gets a new secret; nil generates a new ID.
    init(id: String? = nil) {
        var generator = SecureGenerator()
        let id = id ?? TokenFormat.generateID(using: &generator)
        let text = TokenFormat.generateToken(id: id, using: &generator)
        self.id = id
        secret = APIToken(text)
        sha256 = Hash.sha256(text.utf8).hexadecimal
    }
}
