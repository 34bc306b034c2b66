import PodstackAPI

extension Dashboard {
    /// What is shown in place of a page that cannot be. Whoever is signed in keeps the navigation.
    func page(of error: ErrorResponse, for request: Request, requestID: String) -> Response {
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
        let visitor = visitor(of: request, after: error)
        var response = Document(title, session: visitor?.session, formKey: visitor?.formKey ?? "") {
            Element("div", .class("card narrow")) {
                Element("p") { "\(error.message)." }
                Element("p") { Element("a", .class("button"), .href(Link("/"))) { "Back to the dashboard" } }
                Element("p", .class("hint")) {
                    "If you ask for help, tell this request ID: "
                    Element("code") { requestID }
                }
            }
        }.response(status: error.status)
        response.headers += error.headers
        return response
    }
}
