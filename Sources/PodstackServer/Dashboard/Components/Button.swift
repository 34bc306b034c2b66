/// A button that sends its form.
struct Button: Component {
    enum Style {
        /// The main action of a page, of which there is one.
        case primary
        case quiet
        /// An action that cannot be undone, on the page that asks for confirmation.
        case danger
        /// A step toward an action that cannot be undone.
        case quietDanger

        fileprivate var attributes: [Attribute] {
            switch self {
            case .primary: []
            case .quiet: [.class("quiet")]
            case .danger: [.class("danger")]
            case .quietDanger: [.class("quiet danger")]
            }
        }

        fileprivate var linkClass: String {
            switch self {
            case .primary: "button"
            case .quiet: "button quiet"
            case .danger: "button danger"
            case .quietDanger: "button quiet danger"
            }
        }
    }

    private let label: String
    private let target: String?
    private let style: Style
    private let attributes: [Attribute]

    /// Creates a button.
    ///
    /// - Parameters:
    ///   - label: The text, which begins with a verb.
    ///   - target: What the action applies to, for screen readers, if several buttons of a page have the same label.
    ///   - style: The weight of the button.
    ///   - attributes: Further attributes, such as a name and a value.
    init(_ label: String, of target: String? = nil, _ style: Style = .primary, _ attributes: Attribute...) {
        self.label = label
        self.target = target
        self.style = style
        self.attributes = attributes
    }

    var body: some HTML {
        Element("button", [.type("submit")] + style.attributes + attributes) {
            ButtonLabel(label: label, target: target)
        }
    }
}

/// A link that looks like a button, because it begins an action on another page.
struct LinkButton: Component {
    private let label: String
    private let target: String?
    private let style: Button.Style
    private let link: Link

    init(_ label: String, of target: String? = nil, _ style: Button.Style = .primary, to link: Link) {
        self.label = label
        self.target = target
        self.style = style
        self.link = link
    }

    var body: some HTML {
        Element("a", .class(style.linkClass), .href(link)) { ButtonLabel(label: label, target: target) }
    }
}

private struct ButtonLabel: Component {
    let label: String
    let target: String?

    var body: some HTML {
        label
        if let target { Element("span", .class("visually-hidden")) { " \(target)" } }
    }
}
