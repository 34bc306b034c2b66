/// A sentence that stands out at the top of a page; a screen reader says it at once.
struct Notice: Component {
    enum Kind { case done, warning, problem }

    let kind: Kind
    let text: String

    init(_ kind: Kind, _ text: String) {
        self.kind = kind
        self.text = text
    }

    var body: some HTML {
        Element("p", .class(name), .role(kind == .problem ? "alert" : "status")) { text }
    }

    private var name: String {
        switch kind {
        case .done: "notice done"
        case .warning: "notice warning"
        case .problem: "notice problem"
        }
    }
}
