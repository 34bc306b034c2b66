/// An element with a start tag, content and an end tag.
struct Element<Content: HTML>: HTML {
    let name: StaticString
    let attributes: [Attribute]
    let content: Content

    init(_ name: StaticString, _ attributes: Attribute..., @HTMLBuilder content: () -> Content) {
        self.init(name, attributes, content: content)
    }

    init(_ name: StaticString, _ attributes: [Attribute], @HTMLBuilder content: () -> Content) {
        self.name = name
        self.attributes = attributes
        self.content = content()
    }

    func write(to output: inout HTMLOutput) {
        Tag.open(name, attributes, &output)
        content.write(to: &output)
        output.markup("</")
        output.markup(name)
        output.markup(">")
    }
}

/// An element without content or an end tag, such as `input`.
struct VoidElement: HTML {
    let name: StaticString
    let attributes: [Attribute]

    init(_ name: StaticString, _ attributes: Attribute...) { self.init(name, attributes) }

    init(_ name: StaticString, _ attributes: [Attribute]) {
        self.name = name
        self.attributes = attributes
    }

    func write(to output: inout HTMLOutput) { Tag.open(name, attributes, &output) }
}

/// An element whose tags are written out in the program's source, which is faster for rows that a page repeats a
/// thousand times.
struct FixedElement<Content: HTML>: HTML {
    let start: StaticString
    let end: StaticString
    let content: Content

    init(_ start: StaticString, _ end: StaticString, @HTMLBuilder content: () -> Content) {
        self.start = start
        self.end = end
        self.content = content()
    }

    func write(to output: inout HTMLOutput) {
        output.markup(start)
        content.write(to: &output)
        output.markup(end)
    }
}

private enum Tag {
    static func open(_ name: StaticString, _ attributes: [Attribute], _ output: inout HTMLOutput) {
        output.markup("<")
        output.markup(name)
        for attribute in attributes { attribute.write(to: &output) }
        output.markup(">")
    }
}

// MARK: - Attributes

/// An attribute of an element.
///
/// An attribute that a browser follows or runs cannot hold arbitrary text: URLs are ``Link`` values, and there are no
/// attributes for inline scripts and styles.
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
    static func min(_ value: String) -> Attribute { Attribute("min", .text(value)) }
    static func max(_ value: String) -> Attribute { Attribute("max", .text(value)) }
    static func step(_ value: StaticString) -> Attribute { Attribute("step", .text("\(value)")) }
    static func alternativeText(_ text: String) -> Attribute { Attribute("alt", .text(text)) }
    static func width(_ pixels: Int) -> Attribute { Attribute("width", .text(String(pixels))) }
    static func height(_ pixels: Int) -> Attribute { Attribute("height", .text(String(pixels))) }
    static func rows(_ count: Int) -> Attribute { Attribute("rows", .text(String(count))) }
    static func columnSpan(_ count: Int) -> Attribute { Attribute("colspan", .text(String(count))) }
    static func maxLength(_ count: Int) -> Attribute { Attribute("maxlength", .text(String(count))) }
    static func minLength(_ count: Int) -> Attribute { Attribute("minlength", .text(String(count))) }

    /// Returns an ARIA attribute whose name includes `aria-`.
    static func aria(_ name: StaticString, _ value: String) -> Attribute { Attribute(name, .text(value)) }

    /// Returns a data attribute whose name includes `data-`.
    static func data(_ name: StaticString, _ value: String) -> Attribute { Attribute(name, .text(value)) }

    /// Creates an attribute without a value, such as `checked`.
    static func flag(_ name: StaticString, if isSet: Bool = true) -> Attribute {
        Attribute(name, isSet ? .none : .absent)
    }

    static func href(_ link: Link) -> Attribute { Attribute("href", .text(link.text)) }
    static func href(_ address: PortAddress) -> Attribute { Attribute("href", .text(address.text)) }
    static func src(_ link: Link) -> Attribute { Attribute("src", .text(link.text)) }
    static func formAction(_ link: Link) -> Attribute { Attribute("formaction", .text(link.text)) }
    static func action(_ link: Link) -> Attribute { Attribute("action", .text(link.text)) }
}

// MARK: - Links

/// A URL within this service: a path with an optional query.
///
/// It cannot lead to another host or run a script.
struct Link: Sendable, Equatable {
    let text: String

    /// Creates a link, percent-encoding its segments and its query.
    ///
    /// - Parameters:
    ///   - path: The beginning of the path, from the program's source, with its leading slash.
    ///   - segments: Further segments of the path, each added after a slash.
    ///   - query: The names and values of the query.
    init(_ path: StaticString, _ segments: String..., query: [(name: String, value: String)] = []) {
        var text = "\(path)"
        for segment in segments { text += "/" + Self.encoded(segment) }
        let items = query.map { Self.encoded($0.name) + "=" + Self.encoded($0.value) }
        self.text = items.isEmpty ? text : text + "?" + items.joined(separator: "&")
    }

    /// Returns the link for a URL that a client sent to be redirected to, or nil if it could lead to another host.
    static func local(_ text: String) -> Link? {
        // Two slashes, or a slash and a backslash, start the name of another host.
        guard text.hasPrefix("/"), !text.dropFirst().hasPrefix("/"), text.utf8.count <= 2048,
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return nil }
        return Link(text)
    }

    /// Returns a link to an element of the same page.
    static func anchor(_ id: StaticString) -> Link { Link("#\(id)") }

    private init(_ text: String) { self.text = text }

    /// Percent-encodes everything except unreserved characters.
    ///
    /// Source: RFC 3986, section 2.3.
    private static func encoded(_ text: String) -> String {
        if text.utf8.allSatisfy(isUnreserved) { return text }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isUnreserved(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            true
        default: false
        }
    }
}
