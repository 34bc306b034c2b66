import PodstackAPI

/// A request for a page that passed routing, authentication and the check of its form key.
struct PageExchange {
    var request: Request
    /// The path segments that matched the pattern's parameters, in order.
    var parameters: [String]
    /// The form of a `POST` request; empty otherwise.
    var form: Form
    /// The viewer's session, or nil if the client is not signed in.
    var session: WebSession?
    /// The value of the hidden ``FormKey`` field for the forms of the response.
    var formKey: String
    /// The time of the request, in seconds since 1970.
    var now: Int64
    /// The URL at which the browser reaches the service, such as `https://podstack.example.com`.
    var serviceURL: String

    /// The endpoint that clients have to set; nil if it is the default.
    var endpoint: String? { serviceURL == "https://api.podstack.ai" ? nil : serviceURL }

    /// Returns the viewer's session, which every route has except those that are open.
    func signedIn() throws -> WebSession {
        guard let session else { throw DomainError.inconsistent }
        return session
    }

    /// The address and the program that the request comes from.
    var origin: Origin { Origin(request) }

    /// Runs a change for the viewer.
    ///
    /// - Parameters:
    ///   - changes: The service that runs the transaction.
    ///   - requirement: The permissions that the viewer must have inside the transaction.
    ///   - body: The change.
    /// - Returns: The result of `body`.
    /// - Throws: ``SessionEnded``; ``DomainError/forbidden(_:)`` if the viewer lacks a permission; the errors of `body`.
    func change<Result>(
        with changes: Changes, requiring requirement: Requirement, _ body: (Change) throws -> Result
    ) throws -> Result {
        try changes.perform(by: Actor(try signedIn(), from: origin), requiring: requirement, at: now, body)
    }
}

// MARK: - Routes

/// The clients that may request a page.
enum PageAccess: Sendable {
    /// Every client.
    case open
    /// Signed-in clients.
    case signedIn
    /// Signed-in operators of the service; for other clients that are signed in, there is no such page.
    case operators
    /// Signed-in clients; the request comes from a script and does not extend the session.
    case background
    /// Every client: a file that is part of the program. An event thread responds to the request.
    case file
}

/// A method and a path of the dashboard, with the access that it requires and its handler.
struct PageRoute: Sendable {
    var method: String
    var pattern: [Substring]
    var access: PageAccess
    /// Whether the handler reads many rows, such as those of the audit log or of a report, on a worker for searches.
    var isSearch: Bool
    let latency: RouteLatency
    var handle: @Sendable (PageExchange) throws -> Response

    init(
        _ method: String, _ pattern: String, _ access: PageAccess, isSearch: Bool = false,
        handle: @escaping @Sendable (PageExchange) throws -> Response
    ) {
        self.method = method
        self.pattern = pattern.split(separator: "/")
        self.access = access
        self.isSearch = isSearch
        self.handle = handle
        latency = RouteLatency(pattern)
    }

    /// Returns the routes of all pages.
    static func all(_ services: Services, _ auditWatch: AuditWatch) -> [PageRoute] {
        [
            PageRoute("GET", "/", .signedIn, handle: OverviewPage(services).show),
            PageRoute("GET", "/assets/{name}", .file, handle: Asset.get),
        ] + signIn(services) + TokenPages(services).routes + PodPages(services).routes + UsagePages(services).routes
            + auditLog(services, auditWatch) + projects(services) + device(services) + help(services)
            + PeoplePages(services).routes
    }

    private static func help(_ services: Services) -> [PageRoute] {
        let pages = HelpPages(services)
        return [
            PageRoute("GET", "/help", .open, handle: pages.help),
            PageRoute("GET", "/status", .open, handle: pages.status),
        ]
    }

    private static func device(_ services: Services) -> [PageRoute] {
        let pages = DevicePages(services)
        return [
            PageRoute("GET", "/device", .signedIn, handle: pages.show),
            PageRoute("POST", "/device/approve", .signedIn, handle: pages.approve),
            PageRoute("POST", "/device/deny", .signedIn, handle: pages.deny),
        ]
    }

    private static func signIn(_ services: Services) -> [PageRoute] {
        let pages = SignInPages(services)
        let links = SignInLinkPages(services)
        let sessions = SessionPages(services)
        return [
            PageRoute("GET", "/sign-in", .open, handle: pages.show),
            PageRoute("POST", "/sign-in", .open, handle: pages.signIn),
            PageRoute("POST", "/sign-out", .signedIn, handle: pages.signOut),
            PageRoute("GET", "/welcome/{link}", .open, handle: links.open),
            PageRoute("GET", "/welcome", .open, handle: links.show),
            PageRoute("POST", "/welcome", .open, handle: links.choosePassword),
            PageRoute("GET", "/account/sign-in", .signedIn, handle: sessions.show),
            PageRoute("POST", "/account/sign-in/password", .signedIn, handle: sessions.changePassword),
            PageRoute("POST", "/account/sign-in/sessions/end-others", .signedIn, handle: sessions.endOthers),
            PageRoute("POST", "/account/sign-in/sessions/{id}/end", .signedIn, handle: sessions.end),
        ]
    }

    private static func auditLog(_ services: Services, _ auditWatch: AuditWatch) -> [PageRoute] {
        let pages = AuditLogPages(services, auditWatch)
        return [
            PageRoute("GET", "/audit-log", .signedIn, isSearch: true, handle: pages.show),
            PageRoute("GET", "/audit-log.csv", .signedIn, isSearch: true, handle: pages.export),
            PageRoute("GET", "/audit-log/events", .background, handle: pages.events),
        ]
    }

    private static func projects(_ services: Services) -> [PageRoute] {
        let projects = ProjectPages(services)
        let members = MemberPages(services)
        let one = "/projects/{project}"
        let member = one + "/members/{user}"
        return [
            PageRoute("GET", "/projects", .signedIn, handle: projects.list),
            PageRoute("POST", "/projects", .signedIn, handle: projects.create),
            PageRoute("GET", one, .signedIn, handle: projects.show),
            PageRoute("POST", one, .signedIn, handle: projects.update),
            PageRoute("GET", one + "/delete", .signedIn, handle: projects.confirmDeletion),
            PageRoute("POST", one + "/delete", .signedIn, handle: projects.delete),
            PageRoute("GET", one + "/leave", .signedIn, handle: projects.confirmLeaving),
            PageRoute("POST", one + "/leave", .signedIn, handle: projects.leave),
            PageRoute("POST", one + "/accept", .signedIn, handle: projects.accept),
            PageRoute("POST", one + "/decline", .signedIn, handle: projects.decline),
            PageRoute("POST", one + "/members", .signedIn, handle: projects.addMember),
            PageRoute("GET", member, .signedIn, handle: members.show),
            PageRoute("POST", member, .signedIn, handle: members.update),
            PageRoute("POST", member + "/deactivate", .signedIn, handle: members.deactivate),
            PageRoute("POST", member + "/activate", .signedIn, handle: members.activate),
            PageRoute("GET", member + "/remove", .signedIn, handle: members.confirmRemoval),
            PageRoute("POST", member + "/remove", .signedIn, handle: members.remove),
        ]
    }
}
