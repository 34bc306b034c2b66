import PodstackCryptography

/// A cookie of the dashboard.
struct Cookie: Sendable {
    /// The secret of a session.
    static let session = Cookie(name: "podstack_session")
    /// A random value that ties forms to the browser of a client that is not signed in.
    static let browser = Cookie(name: "podstack_visitor")

    /// Returns the cookie that holds the secret of a sign-in link while its form is open.
    ///
    /// Each link has its own cookie, so that several links can be open at once.
    ///
    /// - Parameter handle: The ``SignInLinkHandle`` of the link.
    /// - Returns: The cookie, which browsers send only to the page of the link.
    static func link(_ handle: String) -> Cookie { Cookie(name: "podstack_link_" + handle, path: "/welcome") }

    private var name: String
    /// The path below which browsers send the cookie.
    private var path = "/"

    /// Returns the name of the cookie.
    ///
    /// With the prefix, no unencrypted response can set it, and with `__Host-` no other host either.
    ///
    /// Source: RFC 6265bis, section 4.1.3.
    private func name(isSecure: Bool) -> String {
        (isSecure ? path == "/" ? "__Host-" : "__Secure-" : "") + name
    }

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
        "\(name(isSecure: isSecure))=\(value); Path=\(path); HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
            + (seconds.map { "; Max-Age=\($0)" } ?? "")
    }

    /// Returns the Set-Cookie header that removes the cookie.
    func removed(isSecure: Bool) -> String { set("", isSecure: isSecure, seconds: 0) }
}

/// The name of a sign-in link in the URL of its form, which reveals nothing of its secret.
enum SignInLinkHandle {
    /// Returns the handle of a link.
    static func derive(from secret: OneTimeSecret) -> String {
        Sodium.hmacSHA256(Array("sign-in link".utf8), key: Array(secret.text.utf8)).prefix(8).hexadecimal
    }

    /// Returns whether text from a URL has the form of a handle.
    static func isValid(_ text: String) -> Bool {
        text.utf8.count == 16
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
