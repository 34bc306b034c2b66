/// A line of a form: what it asks, where to type, a hint, and what was wrong with what was typed before.
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
        Element("div", .class("field")) {
            Element("label", .for(name)) { label }
            VoidElement("input", [.id(name), .name(name), .value(value)] + attributes + described)
            if let hint { Element("p", .class("hint"), .id("\(name)-hint")) { hint } }
            if let problem { Element("p", .class("field-problem"), .id("\(name)-problem")) { problem } }
        }
    }

    private var described: [Attribute] {
        let ids = [hint.map { _ in "\(name)-hint" }, problem.map { _ in "\(name)-problem" }].compactMap { $0 }
        return (ids.isEmpty ? [] : [.aria("aria-describedby", ids.joined(separator: " "))])
            + (problem == nil ? [] : [.aria("aria-invalid", "true")])
    }
}
