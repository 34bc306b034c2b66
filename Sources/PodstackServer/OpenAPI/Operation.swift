import PodstackAPI

/// The operations of the API. A route names its operation, so none can be without its place in the OpenAPI document.
enum Operation: String, Sendable, CaseIterable {
    case getHealth, getReadiness, getMetrics, getDocument
    case whoami, checkPermission
    case listTokens, createToken, getToken, updateToken, revokeToken, rotateToken
    case getOwnToken, revokeOwnToken, rotateOwnToken, reportTokens
    case beginDevice, fetchDeviceToken
    case listProjects, createProject, getProject, updateProject, deleteProject
    case listMembers, addMember, updateMember, removeMember
    case listAuditLogs

    /// What a request may carry and what its success answers.
    struct Shape {
        var summary: String
        var query: [Parameter] = []
        /// The component that describes the body; nil when there is none.
        var body: String?
        var isBodyOptional = false
        var status = 200
        /// The component that describes the answer; nil when it has no body.
        var answer: String?
        var answerType = "application/json"
    }

    struct Parameter {
        var name: String
        var schema: JSONValue
        var isRequired = false
    }

    var shape: Shape {
        switch self {
        case .getHealth: Shape(summary: "Whether the service is alive", answer: "Status")
        case .getReadiness: Shape(summary: "Whether the service reaches its database", answer: "Status")
        case .getMetrics:
            Shape(summary: "What the service counted, for Prometheus", answer: "Text", answerType: "text/plain")
        case .getDocument: Shape(summary: "This document", answer: "Any")
        case .whoami: Shape(summary: "The user, the account and the token in use", answer: "User")
        case .checkPermission:
            Shape(
                summary: "Whether the token in use would be allowed something, and what is missing",
                query: [
                    Parameter(name: "scope", schema: Schema.scope, isRequired: true),
                    Parameter(name: "project", schema: Schema.parameter),
                ], answer: "Permission")
        case .listTokens: Shape(summary: "Tokens, newest first", query: Self.paging, answer: "TokenPage")
        case .createToken: Shape(summary: "Make a token", body: "NewToken", status: 201, answer: "CreatedToken")
        case .getToken: Shape(summary: "One token", answer: "Token")
        case .updateToken: Shape(summary: "Rename or narrow a token", body: "TokenUpdate", answer: "Token")
        case .revokeToken: Shape(summary: "Revoke a token at once", status: 204)
        case .rotateToken:
            Shape(
                summary: "Give a token a new secret", body: "TokenRotation", isBodyOptional: true,
                answer: "CreatedToken")
        case .getOwnToken: Shape(summary: "The token in use", answer: "Token")
        case .revokeOwnToken: Shape(summary: "Revoke the token in use at once", status: 204)
        case .rotateOwnToken:
            Shape(
                summary: "Give the token in use a new secret", body: "TokenRotation", isBodyOptional: true,
                answer: "CreatedToken")
        case .reportTokens:
            Shape(
                summary: "Report tokens that leaked: those that are real are revoked", body: "TokenReport", status: 202)
        case .beginDevice:
            Shape(
                summary: "A program without a browser asks for a token, by RFC 8628", body: "NewDeviceCode",
                answer: "DeviceCode")
        case .fetchDeviceToken:
            Shape(
                summary: "Whether the user has granted the token", body: "DeviceQuestion", answer: "CreatedToken")
        case .listProjects: Shape(summary: "Projects, newest first", query: Self.paging, answer: "ProjectPage")
        case .createProject: Shape(summary: "Make a project", body: "NewProject", status: 201, answer: "Project")
        case .getProject: Shape(summary: "One project", answer: "Project")
        case .updateProject: Shape(summary: "Change a project", body: "ProjectUpdate", answer: "Project")
        case .deleteProject: Shape(summary: "Delete a project with nothing left in it", status: 204)
        case .listMembers: Shape(summary: "Who belongs to a project", query: Self.paging, answer: "MemberPage")
        case .addMember: Shape(summary: "Add a user to a project", body: "NewMember", status: 201, answer: "Member")
        case .updateMember:
            Shape(summary: "Change, deactivate or activate a member", body: "MemberUpdate", answer: "Member")
        case .removeMember: Shape(summary: "Remove a member", status: 204)
        case .listAuditLogs:
            Shape(
                summary: "What was done, newest first; with Accept: text/csv as a table",
                query: ["action", "resource_type", "user", "q"].map { Parameter(name: $0, schema: Schema.parameter) }
                    + ["since", "until"].map { Parameter(name: $0, schema: Schema.time) } + Self.paging,
                answer: "AuditEventPage")
        }
    }

    private static let paging = [
        Parameter(name: "limit", schema: Schema.integer(from: 1, to: 200)),
        Parameter(name: "cursor", schema: Schema.text(3...45, pattern: "^(0|[1-9][0-9]{0,17})-[0-9A-Za-z_]{1,24}$")),
    ]
}
