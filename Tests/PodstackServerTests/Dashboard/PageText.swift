import PodstackTestSupport

struct MissingFromPage: Error { var what: String }

/// The text of a page.
extension TestResponse {
    /// Returns the value of the first input with a name.
    func field(_ name: String) throws -> String {
        guard let start = body.firstRange(of: "name=\"\(name)\" value=\"")?.upperBound else {
            throw MissingFromPage(what: "the field \(name), and the status is \(status)")
        }
        return String(body[start...].prefix { $0 != "\"" })
    }

    /// The secret that the page shows.
    var secret: String {
        get throws {
            guard let start = body.firstRange(of: "<code id=\"token\" data-once>")?.upperBound else {
                throw MissingFromPage(what: "a secret, and the status is \(status)")
            }
            return String(body[start...].prefix { $0 != "<" })
        }
    }

    /// Returns whether the page contains a text outside of its tags.
    func says(_ text: String) -> Bool { withoutTags.contains(text) }

    /// The text of the page without its tags.
    var withoutTags: String { Self.withoutTags(body) }

    /// Returns the text of every element whose start tag begins with `start`.
    func texts(_ start: String, until end: String) -> [String] {
        body.components(after: start, until: end).map { Self.withoutTags($0, beginsInTag: true) }
    }

    private static func withoutTags(_ text: String, beginsInTag: Bool = false) -> String {
        var (result, isInTag) = ("", beginsInTag)
        for character in text {
            switch character {
            case "<": isInTag = true
            case ">": isInTag = false
            case _ where !isInTag: result.append(character)
            default: break
            }
        }
        return result
    }
}

extension String {
    fileprivate func components(after start: String, until end: String) -> [String] {
        var found: [String] = []
        var rest = self[...]
        while let begin = rest.firstRange(of: start) {
            rest = rest[begin.upperBound...]
            guard let close = rest.firstRange(of: end) else { break }
            found.append(String(rest[..<close.lowerBound]))
            rest = rest[close.upperBound...]
        }
        return found
    }
}
