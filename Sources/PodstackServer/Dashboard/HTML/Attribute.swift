/// An attribute of an element. One that a browser follows or runs cannot be made of any text: addresses are links, and
/// there is none for scripts and styles.
struct Attribute {
    private enum Value {
        case none
        case text(String)
        case absent
    }

    private let name: StaticString
    private let value: Value

    private init(_ name: StaticString, _ value: Value) {
        self.name = name
        self.value = value
    }

    func write(to output: inout HTMLOutput) {
        if case .absent = value { return }
        output.markup(" ")
        output.markup(name)
        guard case .text(let text) = value else { return }
        output.markup("=\"")
        output.text(text)
        output.markup("\"")
    }

    static func `class`(_ names: String) -> Attribute { Attribute("class", .text(names)) }
    static func id(_ id: String) -> Attribute { Attribute("id", .text(id)) }
    static func `for`(_ id: String) -> Attribute { Attribute("for", .text(id)) }
    static func name(_ name: String) -> Attribute { Attribute("name", .text(name)) }
    static func type(_ type: StaticString) -> Attribute { Attribute("type", .text("\(type)")) }
    static func value(_ value: String) -> Attribute { Attribute("value", .text(value)) }
    static func content(_ text: String) -> Attribute { Attribute("content", .text(text)) }
    static func lang(_ language: StaticString) -> Attribute { Attribute("lang", .text("\(language)")) }
    static func charset(_ name: StaticString) -> Attribute { Attribute("charset", .text("\(name)")) }
    static func rel(_ relation: StaticString) -> Attribute { Attribute("rel", .text("\(relation)")) }
    static func method(_ method: StaticString) -> Attribute { Attribute("method", .text("\(method)")) }
    static func autocomplete(_ kind: StaticString) -> Attribute { Attribute("autocomplete", .text("\(kind)")) }
    static func autocapitalize(_ kind: StaticString) -> Attribute { Attribute("autocapitalize", .text("\(kind)")) }
    static func spellcheck(_ isOn: Bool) -> Attribute { Attribute("spellcheck", .text("\(isOn)")) }
    static func placeholder(_ text: String) -> Attribute { Attribute("placeholder", .text(text)) }
    static func pattern(_ expression: StaticString) -> Attribute { Attribute("pattern", .text("\(expression)")) }
    static func inputMode(_ mode: StaticString) -> Attribute { Attribute("inputmode", .text("\(mode)")) }
    static func title(_ text: String) -> Attribute { Attribute("title", .text(text)) }
    static func role(_ role: StaticString) -> Attribute { Attribute("role", .text("\(role)")) }
    static func scope(_ scope: StaticString) -> Attribute { Attribute("scope", .text("\(scope)")) }
    static func dateTime(_ text: String) -> Attribute { Attribute("datetime", .text(text)) }
    static func tabIndex(_ index: Int) -> Attribute { Attribute("tabindex", .text(String(index))) }
    static func least(_ value: String) -> Attribute { Attribute("min", .text(value)) }
    static func rows(_ count: Int) -> Attribute { Attribute("rows", .text(String(count))) }
    static func columnSpan(_ count: Int) -> Attribute { Attribute("colspan", .text(String(count))) }
    static func maxLength(_ count: Int) -> Attribute { Attribute("maxlength", .text(String(count))) }
    static func minLength(_ count: Int) -> Attribute { Attribute("minlength", .text(String(count))) }

    /// - Parameter name: With its `aria-`.
    static func aria(_ name: StaticString, _ value: String) -> Attribute { Attribute(name, .text(value)) }
    /// - Parameter name: With its `data-`.
    static func data(_ name: StaticString, _ value: String) -> Attribute { Attribute(name, .text(value)) }
    /// One without a value, such as `checked`.
    static func flag(_ name: StaticString, if isSet: Bool = true) -> Attribute {
        Attribute(name, isSet ? .none : .absent)
    }

    static func href(_ link: Link) -> Attribute { Attribute("href", .text(link.text)) }
    static func src(_ link: Link) -> Attribute { Attribute("src", .text(link.text)) }
    static func action(_ link: Link) -> Attribute { Attribute("action", .text(link.text)) }
}
