/// The pages of the dashboard, as ``RequestHandler`` sees them.
protocol PageHandler: Sendable {
    /// Returns whether a path belongs to the pages and not to the API.
    func owns(_ path: String) -> Bool
    /// Returns the response to a request whose path the pages own.
    func respond(to request: Request) throws -> Response
    /// Returns whether an error is displayed as a page and not as JSON.
    func shows(_ error: ErrorResponse, to request: Request) -> Bool
    /// Returns the page that displays an error.
    func page(of error: ErrorResponse, for request: Request, requestID: String) -> Response
}
