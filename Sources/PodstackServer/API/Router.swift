import PodstackAPI

/// What a route asks of who calls it. There is no default: a route cannot be declared without.
enum Access: Sendable {
    case anybody
    case anyToken
    case scope(Scope)
    /// The scope in the project that the first segment in braces names.
    case project(Scope)

    /// Nil when it asks for none.
    var scope: Scope? {
        switch self {
        case .anybody, .anyToken: nil
        case .scope(let scope), .project(let scope): scope
        }
    }
}

/// The operations of the API.
///
/// Every route names one, so the OpenAPI document describes every route.
enum OperationID: String, Sendable, CaseIterable {
    case getHealth, getReadiness, getMetrics, getDocument
    case whoami, checkPermission
    case listTokens, createToken, getToken, updateToken, revokeToken, rotateToken
    case getOwnToken, revokeOwnToken, rotateOwnToken, reportTokens
    case beginDevice, fetchDeviceToken
    case listProjects, createProject, getProject, updateProject, deleteProject
    case listMembers, addMember, updateMember, removeMember
    case listAuditLogs
}

/// One operation of the API.
struct Route: Sendable {
    var method: String
    /// Segments; one in braces matches anything and gives it to the handler.
    var pattern: [Substring]
    var access: Access
    var operation: OperationID
    var handle: @Sendable (Exchange) throws -> Response

    init(
        _ method: String, _ pattern: String, _ access: Access, _ operation: OperationID,
        handle: @escaping @Sendable (Exchange) throws -> Response
    ) {
        self.method = method
        self.pattern = pattern.split(separator: "/")
        self.access = access
        self.operation = operation
        self.handle = handle
    }

    var path: String { "/" + pattern.joined(separator: "/") }

    /// Whether it asks who calls it.
    var hasCaller: Bool { if case .anybody = access { false } else { true } }
}

/// A request that found its route and passed its checks.
struct Exchange {
    var request: Request
    /// What stood in the place of the braces.
    var parameters: [String] = []
    var identity: Identity?

    /// The identity of a route that asks for a token, which has one by then.
    func caller() throws -> Identity {
        guard let identity else { throw ErrorResponse.internal }
        return identity
    }
}

/// Finds the route of a request.
struct Router: Sendable {
    private let fixed: [String: [Route]]
    private let open: [Route]

    init(_ routes: [Route]) {
        let isOpen: (Route) -> Bool = { $0.pattern.contains { $0.hasPrefix("{") } }
        fixed = Dictionary(grouping: routes.filter { !isOpen($0) }) { $0.path }
        open = routes.filter(isOpen)
    }

    func route(_ request: Request) throws -> (Route, parameters: [String]) {
        // HEAD is answered wherever GET is.
        let method = request.method == "HEAD" ? "GET" : request.method
        if let routes = fixed[request.path] {
            if let route = routes.first(where: { $0.method == method }) { return (route, []) }
            throw methodNotAllowed(routes)
        }
        let segments = request.path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        let matching = open.compactMap { route in
            PathPattern.parameters(of: segments, in: route.pattern).map { (route, parameters: $0) }
        }
        guard !matching.isEmpty else {
            throw ErrorResponse(status: 404, code: .notFound, message: "There is nothing at this path")
        }
        guard let found = matching.first(where: { $0.0.method == method }) else {
            throw methodNotAllowed(matching.map(\.0))
        }
        return found
    }

    private func methodNotAllowed(_ routes: [Route]) -> ErrorResponse {
        ErrorResponse(
            status: 405, code: .methodNotAllowed, message: "This path does not know that method",
            headers: [("Allow", PathPattern.allow(routes.map(\.method)))])
    }
}
