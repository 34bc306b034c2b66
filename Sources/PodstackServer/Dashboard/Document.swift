/// A page as a whole: head, navigation, and what it is about.
struct Document<Content: HTML>: HTML {
    let title: String
    let section: PageSection?
    let parent: Parent?
    let session: WebSession?
    let formKey: String
    let content: Content

    /// The page that this one is part of.
    typealias Parent = (title: String, link: Link)

    /// - Parameters:
    ///   - section: The entry of the navigation that leads here.
    ///   - parent: To which a link stands above the title.
    init(
        _ title: String, _ section: PageSection? = nil, under parent: Parent? = nil, for visit: Visit,
        @HTMLBuilder content: () -> Content
    ) {
        self.init(title, section, under: parent, session: visit.session, formKey: visit.formKey, content: content)
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
        whole.write(to: &output)
    }

    func response(status: Int = 200) -> Response {
        var output = HTMLOutput()
        write(to: &output)
        return .page(output.bytes, status: status)
    }

    @HTMLBuilder private var whole: some HTML {
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
            Element("body") {
                Element("a", .class("skip"), .href(.anchor("content"))) { "Skip to the content" }
                header
                Element("main", .id("content"), .tabIndex(-1)) {
                    if let parent {
                        Element("nav", .class("trail"), .aria("aria-label", "Breadcrumb")) {
                            Element("a", .href(parent.link)) { parent.title }
                        }
                    }
                    Element("h1") { title }
                    content
                }
            }
        }
    }

    @HTMLBuilder private var header: some HTML {
        Element("header") {
            Element("a", .class("brand"), .href(Link("/"))) { "Podstack" }
            if let session {
                Element("form", .class("sign-out"), .method("post"), .action(Link("/sign-out"))) {
                    FormKeyField(formKey)
                    Element("span", .class("who")) { session.user.email }
                    Element("button", .type("submit"), .class("quiet")) { "Sign out" }
                }
                Element("nav", .aria("aria-label", "Main")) {
                    Element("ul") {
                        Element("li", .class("group")) {
                            Element("span") { "Account" }
                            Element("ul") {
                                for entry in PageSection.ofAccount {
                                    NavigationEntry(entry, isCurrent: entry == section)
                                }
                            }
                        }
                        for entry in PageSection.others { NavigationEntry(entry, isCurrent: entry == section) }
                    }
                }
            }
        }
    }
}

private struct NavigationEntry: Component {
    let entry: PageSection
    let isCurrent: Bool

    init(_ entry: PageSection, isCurrent: Bool) {
        self.entry = entry
        self.isCurrent = isCurrent
    }

    var body: some HTML {
        Element("li") {
            Element("a", [.href(entry.link)] + (isCurrent ? [.aria("aria-current", "page")] : [])) { entry.title }
        }
    }
}

/// Must be in every form that posts.
struct FormKeyField: HTML {
    private let key: String
    init(_ key: String) { self.key = key }
    init(_ visit: Visit) { key = visit.formKey }

    func write(to output: inout HTMLOutput) {
        VoidElement("input", .type("hidden"), .name(FormKey.field), .value(key)).write(to: &output)
    }
}
