import PodstackAPI
import PodstackCryptography

/// The fields of a submitted form, encoded as `application/x-www-form-urlencoded`.
struct Form: Sendable {
    private let fields: [(name: String, value: String)]
    /// The groups of checkboxes, whose fields have the same name.
    private static let groups: Set<String> = ["permissions", "project", "scope"]

    static let empty = Form(fields: [])

    /// Reads the form from the body of a request.
    ///
    /// - Parameter request: The request.
    /// - Throws: ``ErrorResponse`` if the body is not a form, or ``Request/Repeated`` if it has a field twice.
    init(_ request: Request) throws {
        let type = try request.onlyHeader("Content-Type")?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            throw ErrorResponse(
                status: 415, code: .unsupportedMediaType,
                message: "The Content-Type of a form must be application/x-www-form-urlencoded")
        }
        guard let text = String(validating: request.body, as: UTF8.self) else {
            throw ErrorResponse.badRequest("The form is not valid UTF-8")
        }
        // Forms are encoded like query strings.
        let target = RequestTarget("/?" + text)
        guard !target.isMalformed else { throw ErrorResponse.badRequest("The form is not URL-encoded correctly") }
        fields = target.query
        try Self.checkNames(of: fields, kind: "field", except: Self.groups)
    }

    /// Throws if two of the fields have the same name, unless they belong to a group.
    static func checkNames(
        of fields: [(name: String, value: String)], kind: String, except groups: Set<String> = []
    ) throws(Request.Repeated) {
        var names: Set<String> = []
        for (name, _) in fields where !groups.contains(name) {
            guard names.insert(name).inserted else { throw Request.Repeated(kind: kind, name: name) }
        }
    }

    private init(fields: [(name: String, value: String)]) { self.fields = fields }

    /// Returns the value of a field, or an empty string if the form does not contain it.
    subscript(_ name: String) -> String { fields.first { $0.name == name }?.value ?? "" }

    /// Returns all values of a field that can occur several times, such as a group of checkboxes.
    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }
}

// MARK: - Form key

/// The value of a hidden field that protects forms against cross-site request forgery.
///
/// It is derived from a cookie, so only a page that this service sent to the same browser contains it.
enum FormKey {
    static let field = "form_key"

    /// Returns the key that belongs to a cookie.
    static func derive(from cookie: String) -> String {
        Sodium.hmacSHA256(Array("form".utf8), key: Array(cookie.utf8)).prefix(16).hexadecimal
    }

    /// Throws if the form does not contain the key of the cookie, or if the request comes from another site.
    static func check(_ form: Form, _ request: Request, cookie: String?, origin: String) throws {
        guard let cookie, Sodium.constantTimeEqual(Array(form[field].utf8), Array(derive(from: cookie).utf8)),
            try isSameOrigin(request, origin)
        else {
            throw ErrorResponse(
                status: 403, code: .accessDenied,
                message: "This form has expired, or it was not sent from a page of this service; go back, reload the "
                    + "page and submit the form again")
        }
    }

    /// Returns whether the request's headers allow that the form comes from this service.
    ///
    /// Old browsers and programs send neither header; for them, the key alone decides.
    ///
    /// Source: Fetch Metadata Request Headers, section 2.3; RFC 6454, section 7.
    private static func isSameOrigin(_ request: Request, _ origin: String) throws(Request.Repeated) -> Bool {
        if let site = try request.onlyHeader("Sec-Fetch-Site"), site != "same-origin" { return false }
        guard let sender = try request.onlyHeader("Origin") else { return true }
        return sender.lowercased() == origin.lowercased()
    }
}

/// The hidden field with the form key; required in every form that posts.
struct FormKeyField: HTML {
    private let key: String
    init(_ key: String) { self.key = key }
    init(_ exchange: PageExchange) { key = exchange.formKey }

    func write(to output: inout HTMLOutput) {
        VoidElement("input", .type("hidden"), .name(FormKey.field), .value(key)).write(to: &output)
    }
}
