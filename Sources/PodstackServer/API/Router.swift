import PodstackAPI

/// The access that a route requires.
///
/// There is no default: every route declares its access.
enum Access: Sendable {
    case noToken
    /// Any valid token, whatever its scopes.
    case anyToken
    case scope(Scope)
    /// The scope, in the project that the first segment in braces names.
    case project(Scope)
    /// The scope, in the project of the pod or volume that the first segment in braces names.
    ///
    /// The domain finds the project and checks it.
    case object(Scope)
    /// Any valid token that includes the project of the first segment in braces; the second one names the caller.
    case ownMembership
    /// As ``ownMembership`` if the second segment in braces names the caller, otherwise as ``project(_:)``.
    case projectOrOwnMembership(Scope)

    /// The required scope; nil if the route requires none.
    var scope: Scope? {
        switch self {
        case .noToken, .anyToken, .ownMembership: nil
        case .scope(let scope), .project(let scope), .object(let scope), .projectOrOwnMembership(let scope): scope
        }
    }

    /// Returns what the route requires of the caller of a request.
    ///
    /// - Parameters:
    ///   - request: The request, whose X-Project-ID header may name a project that the token must be able to use.
    ///   - parameters: The text in place of each segment in braces.
    ///   - userID: The user of the request's token, if it has one.
    /// - Returns: The requirement.
    /// - Throws: ``ErrorResponse`` if the request names two projects.
    func requirement(of request: Request, _ parameters: [String], userID: String?) throws -> Requirement {
        guard let userID else { return .credential }
        let named = try Self.project(of: request)
        switch self {
        // A token may always read, rotate and revoke itself, whatever the header says.
        case .noToken, .anyToken: return .credential
        case .scope(let scope): return .scope(scope, in: named)
        case .project(let scope): return .scope(scope, in: parameters.first, naming: named)
        case .object(let scope): return .scope(scope, naming: named)
        // The header does not matter here either: a user may leave a project whatever other projects they can use.
        case .ownMembership: return .ownMembership(of: parameters.first ?? "")
        case .projectOrOwnMembership(let scope):
            return parameters.last == userID
                ? .ownMembership(of: parameters.first ?? "") : .scope(scope, in: parameters.first, naming: named)
        }
    }

    /// Returns the project that the X-Project-ID header names.
    ///
    /// - Throws: ``ErrorResponse`` if it is sent twice.
    static func project(of request: Request) throws -> String? {
        var project: String?
        for header in request.headers where header.name == "x-project-id" {
            guard project == nil else { throw ErrorResponse.badRequest("The request has two X-Project-ID headers") }
            project = header.value
        }
        return project
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
    case getOAuthMetadata, beginOAuthDevice, fetchOAuthToken
    case listProjects, createProject, getProject, updateProject, deleteProject
    case listMembers, addMember, updateMember, removeMember
    case listInvitations, acceptInvitation, declineInvitation
    case listPods, createPod, getPod, updatePod, deletePod, startPod, stopPod, restartPod
    case getPodLogs, execInPod, downloadPodFiles, uploadPodFiles, getPodMetrics, listPodEvents
    case listVolumes, createVolume, getVolume, deleteVolume
    case listGPUs, getWallet, getUsage
    case listAuditLogs
}

extension OperationID {
    /// The types of the operation's response beside JSON.
    var otherContentTypes: [String] {
        switch self {
        case .listAuditLogs: ["text/csv"]
        case .getPodLogs: ["text/plain"]
        case .downloadPodFiles: ["application/x-tar"]
        default: []
        }
    }
}

/// One operation of the API.
struct Route: Sendable {
    var method: String
    /// The segments of the path; the handler gets the text in place of those in braces.
    var pattern: [Substring]
    var access: Access
    var operation: OperationID
    var handling: Handling
    let latency: RouteLatency
    var handle: @Sendable (Exchange) throws -> Response

