import PodstackTestSupport

/// Serves a few pages that a test wrote.
struct PageServer {
    private let server: WireServer

    /// - Parameters:
    ///   - pages: HTML for each target, such as `/`.
    ///   - headers: Of every answer, each line with its end.
    init(_ pages: [String: String], headers: String = "") throws {
        server = try WireServer { request in
            guard let page = pages[request.target] else { return [.answer(404, "Not found")] }
            return [.answer(headers: "Content-Type: text/html; charset=utf-8\r\n" + headers, page)]
        }
    }

    var url: String { server.url + "/" }

    /// A page that is right in all ways, around `body`.
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
