import Podstack
import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

// MARK: - Records

/// Everything that a fake service stores.
///
/// Times are seconds since 1970.
struct FakeState: Sendable {
    var now: Int
    var maxActiveTokens = 5
    var maxProjects = 100
    var users: [FakeUser] = []
    var tokens: [FakeToken] = []
    var projects: [FakeProject] = []
    /// The events, oldest first.
    var events: [FakeEvent] = []
    var devices: [FakeDevice] = []
    /// The pods, the volumes and the money.
    var engine = FakeEngine()
    /// The responses to requests with an `Idempotency-Key`, by token and key.
    var replies: [[String]: FakeReply] = [:]
    private var count = 0

    init(now: Int) { self.now = now }

    /// Returns a new ID, which is greater than all before.
    mutating func newID(_ prefix: String) -> String {
        count += 1
        return prefix + String(repeating: "0", count: 20 - String(count).count) + String(count)
    }

    mutating func addUser(_ email: String, name: String? = nil) -> FakeUser {
        let project = newID("prj_")
        let user = FakeUser(
            id: newID("usr_"), accountID: newID("acc_"), email: email, name: name, createdAt: now,
            defaultProjectID: project)
        users.append(user)
        projects.append(
            FakeProject(
                id: project, accountID: user.accountID, name: "default", createdAt: now,
                members: [FakeMember(userID: user.id, role: .admin, permissions: [], addedAt: now)]))
        record("user_created", .init(type: "user", id: user.id, name: email, accountID: user.accountID), by: nil)
        return user
    }

    func user(_ id: String) -> FakeUser? { users.first { $0.id == id } }
}

struct FakeUser: Sendable {
    var id: String
    var accountID: String
    var email: String
    var name: String?
    var createdAt: Int
    var defaultProjectID: String
    var isDisabled = false

    var model: User { model(token: nil) }

    func model(token: Token?) -> User {
        User(
            id: id, email: email, name: name, accountID: accountID, createdAt: Date(seconds: createdAt), token: token,
            defaultProjectID: defaultProjectID)
    }
}

struct FakeEvent: Sendable {
    var number: Int
    var accountID: String
    var model: AuditEvent
}

struct FakeReply: Sendable {
    var request: [UInt8]
    var response: TransportResponse
    var createdAt: Int
}

/// The user and the token of a request.
struct FakeCaller: Sendable {
    var user: FakeUser
    var token: FakeToken
    /// The digest of the presented secret.
    var digest: String
}

extension Date {
    init(seconds: Int) { self.init(timeIntervalSince1970: Double(seconds)) }
}

// MARK: - Errors

/// An error as the service reports it.
struct FakeError: Error {
    var status: Int
    var code: ErrorCode
    var message: String
    var details: [String: JSONValue] = [:]

    static func badRequest(_ message: String) -> FakeError {
        FakeError(status: 400, code: .badRequest, message: message)
    }

    static func notFound(_ type: String, _ id: String) -> FakeError {
        FakeError(
            status: 404, code: .notFound, message: "No such \(type)",
            details: ["resource_type": .string(type), "resource_id": .string(id)])
    }

    static func conflict(_ message: String) -> FakeError {
        FakeError(status: 409, code: .conflict, message: message)
    }

    static func invalid(_ problems: [String: [String]]) -> FakeError {
        FakeError(
            status: 422, code: .validationFailed,
            message: "The request has invalid values: see \(problems.keys.sorted().joined(separator: ", "))",
            details: ["field_errors": .object(problems.mapValues { .array($0.map(JSONValue.string)) })])
    }

    static func rejected(_ code: ErrorCode, _ detail: String = "", at time: Int? = nil) -> FakeError {
        FakeError(
            status: 401, code: code, message: "Invalid API token",
            details: time.map { [detail: .string(Timestamp.format(Date(seconds: $0)))] } ?? [:])
    }

    static func forbidden(_ code: ErrorCode, _ reason: String, _ details: [String: JSONValue] = [:]) -> FakeError {
        FakeError(status: 403, code: code, message: "Access denied to resource: \(reason)", details: details)
    }

    static func quota(_ type: String, _ kind: String, limit: Int, current: Int, _ advice: String) -> FakeError {
        FakeError(
            status: 409, code: .quotaExceeded,
            message: "The account has reached its limit of \(limit) \(kind); \(advice)",
            details: ["resource_type": .string(type), "limit": .integer(limit), "current": .integer(current)])
    }

