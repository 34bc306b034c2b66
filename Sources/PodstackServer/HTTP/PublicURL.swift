/// Where browsers reach the service, for links that it gives.
struct PublicURL: Sendable {
    /// What the operator said, without a slash at its end; nil to go by what each client calls the service.
    var fixed: String?
    /// Whether clients come over TLS.
    var isSecure = false

    /// What an operator gives, without a slash at its end.
    static func checked(_ text: String) throws(UsageFailure) -> String {
        guard text.hasPrefix("https://") || text.hasPrefix("http://"), text.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else {
            throw UsageFailure("--public-url must be a URL such as https://podstack.example.com")
        }
        return text.hasSuffix("/") ? String(text.dropLast()) : text
    }

    func of(_ request: Request) throws -> String {
        if let fixed { return fixed }
        guard let host = request.header("host"), !host.isEmpty, host.utf8.allSatisfy(Self.isOfHost) else {
            throw APIError.badRequest("Host is no name or address")
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
