/// Lets pages be written as what they hold, one thing after another.
///
/// Everything is handed on, not copied: what a builder borrows it copies into what it makes, and a page of a thousand
/// rows then takes a quarter longer.
@resultBuilder
enum HTMLBuilder {
    static func buildExpression(_ text: consuming String) -> Text { Text(text) }
    static func buildExpression<Content: HTML>(_ content: consuming Content) -> Content { content }
    static func buildBlock() -> EmptyHTML { EmptyHTML() }
    // In pairs, not as a parameter pack: of that the compiler asks the runtime for the type of each tuple again and
    // again, which is half of the time that a long page takes.
    static func buildPartialBlock<Content: HTML>(first content: consuming Content) -> Content { content }
    static func buildPartialBlock<First: HTML, Next: HTML>(
        accumulated first: consuming First, next: consuming Next
    ) -> HTMLPair<First, Next> {
        HTMLPair(first: first, next: next)
    }
    static func buildOptional<Content: HTML>(_ content: consuming Content?) -> OptionalHTML<Content> {
        OptionalHTML(content: content)
    }
    static func buildEither<First: HTML, Second: HTML>(first: consuming First) -> EitherHTML<First, Second> {
        .first(first)
    }
    static func buildEither<First: HTML, Second: HTML>(second: consuming Second) -> EitherHTML<First, Second> {
        .second(second)
    }
    static func buildArray<Content: HTML>(_ contents: consuming [Content]) -> HTMLList<Content> {
        HTMLList(contents: contents)
    }
}

struct HTMLPair<First: HTML, Next: HTML>: HTML {
    let first: First
    let next: Next
    func write(to output: inout HTMLOutput) {
        first.write(to: &output)
        next.write(to: &output)
    }
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
