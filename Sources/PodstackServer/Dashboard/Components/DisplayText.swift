import PodstackAPI

/// Names of programs, from their User-Agent headers.
enum UserAgent {
    private static let browsers = [
        ("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"),
    ]
    private static let systems = [
        ("Windows", "Windows"), ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Mac OS", "macOS"),
        ("Linux", "Linux"),
    ]

    /// Returns whether a program runs on a phone or a tablet.
    static func isPhone(_ header: String?) -> Bool {
        ["Android", "iPhone", "iPad", "Mobile"].contains { header?.contains($0) ?? false }
    }

    /// Returns a name such as `Firefox on Linux`, or the beginning of the header if it names no known browser.
    static func name(_ header: String?) -> String {
        guard let header, !header.isEmpty else { return "Unknown" }
        guard let browser = browsers.first(where: { header.contains($0.0) })?.1 else {
            return String(Origin.limitedUserAgent(header).prefix(60))
        }
        let system = systems.first { header.contains($0.0) }?.1
        return system.map { "\(browser) on \($0)" } ?? browser
    }
}

/// Text that one person wrote, inside a sentence of the service.
enum Isolated {
    /// Returns a text that does not change the order of the sentence around it, whatever its direction is.
    ///
    /// An element around the text needs no such characters: the style sheet isolates elements. Text of a direction that
    /// cannot differ stays as it is.
    ///
    /// Source: Unicode Standard Annex 9, section 2.7.
    static func text(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0.value >= 0x590 }) else { return text }
        // Rows of earlier releases may contain characters that would end the isolation.
        let scalars = text.unicodeScalars.map { $0.properties.isBidiControl ? "\u{FFFD}" : $0 }
        return "\u{2068}" + String(String.UnicodeScalarView(scalars)) + "\u{2069}"
    }
}

extension Scope {
    private static let verbs = ["create": "Create", "read": "View", "update": "Change", "delete": "Delete"]
    private static let nouns = [
        "projects": "projects", "members": "project members", "pods": "pods", "tokens": "API tokens",
        "audit-logs": "the audit log", "volumes": "volumes", "billing": "usage and balance",
    ]

    /// The scope in plain words, such as `View projects`.
    var displayText: String {
        guard let resource else { return "Everything that you can do" }
        let noun = Self.nouns[resource] ?? resource
        guard let action else { return "Create, view, change and delete \(noun)" }
        return "\(Self.verbs[action] ?? action) \(noun)"
    }
}

extension Scope {
    /// Returns what some scopes allow, as the end of a sentence: `view projects, and create and delete pods`.
    static func phrase(for scopes: [Scope]) -> String {
        if scopes.contains(.all) { return "do everything that you can do" }
        // Resources with the same actions are named together.
        var groups: [(verbs: [String], nouns: [String])] = []
        for resource in resources {
            let actions = scopes.filter { $0.resource == resource }.compactMap(\.action)
            guard !scopes.filter({ $0.resource == resource }).isEmpty else { continue }
            let isEvery = scopes.contains { $0.resource == resource && $0.action == nil }
            let verbs = Self.actions.filter { isEvery || actions.contains($0) }.compactMap {
                Self.verbs[$0]?.lowercased()
            }
            let noun = nouns[resource] ?? resource
            if let index = groups.firstIndex(where: { $0.verbs == verbs }) {
                groups[index].nouns.append(noun)
            } else {
                groups.append((verbs, [noun]))
            }
        }
        let parts = groups.map { list($0.verbs) + " " + list($0.nouns) }
        return parts.count > 1
            ? parts.dropLast().joined(separator: ", ") + ", and " + (parts.last ?? "") : parts.first ?? "do nothing"
    }

    private static func list(_ words: [String]) -> String {
        words.count > 1 ? words.dropLast().joined(separator: ", ") + " and " + (words.last ?? "") : words.first ?? ""
    }
}

extension Role {
    /// The role with its permissions, such as `user: read, update`.
    var displayText: String {
        switch self {
        case .admin: "admin"
        case .user: "user: " + (permissions.isEmpty ? "no permissions" : permissions.joined(separator: ", "))
        }
    }
}

/// Sentences about rate limits.
enum RetryText {
    /// Returns a sentence about a limit, followed by the time to wait.
    ///
    /// - Parameters:
    ///   - reason: What there was too much of, as a sentence.
    ///   - seconds: The seconds to wait.
    /// - Returns: Two sentences.
    static func sentence(_ reason: String, seconds: Int64) -> String {
        "\(reason) Try again in \(seconds) second\(seconds == 1 ? "" : "s")."
    }
}
