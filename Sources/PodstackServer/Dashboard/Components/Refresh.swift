/// The sentence that says whether a page stays up to date, and the address from which the script does it.
///
/// Without the script, the viewer reloads the page.
struct RefreshNote: Component {
    private let link: Link
    private let parts: [String]

    /// Creates the sentence.
    ///
    /// - Parameters:
    ///   - link: The address of a ``RefreshDocument``; its route has the access ``PageAccess/background``.
    ///   - parts: The IDs of the elements whose content the script replaces.
    init(_ link: Link, parts: [String]) {
        self.link = link
        self.parts = parts
    }

    var body: some HTML {
        Element(
            "p", .id("refresh"), .class("hint"), .data("data-refresh", link.text),
            .data("data-parts", parts.joined(separator: " "))
        ) {
            Element("noscript") { "Reload the page to see changes." }
        }
    }
}

/// The parts of a page that change by themselves, without the frame around them.
struct RefreshDocument<Content: HTML>: HTML {
    private let title: String
    private let content: Content

    init(_ title: String, @HTMLBuilder content: () -> Content) {
        self.title = title
        self.content = content()
    }

    func write(to output: inout HTMLOutput) {
        output.markup("<!DOCTYPE html>")
        Element("html", .lang("en")) {
            Element("head") { Element("title") { title } }
            Element("body") { content }
        }.write(to: &output)
    }

    func response() -> Response {
        var output = HTMLOutput()
        write(to: &output)
        return .page(output.bytes)
    }
}
