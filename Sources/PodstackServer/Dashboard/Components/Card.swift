/// A framed part of a page.
struct Card<Content: HTML>: Component {
    private let classes: String
    private let content: Content

    /// Creates a card.
    ///
    /// - Parameters:
    ///   - isDangerous: Whether the card's actions cannot be undone.
    ///   - content: The content of the card.
    init(isDangerous: Bool = false, @HTMLBuilder content: () -> Content) {
        classes = isDangerous ? "card danger-zone" : "card"
        self.content = content()
    }

    var body: some HTML { Element("div", .class(classes)) { content } }
}

/// A card whose content is a form.
struct FormCard<Content: HTML>: Component {
    private let action: Link
    private let formKey: String
    private let content: Content

    init(_ action: Link, _ exchange: PageExchange, @HTMLBuilder content: () -> Content) {
        self.action = action
        formKey = exchange.formKey
        self.content = content()
    }

    var body: some HTML {
        Element("form", .class("card"), .method("post"), .action(action)) {
            FormKeyField(formKey)
            content
        }
    }
}

/// A word about the state of something.
struct Badge: Component {
    enum Kind { case neutral, good, warning, bad }

    private let text: String
    private let kind: Kind

    init(_ text: String, _ kind: Kind = .neutral) {
        self.text = text
        self.kind = kind
    }

    var body: some HTML { Element("span", .class(classes)) { text } }

    private var classes: String {
        switch kind {
        case .neutral: "badge"
        case .good: "badge good"
        case .warning: "badge warn"
        case .bad: "badge bad"
        }
    }
}

/// The content of a list while it is empty: a sentence, an action and a snippet that does the same.
struct EmptyState: Component {
    private let title: String
    private let text: String
    private let action: (label: String, link: Link)?
    private let snippet: String?

    init(_ title: String, _ text: String, action: (label: String, link: Link)? = nil, snippet: String? = nil) {
        self.title = title
        self.text = text
        self.action = action
        self.snippet = snippet
    }

    var body: some HTML {
        Element("div", .class("card empty")) {
            Element("p", .class("title")) { title }
            Element("p") { text }
            if let action { Element("p", .class("buttons")) { LinkButton(action.label, to: action.link) } }
            if let snippet { CodeBlock(snippet, id: "empty-snippet", name: "the command") }
        }
    }
}
