import PodstackAPI

/// A reason why the domain refuses an operation.
///
/// It names no status code, header or page. `API/ErrorResponse.swift` maps each case to an HTTP response, and the
/// dashboard switches over the cases that a page can explain.
enum DomainError: Error {
    /// The credential is missing or does not authenticate.
    case unauthenticated(AuthenticationFailure)
    /// The caller is known and may not do this.
    case forbidden(Denial)
    /// The resource does not exist, or the caller may not know that it does.
    case notFound(ResourceKind, id: String)
    /// No resource matches what the caller gave in place of an ID, such as an email address. The text is one sentence
    /// without its period.
    case noMatch(ResourceKind, String)
    /// The state of a resource does not allow the operation. The text is one sentence without its period.
    case conflict(String)
    /// The resource is in a state that does not allow the operation. The text is one sentence without its period.
    case wrongState(String, current: String, required: String)
    /// The volume is mounted by these pods.
    case volumeInUse(podIDs: [String])
    /// The project cannot be deleted: the numbers of what it contains, by kind.
    case projectNotEmpty([String: Int])
    /// Values of the request are invalid: all problems at once.
    case invalid(FieldErrors)
    /// The account or project has reached a limit.
    case quotaExceeded(QuotaExcess)
    /// The service has no such GPU, or too few are free: the type, and the types that could be used instead.
    case gpuNotAvailable(type: String, availableTypes: [String])
    /// A limit does not cover the cost of the operation; amounts are millionths.
    case insufficientBalance(required: Int64, available: Int64, limit: SpendLimitKind)
    /// The caller has to wait. The text, if any, replaces the general sentence.
    case rateLimited(RateLimit.Verdict, String?)
    /// The service cannot do this at the moment. The text is one sentence without its period.
    case unavailable(String, retryAfterSeconds: Int)
    /// A state that the rules exclude. It is logged as a fault of the service.
    case inconsistent
}

/// The kind of a resource, as the API names it.
enum ResourceKind: String, Sendable {
    case token, project, member, user, device, invitation, pod, volume
}

/// Reasons why a credential does not authenticate.
///
/// Times are seconds since 1970. A token's state is revealed only to a caller that holds its secret.
enum AuthenticationFailure: Sendable, Equatable {
    case missing
    case malformed
    /// The ID is unknown or the secret is wrong; the caller does not learn which.
    case invalid
    case expired(at: Int64?)
    case revoked(at: Int64?)
    case rotated(at: Int64)
    case accountDisabled
}

/// Reasons why a known caller may not do something.
enum Denial: Sendable, Equatable {
    case missingScope(Scope, tokenScopes: [Scope])
    /// The token does not include the project. `tokenProjectIDs` is nil if the token includes every project.
    case projectNotIncluded(String, tokenProjectIDs: [String]?)
    /// The operation needs a token for every project, and the caller's token is restricted to some.
    case restrictedToProjects(UnrestrictedOperation, tokenProjectIDs: [String])
    /// The token may spend more than the caller's, or what it spends does not count for the caller's limit.
    case exceedsSpendLimit(SpendLimit)
    /// The token lives longer than the caller's.
    case longerLifetime
    case deactivatedMembership(MembershipFacts)
    case roleForbids(Scope, MembershipFacts)
    /// The pod has a token of its own, which acts for the user who created the pod.
    case podActsForAnotherUser(podID: String)
    /// Only an admin of the project does this.
    case requiresAdmin(MembershipFacts)
    /// Only the invited user accepts or declines an invitation.
    case invitationOfAnotherUser(MembershipFacts)
    /// Only an operator of the service may do this. The caller does not learn that it exists.
    case notOperator

    /// Operations that a token restricted to some projects cannot do.
    enum UnrestrictedOperation: Sendable { case createProject, rotateUnrestrictedToken }

    /// The part of a membership that a denial reports.
    struct MembershipFacts: Sendable, Equatable {
        var projectID: String
        var role: String
        var permissions: [String]
        var isActive: Bool
    }
}

/// A limit that was reached.
struct QuotaExcess: Sendable, Equatable {
    /// The plural name of what is limited, such as `tokens`.
    var resource: String
    var limit: Int
    var current: Int
}

/// The limit that a pod's cost has reached.
enum SpendLimitKind: String, Sendable {
    /// The prepaid balance of the account.
    case wallet
    /// The spend limit of the token that started the pod, or of a token that created that one.
    case token
    /// The spend limit of the project.
    case project
    /// The pod's own `max_cost`.
    case pod
}

/// An invalid value: the end of a sentence that begins with the name of its field, such as "must be a number".
struct InvalidValue: Error, Sendable {
    var message: String
    init(_ message: String) { self.message = message }
}

/// Problems of a request's fields, collected so that one response reports all of them.
struct FieldErrors: Error, Sendable, Equatable {
    private(set) var messages: [String: [String]] = [:]

    init(_ messages: [String: [String]] = [:]) { self.messages = messages }

    var isEmpty: Bool { messages.isEmpty }

    mutating func add(_ message: String, to field: String) { messages[field, default: []].append(message) }

    /// Records that a required field is missing, unless the field has a problem already.
    mutating func addMissing(_ field: String, _ message: String = "is missing") {
        if messages[field] == nil { add(message, to: field) }
    }

    /// Runs `body`, and records the message under `field` if it throws ``InvalidValue``.
    mutating func collect<Value>(_ field: String, _ body: () throws(InvalidValue) -> Value) -> Value? {
        do { return try body() } catch {
            add(error.message, to: field)
            return nil
        }
    }

    /// Throws ``DomainError/invalid(_:)`` if there is any problem.
    func throwIfAny() throws(DomainError) {
        if !isEmpty { throw .invalid(self) }
    }
}

extension DomainError {
    static func invalid(_ field: String, _ message: String) -> DomainError { .invalid(FieldErrors([field: [message]])) }
}

extension RateLimit.Verdict {
    /// The error of a request that the limit refuses.
    var error: DomainError { .rateLimited(self, nil) }
}

// MARK: - Numbers in messages

/// Returns a number with its noun, such as "1 second" or "2 seconds".
func counted(_ number: some BinaryInteger, _ noun: String) -> String {
    number == 1 ? "1 \(noun)" : "\(number) \(noun)s"
}
