import PodstackAPI

/// A user who only has a keyboard.
struct Keyboard {
    let browser: Browser

    /// Presses and releases each key.
    func press(_ keys: String) throws {
        let actions = keys.flatMap { key -> [JSONValue] in
            ["keyDown", "keyUp"].map { ["type": .string($0), "value": .string(String(key))] }
        }
        let source: JSONValue = ["type": "key", "id": "keyboard", "actions": .array(actions)]
        try browser.driver.post("/actions", ["actions": .array([source])])
    }

    /// Presses Tab until the element with this accessible name has the focus.
    func tab(to name: String) throws {
        var passed: [String] = []
        for _ in 0..<60 {
            try press(Key.tab)
            let found = try browser.focused
            let foundName = try found.accessibleName
            if foundName == name {
                guard try isSeen(found) else {
                    throw BrowserFailure(description: "the focus on “\(name)” is not visible")
                }
                return
            }
            passed.append(foundName)
        }
        throw BrowserFailure(description: "the Tab key does not reach “\(name)”, only \(passed)")
    }

    /// Returns whether an element is on the screen and has a focus outline.
    private func isSeen(_ element: Element) throws -> Bool {
        try browser.execute(
            """
            const style = getComputedStyle(arguments[0]), box = arguments[0].getBoundingClientRect();
            return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
                && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
            """, [element.reference], as: Bool.self)
    }
}
