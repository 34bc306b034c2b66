import PodstackAPI

/// A request of a page that found its route and passed its checks.
struct Visit {
    var request: Request
    /// What stood in the place of the braces.
    var parameters: [String]
    /// Of a `POST`; empty otherwise.
    var form: Form
    var session: WebSession?
    /// What ``FormKey`` asks forms to bring back.
    var formKey: String
    /// Seconds since 1970, the same for the whole visit.
    var now: Int64
    /// The URL of the service as the browser knows it, such as `https://podstack.example.com`.
    var serviceURL: String

    /// The session of a route that asks for one, which has it by then.
    func signedIn() throws -> WebSession {
        guard let session else { throw ErrorResponse.internal }
        return session
    }

    /// Where the request comes from.
    var origin: Origin { Origin(request) }

    /// The signed-in user, as the actor of this visit's changes.
    func actor() throws -> Actor { Actor(try signedIn(), from: origin) }
}

enum PageAccess: Sendable {
    case anybody, signedIn
    /// Signed in, and asked for by a page by itself: no sign that anybody is there.
    case watching
}

/// One address of the dashboard, and what is done there. As with a ``Route``, who may come is not left out.
struct PageRoute: Sendable {
    var method: String
    var pattern: [Substring]
    var access: PageAccess
    var handle: @Sendable (Visit) throws -> Response

    init(
        _ method: String, _ pattern: String, _ access: PageAccess,
        handle: @escaping @Sendable (Visit) throws -> Response
    ) {
        self.method = method
        self.pattern = pattern.split(separator: "/")
        self.access = access
        self.handle = handle
    }
}
