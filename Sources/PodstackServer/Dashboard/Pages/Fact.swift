/// An entry of a list of facts.
struct Fact<Content: HTML>: Component {
    private let title: String
    private let content: Content

    init(_ title: String, @HTMLBuilder content: () -> Content) {
        self.title = title
        self.content = content()
    }

    var body: some HTML {
        Element("dt") { title }
        Element("dd") { content }
    }
}
