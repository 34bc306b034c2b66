@testable import PodstackServer

extension PageTour {
    /// A method and the pattern of a path, as the list of pages has it.
    struct Address: CustomStringConvertible {
        let method: Substring
        let pattern: [Substring]

        var description: String { "\(method) /" + pattern.joined(separator: "/") }

        /// - Parameter request: A method and a path.
        func matches(_ request: String) -> Bool {
            let words = request.split(separator: " ")
            guard words.count == 2, words[0] == method else { return false }
            return PathPattern.parameters(of: words[1].split(separator: "/")[...], in: pattern) != nil
        }
    }

    /// Those that are not looked at: they lead elsewhere, or are files.
    private static let noPages = ["GET /", "GET /assets/{name}", "GET /audit-log.csv", "GET /audit-log/events"]

    /// Every page and everything that a form is sent to.
    static func routes(of service: Service) -> [Address] {
        service.dashboard.routes.map { Address(method: $0.method[...], pattern: $0.pattern) }
            .filter { !noPages.contains($0.description) }
    }
}
