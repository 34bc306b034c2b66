/// A highlighted sentence at the top of a page.
///
/// Screen readers announce it.
struct Notice: Component {
    enum Kind { case done, warning, problem }

    let kind: Kind
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    var body: some HTML {
        Element("p", .class(classes), .role(kind == .problem ? "alert" : "status")) { text }
    }

    private var classes: String {
        switch kind {
        case .done: "notice done"
        case .warning: "notice warning"
        case .problem: "notice problem"
        }
    }
}

/// An entry of a description list (`dl`).
struct Fact<Content: HTML>: Component {
    private let title: String
    private let content: Content

    init(_ title: String, @HTMLBuilder content: () -> Content) {
        self.title = title
        self.content = content()
    }

    var body: some HTML {
        Element("dt") { title }
        Element("dd") { content }
    }
}

/// A link to the next page of a list, if there is one.
struct MoreLink: Component {
    let link: Link?
    let text: String

    var body: some HTML {
        if let link {
            Element("p", .class("pager")) { LinkButton(text, .quiet, to: link) }
        }
    }
}

/// The buttons of a page that asks for confirmation.
struct Confirmation: Component {
    let action: Link
    let confirmLabel: String
    let cancelLink: Link
    let exchange: PageExchange
    var style = Button.Style.danger

    var body: some HTML {
        Element("form", .class("confirmation"), .method("post"), .action(action)) {
            FormKeyField(exchange)
            Button(confirmLabel, style)
            LinkButton("Cancel", .quiet, to: cancelLink)
        }
    }
}
