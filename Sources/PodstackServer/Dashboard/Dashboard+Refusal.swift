import PodstackAPI

extension Dashboard {
    /// What is shown in place of a page that cannot be.
    func page(of error: APIError, for request: Request, requestID: String) -> Response {
        let title =
            switch error.status {
            case 403: "Not allowed"
            case 404: "Not found"
            case 405: "No page"
            case 409: "Not possible"
            case 429: "Too many requests"
            case 503: "Not available now"
            case 500...: "Something went wrong"
            default: "Not understood"
            }
        var response = Document(title, session: nil, formKey: "") {
            Element("p") { "\(error.message)." }
            Element("p") { Element("a", .href(Link("/"))) { "Back to the dashboard" } }
            Element("p", .class("hint")) { "Should you ask somebody about it, name this: \(requestID)" }
        }.response(status: error.status)
        response.headers += error.headers
        return response
    }
}
