import PodstackAPI

/// The OpenAPI 3.1 document, built from the table of routes.
///
/// Source: the OpenAPI Specification, version 3.1.0.
enum OpenAPIDocument {
    /// Returns the routes together with the one that serves the document, which describes itself too.
    static func adding(to routes: [Route], version: String) throws -> [Route] {
        func route(_ body: [UInt8]) -> Route {
            let constant = ConstantBody(body)
            return Route("GET", "/openapi.json", .noToken, .getDocument, on: .memory()) { _ in
                var response = Response(status: 200, body: body)
                response.constant = constant
                return response
            }
        }
        return routes + [route(try APICoding.encode(create(routes + [route([])], version: version)))]
    }

    static func create(_ routes: [Route], version: String) -> JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes { paths[route.path, default: [:]][route.method.lowercased()] = describe(route) }
        return [
            "openapi": "3.1.0",
            "info": ["title": "Podstack", "version": .string(version)],
            "servers": .array([["url": "/"]]),
            "paths": .object(paths.mapValues(JSONValue.object)),
            "components": [
                "schemas": .object(Schema.all),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "responses": [
                    "Error": [
                        "description": "The request failed; the body says why",
                        "content": ["application/json": ["schema": Schema.reference("Error")]],
                    ],
                    "OAuthError": [
                        "description": "The request failed; the body says why, as RFC 6749 defines it",
                        "content": ["application/json": ["schema": Schema.reference("OAuthError")]],
                    ],
                ],
            ],
        ]
    }

    private static func describe(_ route: Route) -> JSONValue {
        let details = route.operation.details
        var fields: [String: JSONValue] = [
            "operationId": .string(route.operation.rawValue), "summary": .string(details.summary),
            "security": .array(security(route.access)), "responses": .object(responses(route, details)),
        ]
        let parameters = parameters(route, details)
        if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
        if let body = details.body {
            fields["requestBody"] = [
                "required": .bool(!details.isBodyOptional),
                "content": [details.bodyType: ["schema": Schema.reference(body)]],
            ]
        }
        return .object(fields)
    }

    private static func security(_ access: Access) -> [JSONValue] {
        switch access {
        case .noToken: []
        case .anyToken, .ownMembership, .projectOrOwnMembership: [["token": .array([])]]
        case .scope(let scope), .project(let scope): [["token": .array([.string(scope.description)])]]
        }
    }

    private static func parameters(_ route: Route, _ details: OperationDescription) -> [JSONValue] {
        func parameter(_ place: String, _ name: String, _ schema: JSONValue, isRequired: Bool) -> JSONValue {
            ["in": .string(place), "name": .string(name), "required": .bool(isRequired), "schema": schema]
        }
        var parameters = route.pattern.filter { $0.hasPrefix("{") }.map {
            parameter("path", String($0.dropFirst().dropLast()), Schema.segment, isRequired: true)
        }
        parameters += details.query.map { parameter("query", $0.name, $0.schema, isRequired: $0.isRequired) }
        guard route.requiresToken else { return parameters }
        parameters.append(parameter("header", "X-Project-ID", Schema.string, isRequired: false))
        if route.method == "POST" {
            let key = Schema.text(1...255, pattern: "^[!-~]+$")
            parameters.append(parameter("header", "Idempotency-Key", key, isRequired: false))
        }
        return parameters
    }

    private static func responses(_ route: Route, _ details: OperationDescription) -> [String: JSONValue] {
        var success: [String: JSONValue] = ["description": .string(details.summary)]
        if let response = details.response {
            var content: [String: JSONValue] = [details.responseType: ["schema": Schema.reference(response)]]
            if route.operation == .listAuditLogs { content["text/csv"] = ["schema": Schema.string] }
            success["content"] = .object(content)
        }
        var statuses = [400, 414, 431, 500, 503]
        if route.requiresToken { statuses += [401, 403, 404, 406, 429] }
        if details.body != nil { statuses += [413, 415, 429] }
        if details.body != nil { statuses.append(details.isOAuth ? 401 : 422) }
        // A query parameter, or an Idempotency-Key of another request, can be invalid.
        if !details.query.isEmpty || route.requiresToken && route.method == "POST" { statuses.append(422) }
        if route.requiresToken, route.method != "GET" { statuses.append(409) }
        // Without the ID in the middle, the path is that of another route.
        if route.pattern.count > 4, route.pattern.last?.hasPrefix("{") == false { statuses.append(405) }
        var responses: [String: JSONValue] = [String(details.status): .object(success)]
        let error: JSONValue = .string("#/components/responses/\(details.isOAuth ? "OAuthError" : "Error")")
        for status in statuses { responses[String(status)] = ["$ref": error] }
        return responses
    }
}

// MARK: - Operations

/// The contents of a request and of its successful response.
struct OperationDescription {
    struct Parameter {
        var name: String
        var schema: JSONValue
        var isRequired = false
    }

    var summary: String
    var query: [Parameter] = []
    /// The component that describes the request's body; nil if the request has none.
    var body: String?
    var bodyType = "application/json"
    var isBodyOptional = false
    var status = 200
    /// The component that describes the response's body; nil if the response has none.
    var response: String?
    var responseType = "application/json"

    /// Whether the body is a form and errors are those of OAuth.
    var isOAuth: Bool { bodyType == Self.form }

