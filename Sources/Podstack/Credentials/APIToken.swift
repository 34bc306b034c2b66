import PodstackAPI

/// An API token: the only type that holds a secret.
///
/// Printing, interpolating, dumping, mirroring or encoding one gives its public prefix, as in `podstack_abc12345…`,
/// or `…` when it has none. The whole is given only to the body of ``withSecret(_:)``.
public struct APIToken: Sendable, Hashable {
    private let secret: String

    /// Bytes of a file or an input that holds a token: a larger one holds something else.
    package static let largestText = 64 << 10

    /// Any text; white space around it goes.
    public init(_ secret: String) {
        self.secret = secret.trimmingWhitespace()
    }

    /// Gives the secret to `body`, for as long as that runs.
    public func withSecret<Result, Failure>(_ body: (String) throws(Failure) -> Result) throws(Failure) -> Result {
        try body(secret)
    }

    /// `podstack_abc12345` of a token in the service's own format, else nil.
    public var prefix: String? { TokenFormat.id(of: secret).map(TokenFormat.prefix) }

    /// Why it can be no token at all, in words that follow the name of its source; nil when it may be sent.
    var defect: String? {
        if secret.isEmpty { return "is empty" }
        if secret == "your_api_token_here" { return "holds the documentation's placeholder" }
        if secret.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) {
            return "holds white space, control or non-ASCII characters"
        }
        return nil
    }

    /// What a token that was refused looks like, when that explains it.
    var suspicion: String? {
        if TokenFormat.shape(of: secret) == .wrongChecksum {
            return "Its checksum is wrong: it was mistyped or cut"
        }
        let vendors = [
            "hf_": "Hugging Face", "ghp_": "GitHub", "github_pat_": "GitHub", "sk-": "OpenAI", "AKIA": "AWS",
        ]
        return vendors.first { secret.hasPrefix($0.key) }.map { "It looks like a token of \($0.value)" }
    }
}

extension APIToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable, Encodable {
    public var description: String { (prefix ?? "") + "…" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["prefix": description]) }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

extension String {
    /// Without the white space at both ends, line ends included.
    func trimmingWhitespace() -> String {
        guard let first = unicodeScalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = unicodeScalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(unicodeScalars[first...last])
    }
}
