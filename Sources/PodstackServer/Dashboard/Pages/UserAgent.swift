/// What people call the program that names itself so.
enum UserAgent {
    private static let browsers = [
        ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ]
    private static let systems = [
        ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]

    static func name(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return "unknown" }
        guard let browser = browsers.first(where: { text.contains($0.0) })?.1 else { return String(text.prefix(60)) }
        let system = systems.first { text.contains($0.0) }?.1
        return system.map { "\(browser) on \($0)" } ?? browser
    }
}
