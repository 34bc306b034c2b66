import PodstackAPI

/// Somebody with a keyboard and nothing else.
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

    /// Goes on to what has this name, as a screen reader would say it.
    func tab(to name: String) throws {
        var passed: [String] = []
        for _ in 0..<60 {
            try press(Key.tab)
            let found = try browser.focused
            let foundName = try found.accessibleName
            if foundName == name {
                guard try isSeen(found) else {
                    throw BrowserFailure(description: "one cannot see that “\(name)” is on")
                }
                return
            }
            passed.append(foundName)
        }
        throw BrowserFailure(description: "the tab key does not lead to “\(name)”, but to \(passed)")
    }

    /// Whether it is marked as what has the keyboard, and on the screen.
    private func isSeen(_ element: Element) throws -> Bool {
        try browser.execute(
            """
            const style = getComputedStyle(arguments[0]), box = arguments[0].getBoundingClientRect();
            return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0
                && box.bottom > 0 && box.right > 0 && box.top < innerHeight && box.left < innerWidth;
            """, [element.reference], as: Bool.self)
    }
}
