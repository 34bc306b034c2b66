/// The cookies of the dashboard: what a browser shows of who is signed in, and whose forms are whose.
enum Cookie: String {
    /// Holds a session's secret.
    case session = "podstack_session"
    /// Ties forms to the browser of somebody who is not signed in.
    case visitor = "podstack_visitor"

    /// Under TLS no other host, and nothing without TLS, can set one of that name.
    /// Source: RFC 6265bis, section 4.1.3.2.
    private func name(isSecure: Bool) -> String { (isSecure ? "__Host-" : "") + rawValue }

    func value(in request: Request, isSecure: Bool) -> String? {
        let name = name(isSecure: isSecure)
        for header in request.headers where header.name == "cookie" {
            for pair in header.value.split(separator: ";") {
                let parts = pair.drop { $0 == " " }.split(separator: "=", maxSplits: 1)
                // Anything longer is none of ours.
                if parts.count == 2, parts[0] == name, parts[1].utf8.count <= 64 { return String(parts[1]) }
            }
        }
        return nil
    }

    /// - Parameter lasts: Seconds; nil until the browser is closed.
    func set(_ value: String, isSecure: Bool, lasts: Int64? = nil) -> String {
        "\(name(isSecure: isSecure))=\(value); Path=/; HttpOnly; SameSite=Lax\(isSecure ? "; Secure" : "")"
            + (lasts.map { "; Max-Age=\($0)" } ?? "")
    }

    func removed(isSecure: Bool) -> String { set("", isSecure: isSecure, lasts: 0) }
}