    fileprivate static let form = "application/x-www-form-urlencoded"
    fileprivate static let paging = [
        Parameter(name: "limit", schema: Schema.integer(from: 1, to: 200)),
        Parameter(name: "cursor", schema: Schema.text(3...45, pattern: "^(0|[1-9][0-9]{0,17})-[0-9A-Za-z_]{1,24}$")),
    ]
}

extension OperationID {
    /// The description of this operation in the document.
    var details: OperationDescription {
        switch self {
        case .getHealth: OperationDescription(summary: "Check that the service is running", response: "Status")
        case .getReadiness:
            OperationDescription(summary: "Check that the service can save changes in its database", response: "Status")
        case .getMetrics:
            OperationDescription(
                summary: "Get the metrics of the service in the Prometheus text format", response: "Text",
                responseType: "text/plain")
        case .getDocument: OperationDescription(summary: "Get this document", response: "Any")
        case .whoami:
            OperationDescription(summary: "Get the user, the account and the token of the request", response: "User")
        case .checkPermission:
            OperationDescription(
                summary: "Check whether the token may perform an action, and what it lacks",
                query: [
                    OperationDescription.Parameter(name: "scope", schema: Schema.scope, isRequired: true),
                    OperationDescription.Parameter(name: "project", schema: Schema.parameter),
                ], response: "Permission")
        case .listTokens:
            OperationDescription(
                summary: "List tokens, newest first", query: OperationDescription.paging, response: "TokenPage")
        case .createToken:
            OperationDescription(summary: "Create a token", body: "NewToken", status: 201, response: "CreatedToken")
        case .getToken: OperationDescription(summary: "Get a token", response: "Token")
        case .updateToken:
            OperationDescription(
                summary: "Rename a token, or reduce its scopes or projects", body: "TokenUpdate", response: "Token")
        case .revokeToken: OperationDescription(summary: "Revoke a token immediately", status: 204)
        case .rotateToken:
            OperationDescription(
                summary: "Rotate a token: give it a new secret", body: "TokenRotation", isBodyOptional: true,
                response: "CreatedToken")
        case .getOwnToken: OperationDescription(summary: "Get the token of the request", response: "Token")
        case .revokeOwnToken: OperationDescription(summary: "Revoke the token of the request immediately", status: 204)
        case .rotateOwnToken:
            OperationDescription(
                summary: "Rotate the token of the request: give it a new secret", body: "TokenRotation",
                isBodyOptional: true,
                response: "CreatedToken")
        case .reportTokens:
            OperationDescription(
                summary: "Report leaked tokens; valid ones are revoked", body: "TokenReport", status: 202)
        case .beginDevice:
            OperationDescription(
                summary: "Start the device flow (RFC 8628): request a device code and a user code",
                body: "NewDeviceCode",
                response: "DeviceCode")
        case .fetchDeviceToken:
            OperationDescription(
                summary: "Poll for the token of a device code", body: "DeviceTokenRequest", response: "CreatedToken")
        case .getOAuthMetadata:
            OperationDescription(
                summary: "Get the endpoints of this service for OAuth clients (RFC 8414)", response: "OAuthMetadata")
        case .beginOAuthDevice:
            OperationDescription(
                summary: "Start the device flow as an OAuth client (RFC 8628, section 3.1)", body: "OAuthDeviceRequest",
                bodyType: OperationDescription.form, response: "DeviceCode")
        case .fetchOAuthToken:
            OperationDescription(
                summary: "Poll for the token of a device code as an OAuth client (RFC 8628, section 3.4)",
                body: "OAuthTokenRequest", bodyType: OperationDescription.form, response: "OAuthToken")
        case .listProjects:
            OperationDescription(
                summary: "List projects, newest first", query: OperationDescription.paging, response: "ProjectPage")
        case .createProject:
            OperationDescription(summary: "Create a project", body: "NewProject", status: 201, response: "Project")
        case .getProject: OperationDescription(summary: "Get a project", response: "Project")
        case .updateProject:
            OperationDescription(summary: "Update a project", body: "ProjectUpdate", response: "Project")
        case .deleteProject: OperationDescription(summary: "Delete an empty project", status: 204)
        case .listMembers:
            OperationDescription(
                summary: "List the members of a project", query: OperationDescription.paging, response: "MemberPage")
        case .addMember:
            OperationDescription(
                summary: "Invite a user to a project", body: "NewMember", status: 201, response: "Member")
        case .updateMember:
            OperationDescription(
                summary: "Update, deactivate or activate a member", body: "MemberUpdate", response: "Member")
        case .removeMember:
            OperationDescription(summary: "Remove a member from a project, or leave it", status: 204)
        case .listInvitations:
            OperationDescription(
                summary: "List the invitations of the user, newest first", query: OperationDescription.paging,
                response: "InvitationPage")
        case .acceptInvitation:
            OperationDescription(summary: "Accept an invitation to a project", response: "Member")
        case .declineInvitation: OperationDescription(summary: "Decline an invitation to a project", status: 204)
        case .listAuditLogs:
            OperationDescription(
                summary: "List audit events, newest first; with Accept: text/csv, as CSV",
                query: ["action", "resource_type", "user", "q"].map {
                    OperationDescription.Parameter(name: $0, schema: Schema.parameter)
                }
                    + ["since", "until"].map { OperationDescription.Parameter(name: $0, schema: Schema.time) }
                    + OperationDescription.paging,
                response: "AuditEventPage")
        }
    }
}
