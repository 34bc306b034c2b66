import PodstackAPI

/// An element of a page.
///
/// It becomes invalid when the page is left.
struct Element {
    let browser: Browser
    let id: String

    /// The element as an argument of ``Browser/execute(_:_:as:)``.
    var reference: JSONValue { [Found.CodingKeys.id.rawValue: .string(id)] }

    /// The visible text.
    var text: String { get throws { try get("text") } }
    /// The value of a field.
    var value: String { get throws { try browser.driver.get(path("property/value")) } }
    var isDisplayed: Bool { get throws { try browser.driver.get(path("displayed")) } }
    var isEnabled: Bool { get throws { try browser.driver.get(path("enabled")) } }
    /// Whether a checkbox is checked or an option is selected.
    var isSelected: Bool { get throws { try browser.driver.get(path("selected")) } }
    /// The name that screen readers announce.
    var accessibleName: String { get throws { try get("computedlabel") } }
    /// The role that screen readers announce.
    var role: String { get throws { try get("computedrole") } }

    func attribute(_ name: String) throws -> String? { try browser.driver.get(path("attribute/\(name)")) }

    /// Clicks the element, and waits for the page that this loads.
    func click() throws { try browser.driver.post(path("click")) }
    func clear() throws { try browser.driver.post(path("clear")) }
    /// Types a text at the end of the current value; ``Key`` has special keys.
    func type(_ text: String) throws { try browser.driver.post(path("value"), ["text": .string(text)]) }

    /// Submits a form with its first button, or with the Enter key in a field.
    func submit() throws {
        if try get("name") == "form" {
            try find("button:not([type]), [type=submit]").click()
        } else {
            try type(Key.enter)
        }
    }

    /// Returns the first descendant that matches a selector.
    func find(_ css: String) throws -> Element {
        let found = try browser.driver.post(path("element"), Found.css(css), as: Found.self)
        return Element(browser: browser, id: found.id)
    }

    func findAll(_ css: String) throws -> [Element] {
        try browser.driver.post(path("elements"), Found.css(css), as: [Found].self).map {
            Element(browser: browser, id: $0.id)
        }
    }

    private func get(_ name: String) throws -> String { try browser.driver.get(path(name)) }
    private func path(_ rest: String) -> String { "/element/\(id)/\(rest)" }
}

/// Special keys, as the protocol encodes them.
enum Key {
    static let tab = "\u{E004}"
    static let enter = "\u{E007}"
    static let escape = "\u{E00C}"
    static let space = " "
    static let right = "\u{E014}"
}
