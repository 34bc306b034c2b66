/// The fields of a form that was sent, `application/x-www-form-urlencoded`.
struct Form: Sendable {
    private let fields: [(name: String, value: String)]

    static let empty = Form(fields: [])

    /// Throws when the body is no form.
    init(_ request: Request) throws {
        let type = request.header("content-type")?.prefix { $0 != ";" }.lowercased()
        guard type == "application/x-www-form-urlencoded" else {
            throw ErrorResponse(
                status: 415, code: .unsupportedMediaType, message: "A form is sent as application/x-www-form-urlencoded"
            )
        }
        guard let text = String(validating: request.body, as: UTF8.self) else {
            throw ErrorResponse.badRequest("The form is not UTF-8")
        }
        // The same encoding as that of a query.
        let target = RequestTarget("/?" + text)
        guard !target.isMalformed else { throw ErrorResponse.badRequest("The form is not encoded as one") }
        fields = target.query
    }

    private init(fields: [(name: String, value: String)]) { self.fields = fields }

    /// Empty when it was not sent.
    subscript(_ name: String) -> String { fields.first { $0.name == name }?.value ?? "" }

    /// Of a field that can be sent more than once, such as a row of boxes.
    func all(_ name: String) -> [String] { fields.filter { $0.name == name }.map(\.value) }

    func has(_ name: String) -> Bool { fields.contains { $0.name == name } }
}
