import PodstackCryptography

/// The hidden field that a form must bring back: only a page of this service, in the same browser, can know it.
enum FormKey {
    static let field = "form_key"

    /// - Parameter cookie: What the browser shows by itself: the session's secret, or the visitor's.
    static func make(for cookie: String) -> String {
        Sodium.hmacSHA256(Array("form".utf8), key: Array(cookie.utf8)).prefix(16).hexadecimal
    }

    static func check(_ form: Form, _ request: Request, cookie: String?, origin: String) throws {
        guard let cookie, Sodium.constantTimeEqual(Array(form[field].utf8), Array(make(for: cookie).utf8)),
            isOwn(request, origin)
        else {
            throw ErrorResponse(
                status: 403, code: .accessDenied,
                message: "The form did not come from a page of this service, or the page was too old: go back, load it "
                    + "again, and send it again")
        }
    }

    /// Browsers say where a form comes from; old ones and programs do not, and have the key to show.
    /// Source: Fetch Metadata Request Headers, section 2.3; RFC 6454, section 7.
    private static func isOwn(_ request: Request, _ origin: String) -> Bool {
        if let site = request.header("sec-fetch-site"), site != "same-origin" { return false }
        guard let sender = request.header("origin") else { return true }
        return sender.lowercased() == origin.lowercased()
    }
}