    /// The thread that calls the handler of a route.
    enum Handling: Sendable {
        /// A worker for reads if the method is GET, or for writes.
        case automatic
        case pool(WorkerPool)
        /// The event thread: the handler needs nothing but the request and the caller's identity, and never blocks.
        ///
        /// A request with one of these query parameters is handled by a worker for reads.
        case memory(exceptWith: Set<String> = [])
    }

    init(
        _ method: String, _ pattern: String, _ access: Access, _ operation: OperationID,
        on handling: Handling = .automatic, handle: @escaping @Sendable (Exchange) throws -> Response
    ) {
        self.method = method
        self.pattern = pattern.split(separator: "/")
        self.access = access
        self.operation = operation
        self.handling = handling
        self.handle = handle
        latency = RouteLatency(pattern)
    }

    /// Returns the pool whose workers handle a request; nil if its event thread does.
    func pool(_ request: Request) -> WorkerPool? {
        switch handling {
        case .automatic: method == "GET" ? .reads : .writes
        case .pool(let pool): pool
        case .memory(let exceptions): request.query.contains { exceptions.contains($0.name) } ? .reads : nil
        }
    }

    var path: String { "/" + pattern.joined(separator: "/") }

    /// Whether the route requires a token, and its handler gets an identity.
    var requiresToken: Bool { if case .noToken = access { false } else { true } }
}

/// A request that passed routing and authentication, given to a handler.
struct Exchange {
    var request: Request
    /// The text in place of each segment in braces.
    var parameters: [String] = []
    var identity: Identity?
    /// The permissions that the route requires, which a change checks again inside its transaction.
    var requirement = Requirement.credential

    /// Returns the identity of the caller, which every route that requires a token has.
    func caller() throws -> Identity {
        guard let identity else { throw ErrorResponse.internal }
        return identity
    }
}

/// Finds the route of a request.
struct Router: Sendable {
    private let fixed: [String: [Route]]
    private let open: [Route]
    /// The route whose handler reads the body while it arrives.
    private let streamed: Route?

    init(_ routes: [Route]) {
        streamed = routes.first { $0.operation == .uploadPodFiles }
        let isOpen: (Route) -> Bool = { $0.pattern.contains { $0.hasPrefix("{") } }
        fixed = Dictionary(grouping: routes.filter { !isOpen($0) }) { $0.path }
        open = routes.filter(isOpen)
    }

    /// Returns the route of a request with the text in place of each segment in braces.
    ///
    /// - Throws: ``ErrorResponse`` with status 404 or 405.
    func route(_ request: Request) throws -> (Route, parameters: [String]) {
        // Every route for GET also handles HEAD.
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
            throw ErrorResponse(status: 404, code: .notFound, message: "This path does not exist")
        }
        guard let found = matching.first(where: { $0.0.method == method }) else {
            throw methodNotAllowed(matching.map(\.0))
        }
        return found
    }

    /// Returns whether the handler of a request reads its body while it arrives.
    func streamsBody(method: String, path: String) -> Bool {
        guard let route = streamed, method == route.method else { return false }
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        return PathPattern.parameters(of: segments, in: route.pattern) != nil
    }

    private func methodNotAllowed(_ routes: [Route]) -> ErrorResponse {
        ErrorResponse(
            status: 405, code: .methodNotAllowed, message: "This path does not support the method",
            headers: [("Allow", PathPattern.allow(routes.map(\.method)))])
    }
}

/// Matches paths by their segments; a segment in braces matches any text.
enum PathPattern {
    /// Returns the text in place of each segment in braces; nil if the path does not match.
    static func parameters(of segments: ArraySlice<Substring>, in pattern: [Substring]) -> [String]? {
        guard segments.count == pattern.count else { return nil }
        var parameters: [String] = []
        for (segment, expected) in zip(segments, pattern) {
            if expected.hasPrefix("{"), !segment.isEmpty {
                parameters.append(String(segment))
            } else if segment != expected {
                return nil
            }
        }
        return parameters
    }

    /// Returns the `Allow` header of a path whose routes have these methods.
    ///
    /// Every route for GET also handles HEAD.
    static func allow(_ methods: [String]) -> String {
        var methods = Set(methods)
        if methods.contains("GET") { methods.insert("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }
}
