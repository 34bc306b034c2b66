/// A box or a button of a group, with what it says beside it.
struct Choice: Component {
    enum Kind: Equatable { case oneOf, anyOf }

    private let label: String
    private let hint: String?
    private let attributes: [Attribute]

    init(
        _ kind: Kind, _ label: String, name: String, value: String, hint: String? = nil, isChosen: Bool,
        _ attributes: Attribute...
    ) {
        self.label = label
        self.hint = hint
        self.attributes =
            [
                .type(kind == .oneOf ? "radio" : "checkbox"), .name(name), .value(value),
                .flag("checked", if: isChosen),
            ] + attributes
    }

    var body: some HTML {
        Element("label", .class("choice")) {
            VoidElement("input", attributes)
            Element("span") {
                label
                if let hint { Element("span", .class("hint")) { hint } }
            }
        }
    }
}

/// Choices that belong together, under what they are about.
struct ChoiceGroup<Content: HTML>: Component {
    private let legend: String
    private let name: String
    private let problem: String?
    private let content: Content

    init(_ legend: String, name: String, problem: String? = nil, @HTMLBuilder content: () -> Content) {
        self.legend = legend
        self.name = name
        self.problem = problem
        self.content = content()
    }

    var body: some HTML {
        Element("fieldset", problem == nil ? [] : [.aria("aria-describedby", "\(name)-problem")]) {
            Element("legend") { legend }
            if let problem { Element("p", .class("field-problem"), .id("\(name)-problem")) { problem } }
            content
        }
    }
}
