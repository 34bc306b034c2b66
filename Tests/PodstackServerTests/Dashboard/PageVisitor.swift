import PodstackTestSupport

@testable import PodstackServer

/// What tests of the service itself want to know of a visitor; the rest is in PodstackTestSupport.
extension PageVisitor {
    var service: Service { server.server.service }

    /// The session of its cookie, as the service finds it.
    var session: WebSession? {
        get throws {
            guard let secret = cookies["podstack_session"] else { return nil }
            return try service.signIn.sessions.find(secret, now: service.now())
        }
    }
}
