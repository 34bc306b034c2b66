import PodstackAPI

/// An entry of the navigation.
enum PageSection: CaseIterable {
    case overview, pods, usage, projects, auditLog, tokens, security, people

    /// The entries of the navigation, in groups with an optional title.
    ///
    /// The documentation names the path Account > API Tokens.
    static func groups(for user: UserRecord) -> [(title: String?, sections: [PageSection])] {
        [(nil, [.overview, .pods, .usage, .projects, .auditLog]), ("Account", [.tokens, .security])]
            + (user.isOperator ? [("Service", [.people])] : [])
    }

    var title: String {
        switch self {
        case .overview: "Overview"
        case .pods: "Pods"
        case .usage: "Usage"
        case .projects: "Projects"
        case .auditLog: "Audit log"
        case .tokens: "API Tokens"
        case .security: "Security"
        case .people: "People"
        }
    }

    var link: Link {
        switch self {
        case .overview: Link("/")
        case .pods: Link("/pods")
        case .usage: Link("/usage")
        case .projects: Link("/projects")
        case .auditLog: Link("/audit-log")
        case .tokens: Link("/account/tokens")
        case .security: Link("/account/sign-in")
        case .people: Link("/people")
        }
    }

    var icon: Icon {
        switch self {
        case .overview: .overview
        case .pods: .pods
        case .usage: .usage
        case .projects: .projects
        case .auditLog: .auditLog
        case .tokens: .tokens
        case .security: .security
        case .people: .people
        }
    }

    /// The key that opens the page after `g`, if the browser runs the script.
    var shortcut: String {
        switch self {
        case .overview: "o"
        case .pods: "p"
        case .usage: "u"
        case .projects: "j"
        case .auditLog: "a"
        case .tokens: "t"
        case .security: "s"
        case .people: "e"
        }
    }
}

/// The top of a page: the brand, and for a signed-in viewer the navigation.
///
/// The navigation is written twice, because a menu that opens without scripts (`details`) cannot also be a sidebar that
/// is always open. The style sheet displays one of them, and browsers hide the other from screen readers too.
struct PageHeader: Component {
    let section: PageSection?
    let session: WebSession?
    let formKey: String

    var body: some HTML {
        Element("header") {
            Element("a", .class("brand"), .href(Link("/"))) {
                VoidElement(
                    "img", .src(Asset.icon.link), .alternativeText(""), .width(24), .height(24))
                "Podstack"
            }
            if let session {
                Element("div", .class("sidebar")) {
                    MainNavigation(section: section, user: session.user)
                    Viewer(session: session, formKey: formKey)
                }
                Element("details", .class("menu")) {
                    Element("summary") {
                        Icon.menu
                        "Menu"
                    }
                    Element("div") {
                        MainNavigation(section: section, user: session.user)
                        Viewer(session: session, formKey: formKey)
                    }
                }
            }
        }
    }
}

private struct MainNavigation: Component {
    let section: PageSection?
    let user: UserRecord

    var body: some HTML {
        Element("nav", .aria("aria-label", "Main")) {
            for group in PageSection.groups(for: user) {
                if let title = group.title { Element("p", .class("group")) { title } }
                Element("ul", group.title.map { [.aria("aria-label", $0)] } ?? []) {
                    for entry in group.sections { NavigationEntry(entry: entry, isCurrent: entry == section) }
                }
            }
        }
    }
}

private struct NavigationEntry: Component {
    let entry: PageSection
    let isCurrent: Bool

    var body: some HTML {
        Element("li") {
            Element("a", [.href(entry.link)] + (isCurrent ? [.aria("aria-current", "page")] : [])) {
                entry.icon
                entry.title
            }
        }
    }
}

private struct Viewer: Component {
    let session: WebSession
    let formKey: String

    var body: some HTML {
        Element("form", .class("viewer"), .method("post"), .action(Link("/sign-out"))) {
            FormKeyField(formKey)
            Element("span") { session.user.email }
            Button("Sign out", .quiet)
        }
    }
}

/// The bottom of a page.
struct PageFooter: Component {
    let isSignedIn: Bool

    var body: some HTML {
        Element("footer") {
            Element("p") { "Podstack \(PodstackVersion.current)" }
            // The script replaces the sentence if it displays times in the viewer's zone.
            if isSignedIn { Element("p", .id("zone")) { "Times are in UTC." } }
            Element("ul") {
                Element("li") { Element("a", .href(Link("/help"))) { "Help" } }
                Element("li") { Element("a", .href(Link("/v1/openapi.json"))) { "API description" } }
                Element("li") { Element("a", .href(Link("/status"))) { "Status" } }
                if isSignedIn {
                    Element("li", .id("shortcuts-entry"), .flag("hidden")) {
                        Element("button", .type("button"), .class("plain-button"), .id("show-shortcuts")) {
                            "Keyboard shortcuts"
                        }
                    }
                }
            }
        }
    }
}

/// The dialog that lists the keyboard shortcuts and turns them off.
///
/// A viewer must be able to turn off shortcuts of a single letter. Source: WCAG 2.2, 2.1.4.
struct ShortcutsDialog: Component {
    let user: UserRecord

    var body: some HTML {
        Element("dialog", .id("shortcuts"), .aria("aria-labelledby", "shortcuts-title")) {
            Element("h2", .id("shortcuts-title")) { "Keyboard shortcuts" }
            Element("form", .class("stack"), .method("dialog")) {
                Element("dl", .class("keys")) {
                    for section in PageSection.groups(for: user).flatMap(\.sections) {
                        Fact(section.title) {
                            Element("kbd", .data("data-go", section.link.text)) { "g \(section.shortcut)" }
                        }
                    }
                    Fact("Create a token") {
                        Element("kbd", .data("data-go", Link("/account/tokens/new").text)) { "c t" }
                    }
                    Fact("Create a pod") { Element("kbd", .data("data-go", Link("/pods/new").text)) { "c p" } }
                    Fact("Search on this page") { Element("kbd") { "/" } }
                    Fact("This list") { Element("kbd") { "?" } }
                }
                Element("label", .class("choice")) {
                    VoidElement("input", .type("checkbox"), .id("use-shortcuts"), .flag("checked"))
                    Element("span") { "Use keyboard shortcuts" }
                }
                Element("p", .class("buttons")) { Button("Close", .quiet) }
            }
        }
    }
}
