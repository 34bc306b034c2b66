/// Where browsers reach the service, for links that it gives.
struct PublicURL: Sendable {
    /// What the operator said, without a slash at its end; nil to go by what each client calls the service.
    var fixed: String?
    /// Whether browsers come over TLS.
    var isSecure = false

    /// What is wrong with a text, as the end of a sentence that says what it was.
    struct Mistake: Error { var message: String }

    init() {}

    /// - Parameter isEncrypted: Whether what clients send comes over TLS, here or as far as a proxy. What the operator
    ///   says of browsers goes before that.
    init(fixed: String?, isEncrypted: Bool) {
        self.fixed = fixed
        isSecure = fixed?.hasPrefix("https://") ?? isEncrypted
    }

    /// What an operator gives, as browsers write an origin: in lower case, without a slash at its end or the port that
    /// goes without saying.
    static func checked(_ text: String) throws(Mistake) -> String {
        for (scheme, port) in [("https://", ":443"), ("http://", ":80")] where text.lowercased().hasPrefix(scheme) {
            var host = text.dropFirst(scheme.count).lowercased()
            if host.hasSuffix("/") { host.removeLast() }
            if host.hasSuffix(port) { host.removeLast(port.count) }
            guard !host.isEmpty, host.utf8.allSatisfy(isOfHost) else { break }
            return scheme + host
        }
        throw Mistake(message: "must be a URL without a path, such as https://podstack.example.com")
    }

    /// The Host header is missing, or contains characters that no host name has.
    struct InvalidHost: Error {}

    func of(_ request: Request) throws(InvalidHost) -> String {
        if let fixed { return fixed }
        guard let host = request.header("host"), !host.isEmpty, host.utf8.allSatisfy(Self.isOfHost) else {
            throw InvalidHost()
        }
        return "\(isSecure ? "https" : "http")://\(host)"
    }

    private static func isOfHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "-")...UInt8(ascii: "."), UInt8(ascii: "["),
            UInt8(ascii: "]"):
            true
        default: false
        }
    }
}
