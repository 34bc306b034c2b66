/// Whether a client takes what there is. Source: RFC 9110, section 12.5.1.
enum ContentNegotiation {
    /// - Parameter type: Such as `application/json`.
    static func accepts(_ type: String, _ request: Request) -> Bool {
        guard let accept = request.header("accept"), accept != "*/*", accept != type else { return true }
        let family = type.prefix { $0 != "/" } + "/*"
        return accept.split(separator: ",").contains { choice in
            let parts = choice.split(separator: ";").map { $0.filter { $0 != " " && $0 != "\t" }.lowercased() }
            let isRefused = parts.dropFirst().contains { $0.hasPrefix("q=") && Double($0.dropFirst(2)) == 0 }
            return !isRefused && ["*/*", String(family), type].contains(parts.first)
        }
    }
}
