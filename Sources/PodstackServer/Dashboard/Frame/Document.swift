/// A complete page: its head, the navigation and the content.
struct Document<Content: HTML>: HTML {
    let title: String
    let section: PageSection?
    let parent: Parent?
    let session: WebSession?
    let formKey: String
    let content: Content

    /// The title and the link of the page above this one.
    typealias Parent = (title: String, link: Link)

    /// Creates the page for a request.
    ///
    /// - Parameters:
    ///   - title: The heading, which is also the first part of the browser's title.
    ///   - section: The entry of the navigation that is marked as current.
    ///   - parent: The page to link to above the heading.
    ///   - exchange: The request.
    ///   - content: The content below the heading.
    init(
        _ title: String, _ section: PageSection? = nil, under parent: Parent? = nil, for exchange: PageExchange,
        @HTMLBuilder content: () -> Content
    ) {
        self.init(title, section, under: parent, session: exchange.session, formKey: exchange.formKey, content: content)
    }

    init(
        _ title: String, _ section: PageSection? = nil, under parent: Parent? = nil, session: WebSession?,
        formKey: String, @HTMLBuilder content: () -> Content
    ) {
        self.title = title
        self.section = section
        self.parent = parent
        self.session = session
        self.formKey = formKey
        self.content = content()
    }

    func write(to output: inout HTMLOutput) {
        output.markup("<!DOCTYPE html>")
        document.write(to: &output)
    }

    func response(status: Int = 200) -> Response {
        var output = HTMLOutput()
        write(to: &output)
        return .page(output.bytes, status: status)
    }

    @HTMLBuilder private var document: some HTML {
        Element("html", .lang("en")) {
            Element("head") {
                VoidElement("meta", .charset("utf-8"))
                VoidElement("meta", .name("viewport"), .content("width=device-width, initial-scale=1"))
                VoidElement("meta", .name("color-scheme"), .content("light dark"))
                Element("title") { "\(title) · Podstack" }
                VoidElement("link", .rel("icon"), .href(Asset.icon.link))
                VoidElement("link", .rel("stylesheet"), .href(Asset.style.link))
                Element("script", .src(Asset.script.link), .flag("defer")) {}
            }
            Element("body", session == nil ? [.class("alone")] : []) {
                Element("a", .class("skip"), .href(.anchor("content"))) { "Skip to content" }
                PageHeader(section: section, session: session, formKey: formKey)
                Element("main", .id("content"), .tabIndex(-1)) {
                    if let parent {
                        Element("nav", .class("breadcrumb"), .aria("aria-label", "Breadcrumb")) {
                            Element("a", .href(parent.link)) { parent.title }
                        }
                    }
                    Element("h1") { title }
                    content
                }
                PageFooter(isSignedIn: session != nil)
                if let session { ShortcutsDialog(user: session.user) }
            }
        }
    }
}

// MARK: - Responses

extension Response {
    /// Returns a page with the headers that forbid framing it, running other scripts in it and reading it from other
    /// sites.
    static func page(_ body: [UInt8], status: Int = 200) -> Response {
        var response = Response(status: status, body: body)
        response.contentType = "text/html; charset=utf-8"
        response.set(
            "Content-Security-Policy",
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                + "form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
        response.set("X-Content-Type-Options", "nosniff")
        response.set("X-Frame-Options", "DENY")
        response.set("Referrer-Policy", Response.referrerPolicy)
        response.set("Cross-Origin-Opener-Policy", "same-origin")
        response.set("Cross-Origin-Resource-Policy", "same-origin")
        return response
    }

    /// Returns a redirect to a page, which the browser requests with GET whatever the method was before.
    static func redirect(_ link: Link) -> Response {
        var response = Response(status: 303)
        response.set("Location", link.text)
        response.set("Referrer-Policy", Response.referrerPolicy)
        return response
    }
}
