/// Lets pages be written as what they hold, one thing after another.
@resultBuilder
enum HTMLBuilder {
    static func buildExpression(_ text: String) -> Text { Text(text) }
    static func buildExpression<Content: HTML>(_ content: Content) -> Content { content }
    static func buildBlock() -> EmptyHTML { EmptyHTML() }
    static func buildBlock<Content: HTML>(_ content: Content) -> Content { content }
    static func buildBlock<each Part: HTML>(_ part: repeat each Part) -> HTMLSequence<repeat each Part> {
        HTMLSequence(parts: (repeat each part))
    }
    static func buildOptional<Content: HTML>(_ content: Content?) -> OptionalHTML<Content> {
        OptionalHTML(content: content)
    }
    static func buildEither<First: HTML, Second: HTML>(first: First) -> EitherHTML<First, Second> { .first(first) }
    static func buildEither<First: HTML, Second: HTML>(second: Second) -> EitherHTML<First, Second> { .second(second) }
    static func buildArray<Content: HTML>(_ contents: [Content]) -> HTMLList<Content> { HTMLList(contents: contents) }
}

struct HTMLSequence<each Part: HTML>: HTML {
    let parts: (repeat each Part)
    func write(to output: inout HTMLOutput) { repeat (each parts).write(to: &output) }
}

struct OptionalHTML<Content: HTML>: HTML {
    let content: Content?
    func write(to output: inout HTMLOutput) { content?.write(to: &output) }
}

enum EitherHTML<First: HTML, Second: HTML>: HTML {
    case first(First)
    case second(Second)

    func write(to output: inout HTMLOutput) {
        switch self {
        case .first(let content): content.write(to: &output)
        case .second(let content): content.write(to: &output)
        }
    }
}

struct HTMLList<Content: HTML>: HTML {
    let contents: [Content]
    func write(to output: inout HTMLOutput) { for content in contents { content.write(to: &output) } }
}
