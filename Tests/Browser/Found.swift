import PodstackAPI

/// An element as the protocol encodes it, with the ways to find one.
struct Found: Decodable {
    var id: String

    enum CodingKeys: String, CodingKey {
        case id = "element-6066-11e4-a52e-4f735466cecf"
    }

    static func css(_ selector: String) -> JSONValue { ["using": "css selector", "value": .string(selector)] }
    static func xpath(_ path: String) -> JSONValue { ["using": "xpath", "value": .string(path)] }

    /// Returns a text as an XPath string, which has no escapes.
    static func quoted(_ text: String) -> String { text.contains("'") ? "\"\(text)\"" : "'\(text)'" }
}
