/// An element with what is between its tags.
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

/// An element that never holds anything, such as `input`.
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

/// An element whose tags stand in the source of the program as they are sent, for what a page has a thousand times.
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
