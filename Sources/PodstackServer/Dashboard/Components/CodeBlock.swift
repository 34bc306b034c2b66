/// A piece of code with a button that copies it.
struct CodeBlock: Component {
    private let text: String
    private let id: String
    private let name: String
    private let isShownOnce: Bool

    /// Creates a block.
    ///
    /// - Parameters:
    ///   - text: The code.
    ///   - id: The ID of the element with the code.
    ///   - name: What the button copies, for screen readers, such as `the command`.
    ///   - isShownOnce: Whether the script removes the code when the page is left, because it contains a secret.
    init(_ text: String, id: String, name: String, isShownOnce: Bool = false) {
        self.text = text
        self.id = id
        self.name = name
        self.isShownOnce = isShownOnce
    }

    var body: some HTML {
        Element("div", .class("code-block")) {
            Element("pre") { Element("code", .id(id), .flag("data-once", if: isShownOnce)) { text } }
            CopyButton(id: id, name: name)
        }
    }
}

/// A button that copies the text of an element.
///
/// The script displays it, because it does nothing without the script.
struct CopyButton: Component {
    /// The ID of the element.
    let id: String
    /// The name of the copied text, for screen readers.
    let name: String

    var body: some HTML {
        Element("button", .type("button"), .class("quiet"), .data("data-copy", id), .flag("hidden")) {
            "Copy"
            Element("span", .class("visually-hidden")) { " \(name)" }
        }
    }
}

/// Panels of which one is displayed at a time, chosen by radio buttons that look like tabs.
///
/// It works without scripts. Browsers without `:has()` display all panels.
struct Tabs: Component {
    struct Tab {
        var title: String
        var panel: Panel

        init(_ title: String, @HTMLBuilder panel: () -> some HTML) {
            self.title = title
            self.panel = Panel(panel())
        }
    }

    /// The content of a tab, whatever its type is.
    struct Panel: HTML {
        private let writeContent: (inout HTMLOutput) -> Void
        init(_ content: some HTML) { writeContent = { content.write(to: &$0) } }
        func write(to output: inout HTMLOutput) { writeContent(&output) }
    }

    /// The most tabs for which the style sheet has rules.
    static let limit = 6

    private let legend: String
    private let name: String
    private let tabs: [Tab]

    init(_ legend: String, name: String, _ tabs: [Tab]) {
        precondition(tabs.count <= Self.limit)
        self.legend = legend
        self.name = name
        self.tabs = tabs
    }

    var body: some HTML {
        Element("div", .class("tabs")) {
            Element("fieldset") {
                Element("legend", .class("visually-hidden")) { legend }
                Element("div", .class("tab-bar")) {
                    for (index, tab) in tabs.enumerated() {
                        Element("label") {
                            VoidElement(
                                "input", .type("radio"), .class("tab-\(index + 1)"), .name(name), .value(String(index)),
                                .flag("checked", if: index == 0))
                            Element("span") { tab.title }
                        }
                    }
                }
            }
            for (index, tab) in tabs.enumerated() {
                Element("section", .class("panel-\(index + 1)"), .aria("aria-label", tab.title)) { tab.panel }
            }
        }
    }
}
