/// A labeled input with an optional hint and the problem with its last value.
struct Field: Component {
    let label: String
    let name: String
    let value: String
    let hint: String?
    let problem: String?
    let attributes: [Attribute]

    init(
        _ label: String, name: String, value: String = "", hint: String? = nil, problem: String? = nil,
        _ attributes: Attribute...
    ) {
        self.label = label
        self.name = name
        self.value = value
        self.hint = hint
        self.problem = problem
        self.attributes = attributes
    }

    var body: some HTML {
        FieldFrame(label, name, hint, problem) { VoidElement("input", $0 + [.value(value)] + attributes) }
    }
}

/// A labeled list of options of which one is chosen.
struct SelectField: Component {
    typealias Option = (value: String, text: String)

    private let label: String
    private let name: String
    private let value: String
    private let options: [Option]
    private let hint: String?
    private let problem: String?

    init(
        _ label: String, name: String, value: String, _ options: [Option], hint: String? = nil, problem: String? = nil
    ) {
        self.label = label
        self.name = name
        self.value = value
        self.options = options
        self.hint = hint
        self.problem = problem
    }

    var body: some HTML {
        FieldFrame(label, name, hint, problem) { frame in
            Element("select", frame) {
                for option in options {
                    Element("option", .value(option.value), .flag("selected", if: option.value == value)) {
                        option.text
                    }
                }
            }
        }
    }
}

/// A labeled field for several lines of text.
struct TextArea: Component {
    private let label: String
    private let name: String
    private let value: String
    private let hint: String?
    private let problem: String?
    private let attributes: [Attribute]

    init(
        _ label: String, name: String, value: String = "", hint: String? = nil, problem: String? = nil,
        _ attributes: Attribute...
    ) {
        self.label = label
        self.name = name
        self.value = value
        self.hint = hint
        self.problem = problem
        self.attributes = attributes
    }

    var body: some HTML {
        FieldFrame(label, name, hint, problem) { frame in
            // The parser removes a line break at the start. Source: HTML, section 13.1.2.5.
            Element("textarea", frame + attributes) {
                "\n"
                value
            }
        }
    }
}

/// A control with its label above it, and its hint and its problem below it.
private struct FieldFrame<Control: HTML>: Component {
    private let label: String
    private let name: String
    private let hint: String?
    private let problem: String?
    private let control: Control

    /// Creates the frame.
    ///
    /// - Parameters:
    ///   - label: The label.
    ///   - name: The name of the control, which is also its ID.
    ///   - hint: The hint, if there is one.
    ///   - problem: The problem with the last value, if there is one.
    ///   - control: Returns the control with the attributes that connect it with the rest.
    init(
        _ label: String, _ name: String, _ hint: String?, _ problem: String?, control: ([Attribute]) -> Control
    ) {
        self.label = label
        self.name = name
        self.hint = hint
        self.problem = problem
        let ids = [hint.map { _ in "\(name)-hint" }, problem.map { _ in "\(name)-problem" }].compactMap { $0 }
        let notes: [Attribute] = ids.isEmpty ? [] : [.aria("aria-describedby", ids.joined(separator: " "))]
        let state: [Attribute] = problem == nil ? [] : [.aria("aria-invalid", "true")]
        self.control = control([.id(name), .name(name)] + notes + state)
    }

    var body: some HTML {
        Element("div", .class("field")) {
            Element("label", .for(name)) { label }
            control
            if let hint { Element("p", .class("hint"), .id("\(name)-hint")) { hint } }
            if let problem { Element("p", .class("field-problem"), .id("\(name)-problem")) { problem } }
        }
    }
}

/// A radio button or a checkbox with its label and an optional hint.
struct Choice: Component {
    enum Kind { case radio, checkbox }

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
                .type(kind == .radio ? "radio" : "checkbox"), .name(name), .value(value),
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

/// A group of choices with a legend and the problem with the last choice.
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

// MARK: - Problems

/// The problems of a form as sentences, by field.
struct FieldProblems {
    private var sentences: [String: String] = [:]

    init() {}

    init(_ errors: FieldErrors) {
        for (field, messages) in errors.messages {
            for message in messages { add(message, to: field) }
        }
    }

    var isEmpty: Bool { sentences.isEmpty }

    /// Adds a sentence to a field.
    ///
    /// - Parameters:
    ///   - message: The sentence, without its capital letter and its period.
    ///   - field: The name of the field.
    mutating func add(_ message: String, to field: String) {
        let sentence = message.prefix(1).uppercased() + message.dropFirst() + "."
        sentences[field] = sentences[field].map { "\($0) \(sentence)" } ?? sentence
    }

    /// Returns the problem of the first of the fields that has one.
    subscript(_ fields: String...) -> String? { fields.lazy.compactMap { sentences[$0] }.first }
}
