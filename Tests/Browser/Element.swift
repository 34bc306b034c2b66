import PodstackAPI

/// Something in a page. It is of no use any more when the page has gone.
struct Element {
    let browser: Browser
    let id: String

    /// For ``Browser/execute(_:_:as:)``.
    var reference: JSONValue { [Found.CodingKeys.id.rawValue: .string(id)] }

    /// What a person reads in it.
    var text: String { get throws { try get("text") } }
    /// The text in a field.
    var value: String { get throws { try browser.driver.get(path("property/value")) } }
    var isDisplayed: Bool { get throws { try browser.driver.get(path("displayed")) } }
    var isEnabled: Bool { get throws { try browser.driver.get(path("enabled")) } }
    /// Whether a box is ticked or an option chosen.
    var isSelected: Bool { get throws { try browser.driver.get(path("selected")) } }
    /// What a screen reader calls it.
    var accessibleName: String { get throws { try get("computedlabel") } }
    /// What a screen reader says it is.
    var role: String { get throws { try get("computedrole") } }

    func attribute(_ name: String) throws -> String? { try browser.driver.get(path("attribute/\(name)")) }

    /// Waits for a page that this leads to.
    func click() throws { try browser.driver.post(path("click")) }
    func clear() throws { try browser.driver.post(path("clear")) }
    /// After what is there already; ``Key`` has those that are no letters.
    func type(_ text: String) throws { try browser.driver.post(path("value"), ["text": .string(text)]) }

    /// As a person would: presses the form's first button, or the enter key in a field.
    func submit() throws {
        if try get("name") == "form" {
            try find("button:not([type]), [type=submit]").click()
        } else {
            try type(Key.enter)
        }
    }

    /// The first inside it.
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

/// As the protocol writes those.
enum Key {
    static let tab = "\u{E004}"
    static let enter = "\u{E007}"
    static let escape = "\u{E00C}"
    static let space = " "
    static let right = "\u{E014}"
}