    /// The refusal of a token for a project that it does not include.
    static func excluded(_ project: String, by token: FakeToken) -> FakeError {
        forbidden(
            .projectForbidden, "the token does not include project \(project)",
            ["project_id": .string(project), "token_project_ids": .strings(token.projectIDs)])
    }

    static func lacks(_ scope: Scope, _ token: FakeToken) -> FakeError {
        forbidden(
            .insufficientScope, "the token lacks \(scope)",
            ["required_scope": .string(scope.rawValue), "token_scopes": .strings(token.scopes.map(\.rawValue))])
    }
}

extension JSONValue {
    /// Returns an array of strings, or `null`.
    static func strings(_ texts: [String]?) -> JSONValue { texts.map { .array($0.map(JSONValue.string)) } ?? .null }
}

// MARK: - Audit log

/// The subject of an event.
struct FakeSubject {
    var type: String
    var id: String
    var name: String?
    /// The account whose log contains the event.
    var accountID: String
    var projectID: String?
}

extension FakeState {
    mutating func record(
        _ action: String, _ subject: FakeSubject, by caller: FakeCaller?, user: FakeUser? = nil,
        _ details: [String: JSONValue] = [:]
    ) {
        let user = caller?.user ?? user
        let event = AuditEvent(
            id: newID("evt_"), createdAt: Date(seconds: now), action: action, resourceType: subject.type,
            resourceID: subject.id, resourceName: subject.name, projectID: subject.projectID, userID: user?.id,
            userEmail: user?.email, tokenID: caller?.token.id, ipAddress: user == nil ? nil : "127.0.0.1",
            details: details)
        events.append(FakeEvent(number: events.count + 1, accountID: subject.accountID, model: event))
    }

    /// Returns the details of an update: the values that differ.
    static func changes(_ old: [String: JSONValue], _ new: [String: JSONValue]) -> [String: JSONValue] {
        let names = new.keys.filter { old[$0] != new[$0] }
        return [
            "old": .object(old.filter { names.contains($0.key) }),
            "new": .object(new.filter { names.contains($0.key) }),
        ]
    }

    func auditLog(_ request: FakeRequest, _ caller: FakeCaller) throws -> TransportResponse {
        try request.checkQuery(["action", "resource_type", "user", "since", "until", "q", "limit", "cursor"])
        let (since, until) = (try request.time("since"), try request.time("until"))
        let found = events.reversed().filter { event in
            let each = event.model
            if let project = request.project {
                guard each.projectID == project else { return false }
            } else {
                guard event.accountID == caller.user.accountID else { return false }
            }
            if let allowed = caller.token.projectIDs, !allowed.contains(each.projectID ?? "") { return false }
            if let action = request.query("action"), each.action != action { return false }
            if let type = request.query("resource_type"), each.resourceType != type { return false }
            if let user = request.query("user"), each.userID != user, each.userEmail?.lowercased() != user.lowercased()
            {
                return false
            }
            if let since, each.createdAt < since { return false }
            if let until, each.createdAt >= until { return false }
            guard let text = request.query("q")?.lowercased() else { return true }
            let texts = [each.action, each.resourceID, each.resourceName, each.userEmail, each.ipAddress]
            return texts.contains { $0?.lowercased().contains(text) ?? false }
        }
        return try page(request, found.map { ($0.number, $0.model) })
    }
}

// MARK: - Pages

extension FakeState {
    /// Returns the page that a request asks for, of elements in the order of the list with their positions.
    func page<Element: Listed & Identifiable>(
        _ request: FakeRequest, _ elements: [(position: Int, element: Element)]
    ) throws -> TransportResponse where Element.ID == String {
        guard let limit = Int(request.query("limit") ?? "50"), (1...200).contains(limit) else {
            throw FakeError.badRequest("limit must be a number from 1 to 200")
        }
        var rest = elements[...]
        if let cursor = request.query("cursor") {
            let parts = cursor.split(separator: "-", maxSplits: 1)
            guard parts.count == 2, let position = Int(parts[0]) else {
                throw FakeError.badRequest("cursor must be the next_cursor of an earlier response")
            }
            rest = rest.drop { ($0.position, $0.element.id) >= (position, String(parts[1])) }
        }
        let page = rest.prefix(limit)
        let next = rest.count > limit ? page.last.map { "\($0.position)-\($0.element.id)" } : nil
        return try .json(Page(elements: page.map(\.element), nextCursor: next))
    }
}
