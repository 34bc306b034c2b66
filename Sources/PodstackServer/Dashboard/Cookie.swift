/// The cookies of the dashboard.
enum Cookie: String {
    /// The secret of a session.
    case session = "podstack_session"
    /// A random value that ties forms to the browser of a client that is not signed in.
    case browser = "podstack_visitor"

    /// Returns the name of the cookie.
    ///
    /// With the prefix, no other host and no unencrypted response can set it.
    ///
    /// Source: RFC 6265bis, section 4.1.3.2.
    private func name(isSecure: Bool) -> String { (isSecure ? "__Host-" : "") + rawValue }

    /// Returns the value that a request carries, if any.
    func value(in request: Request, isSecure: Bool) -> String? {
        let name = name(isSecure: isSecure)
        for header in request.headers where header.name == "cookie" {
            for pair in header.value.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                // The dashboard never sets a longer value.
                if parts.count == 2, parts[0] == name, parts[1].utf8.count <= 64 { return String(parts[1]) }
            }
        }
        return nil
    }

    /// Returns the Set-Cookie header that sets the cookie.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - isSecure: Whether browsers reach the service over TLS.
    ///   - seconds: The lifetime, or nil until the browser is closed.
    /// - Returns: The value of the header.
    func set(_ value: String, isSecure: Bool, seconds: Int64? = nil) -> String {
        "\(name(isSecure: isSecure))=\(value); Path=/; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
            + (seconds.map { "; Max-Age=\($0)" } ?? "")
    }

    /// Returns the Set-Cookie header that removes the cookie.
    func removed(isSecure: Bool) -> String { set("", isSecure: isSecure, seconds: 0) }
}
