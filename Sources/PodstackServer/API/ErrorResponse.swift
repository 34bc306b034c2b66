import PodstackAPI

/// An error as an HTTP response: its status, headers and JSON body.
///
/// The domain throws ``DomainError``, and this file maps it. Routes and pages throw an `ErrorResponse` directly for what
/// only concerns HTTP, such as a method that a path does not support.
struct ErrorResponse: Error {
    var status: Int
    var code: ErrorCode
    /// One sentence without its period.
    var message: String
    var details: [String: JSONValue] = [:]
    var headers: [(name: StaticString, value: String)] = []

    init(
        status: Int, code: ErrorCode, message: String, details: [String: JSONValue] = [:],
        headers: [(name: StaticString, value: String)] = []
    ) {
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.headers = headers
    }

    /// Returns the response to a request, in the form that its clients expect.
    func response(to request: Request, requestID: String) -> Response {
        OAuthRoutes.owns(request.path) ? oauthResponse(to: request) : response(requestID: requestID)
    }

    func response(requestID: String) -> Response {
        response(ErrorBody(code: code, message: message, requestID: requestID, details: details))
    }

    /// Returns a response with this error's status and headers.
    func response(_ body: some Encodable) -> Response {
        var response = Response(status: status, body: (try? APICoding.encode(body)) ?? [])
        response.headers = headers
        // A browser that displays the error requests an icon for it, and the URL may contain a token by mistake.
        response.set("Referrer-Policy", Response.referrerPolicy)
        return response
    }

    static func badRequest(_ message: String) -> ErrorResponse {
        ErrorResponse(status: 400, code: .badRequest, message: message)
    }

    /// Too many requests wait for a worker.
    static let busy = ErrorResponse(.unavailable("The service is busy; try again", retryAfterSeconds: 1))

    /// An account has too much in progress.
    static func tooMany(_ things: String, retryAfterSeconds: Int) -> ErrorResponse {
        ErrorResponse(
            status: 429, code: .rateLimited, message: "The account has too many \(things) in progress; try again later",
            headers: [("Retry-After", String(retryAfterSeconds))])
    }

    static let `internal` = ErrorResponse(
        status: 500, code: .internal, message: "Something went wrong in the service")

    /// Shortens text that may be a whole token, so that no response repeats it.
    static func displayed(_ id: String) -> String { id.utf8.count > 24 ? "…" : id }
}

// MARK: - HTTP

extension ErrorResponse {
    /// Creates the response to a request that is rejected regardless of its route.
    init(_ defect: Request.Defect) {
        switch defect {
        case .unclearEnd: self = .badRequest("The headers contradict each other about where the body ends")
        case .malformedTarget:
            self = .badRequest("The URL is invalid: it must be percent-encoded UTF-8 without NUL or an encoded slash")
        case .malformedHeaders:
            self = .badRequest(
                "A header is invalid or continues on another line, or there is not exactly one valid Host header")
        case .longURL: self.init(status: 414, code: .uriTooLong, message: "The URL is longer than 4 KiB")
        case .largeHeaders:
            self.init(
                status: 431, code: .headerFieldsTooLarge,
                message: "The request has more than 100 headers, or more than 16 KiB of them")
        case .malformedChunk:
            self = .badRequest("The data of a chunk, and the line with its size, must end in CR LF")
        case .noMemory: self = .busy
        case .largeBody:
            self.init(status: 413, code: .contentTooLarge, message: "The body is larger than 64 KiB")
        }
    }
}

extension ErrorResponse {
    init(_ repeated: Request.Repeated) {
        self = .badRequest("The \(repeated.kind) \(JSONBody.displayed(repeated.name)) is given twice")
    }
}

// MARK: - The database

extension ErrorResponse {
    /// Creates a 503 that says what does not work; the log has the reason.
    init(_ failure: DatabaseFailure) {
        let message =
            switch failure.kind {
            case .unreachable: "The service cannot reach its database; try again later"
            case .busy: "The service's database is busy; try again later"
            case .cannotSave: "The service cannot save changes at the moment; try again later"
            case .other: "The service's database reports an error; try again later"
            }
        self.init(.unavailable(message, retryAfterSeconds: 5))
    }
}

// MARK: - The domain

