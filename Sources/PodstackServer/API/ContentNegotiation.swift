/// Decides whether a client accepts a content type.
///
/// Source: RFC 9110, section 12.5.1.
enum ContentNegotiation {
    /// Returns whether the request's `Accept` header allows a type, such as `application/json`.
    static func accepts(_ type: String, _ request: Request) -> Bool {
        guard let accept = request.header("accept"), accept != "*/*", accept != type else { return true }
        let family = type.prefix { $0 != "/" } + "/*"
        return accept.split(separator: ",").contains { choice in
            let parts = choice.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            let isExcluded = parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
            return !isExcluded && ["*/*", String(family), type].contains(parts.first)
        }
    }
}
