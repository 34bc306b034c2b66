@testable import PodstackServer

extension PageTour {
    /// The method and the pattern of a route.
    struct Address: CustomStringConvertible {
        let method: Substring
        let pattern: [Substring]

        var description: String { "\(method) /" + pattern.joined(separator: "/") }

        /// Returns whether the route matches a request, which is a method and a path.
        func matches(_ request: String) -> Bool {
            let words = request.split(separator: " ")
            guard words.count == 2, words[0] == method else { return false }
            return PathPattern.parameters(of: words[1].split(separator: "/")[...], in: pattern) != nil
        }
    }

    /// Routes that are not pages: redirects, files and streams.
    private static let noPages = ["GET /", "GET /assets/{name}", "GET /audit-log.csv", "GET /audit-log/events"]

    /// Returns the routes of all pages and forms.
    static func routes(of service: Service) -> [Address] {
        service.dashboard.routes.map { Address(method: $0.method[...], pattern: $0.pattern) }
            .filter { !noPages.contains($0.description) }
    }
}