extension ErrorResponse {
    init(_ error: DomainError) {
        switch error {
        case .unauthenticated(let failure): self.init(failure)
        case .forbidden(let denial): self.init(denial)
        case .notFound(let kind, let id):
            self.init(
                status: 404, code: .notFound, message: "No such \(kind.rawValue)",
                details: ["resource_type": .string(kind.rawValue), "resource_id": .string(Self.displayed(id))])
        case .noMatch(let kind, let message):
            self.init(
                status: 404, code: .notFound, message: message, details: ["resource_type": .string(kind.rawValue)])
        case .conflict(let message): self.init(status: 409, code: .conflict, message: message)
        case .wrongState(let message, let current, let required):
            self.init(
                status: 409, code: .conflict, message: message,
                details: ["current_state": .string(current), "required_state": .string(required)])
        case .volumeInUse(let podIDs):
            self.init(
                status: 409, code: .conflict, message: "The volume is in use; delete the pods that mount it first",
                details: ["pod_ids": .array(podIDs.map(JSONValue.string))])
        case .projectNotEmpty(let contents):
            let list = contents.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: ", ")
            self.init(
                status: 409, code: .projectNotEmpty,
                message: "The project is not empty (\(list)); remove its contents first",
                details: contents.mapValues { .integer($0) })
        case .invalid(let errors):
            let fields = errors.messages.keys.sorted().joined(separator: ", ")
            self.init(
                status: 422, code: .validationFailed, message: "The request has invalid values: see \(fields)",
                details: [
                    "field_errors": .object(errors.messages.mapValues { .array($0.map(JSONValue.string)) })
                ])
        case .quotaExceeded(let excess):
            let (noun, advice) =
                switch excess.resource {
                case "tokens": ("active token", "revoke one first")
                case "projects": ("project", "delete one first")
                case "pods": ("pod", "delete one first")
                case "volumes": ("volume", "delete one first")
                case "invitations":
                    ("pending invitation", "remove one first, or wait until one is answered or expires")
                default: (String(excess.resource.dropLast()), "remove one first")
                }
            self.init(
                status: 409, code: .quotaExceeded,
                message: "The account has reached its limit of \(counted(excess.limit, noun)); \(advice)",
                details: [
                    "resource_type": .string(excess.resource), "limit": .integer(excess.limit),
                    "current": .integer(excess.current),
                ])
        case .gpuNotAvailable(let type, let available):
            let advice = available.isEmpty ? "none is available" : "available: \(available.joined(separator: ", "))"
            self.init(
                status: 409, code: .gpuNotAvailable,
                message: "No GPU of the type \(Self.displayed(type)) is free; \(advice)",
                details: [
                    "gpu_type": .string(Self.displayed(type)),
                    "available_types": .array(available.map(JSONValue.string)),
                ])
        case .insufficientBalance(let required, let available, let limit):
            let (required, available) = (Amount(millionths: required), Amount(millionths: available))
            self.init(
                status: 402, code: .insufficientBalance,
                message: "\(limit.subject) does not cover a second of this pod: \(required) is required, and "
                    + "\(available) is available",
                details: [
                    "required_amount": .number(required.doubleValue),
                    "available_amount": .number(available.doubleValue), "limit": .string(limit.rawValue),
                ])
        case .rateLimited(let verdict, let message):
            self.init(
                status: 429, code: .rateLimited,
                message: message ?? "Too many requests: try again in \(counted(verdict.retryAfter, "second"))",
                headers: [
                    ("Retry-After", String(verdict.retryAfter)), ("RateLimit", verdict.header),
                    (
                        "RateLimit-Policy",
                        "\"\(verdict.limit.name)\";q=\(verdict.limit.count);w=\(verdict.limit.window)"
                    ),
                ])
        case .unavailable(let message, let seconds):
            self.init(
                status: 503, code: .unavailable, message: message, headers: [("Retry-After", String(seconds))])
        case .inconsistent: self = .internal
        }
    }

    /// Creates a 401.
    ///
    /// Source: RFC 6750, section 3, for the header.
    init(_ failure: AuthenticationFailure) {
        switch failure {
        case .missing:
            self.init(
                status: 401, code: .missingToken,
                message: "No API token provided: send it as \"Authorization: Bearer TOKEN\"",
                headers: [("WWW-Authenticate", #"Bearer realm="podstack""#)])
        case .malformed: self.init(.malformedToken, "The token is malformed")
        case .invalid: self.init(.invalidToken, "The token is unknown")
        case .expired(let time): self.init(.expiredToken, "The token expired", "expired_at", time)
        case .revoked(let time): self.init(.revokedToken, "The token was revoked", "revoked_at", time)
        case .rotated(let time):
            self.init(.rotatedToken, "The token was rotated; use its newer secret", "rotated_at", time)
        case .accountDisabled: self.init(.accountDisabled, "The account is disabled")
        }
    }

    private init(_ code: ErrorCode, _ reason: String, _ detail: String = "", _ time: Int64? = nil) {
        self.init(
            status: 401, code: code, message: "Invalid API token",
            details: time.map { [detail: .string(Timestamp.format(.init($0)))] } ?? [:],
            headers: [
                ("WWW-Authenticate", #"Bearer realm="podstack", error="invalid_token", error_description="\#(reason)""#)
            ])
    }

    init(_ denial: Denial) {
        func forbidden(_ code: ErrorCode, _ reason: String, _ details: [String: JSONValue]) -> ErrorResponse {
            ErrorResponse(
                status: 403, code: code, message: "Access denied to resource: \(reason)", details: details)
        }
        func list(_ texts: [String]) -> JSONValue { .array(texts.map(JSONValue.string)) }
        switch denial {
        case .missingScope(let scope, let held):
            self = forbidden(
                .insufficientScope, "the token lacks \(scope)",
                ["required_scope": .string(scope.description), "token_scopes": list(held.map(\.description))])
            headers = [
                ("WWW-Authenticate", #"Bearer realm="podstack", error="insufficient_scope", scope="\#(scope)""#)
            ]
        case .projectNotIncluded(let id, let tokenProjectIDs):
            self = forbidden(
                .projectForbidden, "the token does not include project \(Self.displayed(id))",
                [
                    "project_id": .string(Self.displayed(id)),
                    "token_project_ids": tokenProjectIDs.map(list) ?? .null,
                ])
        case .restrictedToProjects(let operation, let tokenProjectIDs):
            let reason =
                switch operation {
                case .createProject: "the token is restricted to some projects and cannot create another"
                case .rotateUnrestrictedToken: "the token includes every project, and yours does not"
                }
            self = forbidden(.projectForbidden, reason, ["token_project_ids": list(tokenProjectIDs)])
        case .exceedsSpendLimit(let limit):
            self.init(
                status: 403, code: .insufficientScope,
                message: "Access denied to resource: what that token spends does not count for the spend limit of your "
                    + "token (\(limit.text))")
        case .longerLifetime:
            self = forbidden(.insufficientScope, "the token lives longer than yours", [:])
        case .deactivatedMembership(let facts):
            self = forbidden(
                .memberForbidden, "your membership of the project is deactivated", Self.details(of: facts))
        case .podActsForAnotherUser(let id):
            self = forbidden(
                .memberForbidden,
                "the pod has a token that acts for the user who created it, so only that user can run commands in it "
                    + "and reach its files", ["pod_id": .string(id)])
        case .requiresAdmin(let facts):
            self = forbidden(
                .memberForbidden, "only an admin of the project can change its spend limit", Self.details(of: facts))
        case .invitationOfAnotherUser(let facts):
            self = forbidden(
                .memberForbidden, "only the invited user can accept or decline an invitation", Self.details(of: facts))
        case .notOperator:
            self.init(status: 404, code: .notFound, message: "There is no page at this address")
        case .roleForbids(let scope, let facts):
            self = forbidden(
                .memberForbidden, "your role in the project does not allow \(scope)", Self.details(of: facts))
        }
    }

    private static func details(of facts: Denial.MembershipFacts) -> [String: JSONValue] {
        [
            "project_id": .string(facts.projectID), "role": .string(facts.role),
            "permissions": .array(facts.permissions.map(JSONValue.string)), "active": .bool(facts.isActive),
        ]
    }
}

extension SpendLimitKind {
    /// The limit as the subject of a sentence.
    var subject: String {
        switch self {
        case .wallet: "The balance of the account"
        case .token: "The spend limit of the token"
        case .project: "The spend limit of the project"
        case .pod: "The maximum cost of the pod"
        }
    }
}
