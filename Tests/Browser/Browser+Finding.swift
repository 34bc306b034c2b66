import PodstackAPI

extension Browser {
    /// Waits for the first element that matches a selector.
    ///
    /// To check that there is none, use ``findAll(_:)``, which does not wait.
    func find(_ css: String) throws -> Element { try first(Found.css(css), css) }

    /// Returns the elements that match a selector now.
    func findAll(_ css: String) throws -> [Element] {
        try driver.post("/elements", Found.css(css), as: [Found].self).map { Element(browser: self, id: $0.id) }
    }

    /// Returns the link with this text.
    func link(_ text: String) throws -> Element {
        try first(Found.xpath("//a[normalize-space(.)=\(Found.quoted(text))]"), "the link “\(text)”")
    }

    func button(_ text: String) throws -> Element {
        try first(Found.xpath("//button[normalize-space(.)=\(Found.quoted(text))]"), "the button “\(text)”")
    }

    /// Returns the field with this label, which refers to the field or encloses it.
    func field(_ label: String) throws -> Element {
        let labelled = "//label[normalize-space(.)=\(Found.quoted(label))]"
        let fields = "self::input or self::select or self::textarea"
        return try first(
            Found.xpath("//*[\(fields)][@id=\(labelled)/@for] | \(labelled)//*[\(fields)]"), "the field “\(label)”")
    }

    /// The element with the focus.
    var focused: Element {
        get throws { Element(browser: self, id: try driver.get("/element/active", as: Found.self).id) }
    }

    private func first(_ how: JSONValue, _ what: String) throws -> Element {
        var found: Found?
        try wait(for: what) {
            found = try driver.post("/element", how, as: Found.self)
            return true
        }
        guard let found else { throw BrowserFailure(description: "no \(what)") }
        return Element(browser: self, id: found.id)
    }
}
