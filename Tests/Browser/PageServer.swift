import PodstackTestSupport

/// A server for pages of a test.
struct PageServer {
    private let server: WireServer

    /// Starts a server with the HTML for each target, such as `/`, and with headers for every response.
    ///
    /// Each header includes its line end.
    init(_ pages: [String: String], headers: String = "") throws {
        server = try WireServer { request in
            guard let page = pages[request.target] else { return [.response(404, "Not found")] }
            return [.response(headers: "Content-Type: text/html; charset=utf-8\r\n" + headers, page)]
        }
    }

    var url: String { server.url + "/" }

    /// Returns a valid and accessible page with a body.
    static func page(_ title: String, _ body: String, style: String = "") -> String {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <link rel="icon" href="data:,">
        <title>\(title)</title>
        <style>:root { color-scheme: light dark } \(style)</style>
        </head>
        <body><main><h1>\(title)</h1>\(body)</main></body>
        </html>
        """
    }
}
