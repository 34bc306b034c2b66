import PodstackAPI

/// The examples of the OpenAPI document.
///
/// The tokens have wrong checksums, so that nothing takes them for real ones.
enum Examples {
    /// A parameter's meaning and an example of it.
    struct Parameter {
        var description: String
        var example: JSONValue

        init(_ description: String, _ example: JSONValue) {
            self.description = description
            self.example = example
        }
    }

    /// The parameters, by name.
    static let parameters: [String: Parameter] = podParameters.merging([
        "token": Parameter("The ID of the token.", .string(tokenID)),
        "project": Parameter("The ID of the project.", .string(projectID)),
        "user": Parameter("The user: the ID, or in the audit log also the email address.", .string(userID)),
        "limit": Parameter("The most elements of a page (default: 50).", 100),
        "cursor": Parameter("The `next_cursor` of the page before.", "1764000000-4kWq2ZtY"),
        "scope": Parameter("The scope that the action needs.", "pods:create"),
        "action": Parameter("Only events with this action.", "token_created"),
        "resource_type": Parameter("Only events of this kind of resource.", "token"),
        "since": Parameter("Only events from this time on.", .string(time)),
        "until": Parameter("Only events before this time.", .string(later)),
        "q": Parameter("Only events that contain this text.", "training"),
        "X-Project-ID": Parameter("The project of the request.", .string(projectID)),
        "Idempotency-Key": Parameter(
            "Makes a repeated request return the first response for 24 hours.", "7f1f4a0e-create-ci-token"),
    ]) { $1 }

    /// The bodies of requests, by component.
    static let requests: [String: JSONValue] = podRequests.merging([
        "NewToken": [
            "name": "CI", "expires_in_days": 30, "scopes": ["projects:read", "pods:*"],
            "project_ids": [.string(projectID)],
        ],
        "TokenUpdate": ["name": "CI of main", "scopes": ["projects:read"]],
        "TokenRotation": ["grace_seconds": 3600],
        "TokenReport": ["tokens": [.string(token)]],
        "NewDeviceCode": ["client_name": "training on host-7", "scopes": ["pods:*"]],
        "DeviceTokenRequest": ["device_code": .string(deviceCode)],
        "OAuthDeviceRequest": ["client_id": "Build server", "scope": "projects:read pods:*"],
        "OAuthTokenRequest": [
            "grant_type": .string(OAuthRoutes.deviceCodeGrant), "device_code": .string(deviceCode),
            "client_id": "Build server",
        ],
        "NewProject": ["name": "training", "description": "Models of the vision team"],
        "ProjectUpdate": [
            "description": "Models of the speech team", "spend_limit": ["amount": 100, "period": "month"],
        ],
        "NewMember": ["email": "ann@example.com", "role": "user", "permissions": ["read", "create"]],
        "MemberUpdate": ["status": "deactivated"],
    ]) { $1 }

    /// The bodies of responses, by component.
    static let responses: [String: JSONValue] = podResponses.merging([
        "Status": ["status": "ok"],
        "Text": "# TYPE podstack_requests_total counter\npodstack_requests_total 42\n",
        "User": [
            "id": .string(userID), "email": "you@example.com", "name": .null, "account_id": "acc_3nT8wYb1Qe",
            "created_at": .string(time), "token": .object(tokenFields), "default_project_id": .string(projectID),
        ],
        "Permission": [
            "scope": "pods:create", "project_id": .string(projectID), "allowed": false,
            "missing": [
                ["code": "insufficient_scope", "message": "Access denied to resource: the token lacks pods:create"]
            ],
        ],
        "Token": .object(tokenFields),
        "TokenPage": page("tokens", .object(tokenFields)),
        "CreatedToken": .object(tokenFields.merging(["token": .string(token)]) { $1 }),
        "DeviceCode": [
            "device_code": .string(deviceCode), "user_code": "WDJB-MJHT",
            "verification_uri": "https://podstack.example.com/device",
            "verification_uri_complete": "https://podstack.example.com/device?code=WDJB-MJHT", "expires_in": 900,
            "interval": 5,
        ],
        "OAuthToken": [
            "access_token": .string(token), "token_type": "Bearer", "scope": "projects:read pods:*",
            "expires_in": 2_592_000,
        ],
        "OAuthMetadata": [
            "issuer": "https://podstack.example.com",
            "device_authorization_endpoint": .string("https://podstack.example.com" + OAuthRoutes.authorizationPath),
            "token_endpoint": .string("https://podstack.example.com" + OAuthRoutes.tokenPath),
            "scopes_supported": ["projects:read", "projects:*", "*"],
            "grant_types_supported": [.string(OAuthRoutes.deviceCodeGrant)],
            "token_endpoint_auth_methods_supported": ["none"], "response_types_supported": [],
        ],
        "Project": project, "ProjectPage": page("projects", project),
        "Member": member, "MemberPage": page("members", member),
        "InvitationPage": page(
            "invitations",
            [
                "project_id": .string(projectID), "project_name": "training", "role": "user", "permissions": ["read"],
                "invited_by": "ann@example.com", "created_at": .string(time), "expires_at": .string(later),
            ]),
        "AuditEventPage": page(
            AuditEvent.listKey,
            [
                "id": "evt_8dK2vRq0ZtYpX4mWn6Lb", "created_at": .string(time), "action": "token_created",
                "resource_type": "token", "resource_id": .string(tokenID), "resource_name": "CI", "project_id": .null,
                "user_id": .string(userID), "user_email": "you@example.com", "token_id": .string(tokenID),
                "ip_address": "203.0.113.7", "user_agent": "podstack-swift/0.2.0",
                "details": ["scopes": ["projects:read"]],
            ]),
    ]) { $1 }

    /// An audit log as CSV.
    static let csv: JSONValue =
        "id,created_at,action,resource_type\nevt_8dK2vRq0ZtYpX4mWn6Lb,2026-11-24T16:00:00Z,create,token\n"

    /// Errors of the API, by code.
    static let errors: [String: JSONValue] = podErrors.merging([
        "missing_token": error("missing_token", "No API token provided"),
        "invalid_token": error("invalid_token", "Invalid API token"),
        "insufficient_scope": error(
            "insufficient_scope", "Access denied to resource: the token lacks projects:create",
            ["required_scope": "projects:create", "token_scopes": ["projects:read"]]),
        "not_found": error(
            "not_found", "The project was not found",
            ["resource_type": "project", "resource_id": .string(projectID)]),
        "validation_failed": error(
            "validation_failed", "The request is invalid", ["field_errors": ["name": ["must not be empty"]]]),
        "rate_limited": error("rate_limited", "Too many requests"),
    ]) { $1 }

    /// Errors of the OAuth operations, by code.
    static let oauthErrors: [String: JSONValue] = [
        "authorization_pending": [
            "error": "authorization_pending", "error_description": "The user has not decided yet",
        ],
        "invalid_scope": ["error": "invalid_scope", "error_description": "pods:fly is not a scope"],
    ]

    // MARK: - Parts

    static let tokenID = "ab2cd3ef"
    private static let prefix = "podstack_" + tokenID
    private static let token = prefix + "_ExampleExampleExampleExampleExample000"
    private static let deviceCode = "Zk3vExampleExampleExampleExample"
    static let userID = "usr_5mZq8RtW2x"
    static let projectID = "prj_9aKd3LwP7c"
    static let time = "2026-11-24T16:00:00Z"
    private static let later = "2026-12-24T16:00:00Z"

    private static let tokenFields: [String: JSONValue] = [
        "id": .string(tokenID), "name": "CI", "prefix": .string(prefix), "scopes": ["projects:read", "pods:*"],
        "project_ids": [.string(projectID)], "created_at": .string(time), "expires_at": .string(later),
        "last_used_at": .null, "generation": 1, "rotate_by": .null, "status": "active", "revoked_at": .null,
    ]
    private static let project: JSONValue = [
        "id": .string(projectID), "name": "training", "description": .null, "created_at": .string(time),
        "role": "admin", "permissions": ["create", "read", "update", "delete"], "is_default": false,
    ]
    private static let member: JSONValue = [
        "user_id": .string(userID), "email": "ann@example.com", "name": .null, "role": "user",
        "permissions": ["read", "create"], "status": "invited", "added_at": .string(time),
    ]

    static func page(_ key: String, _ element: JSONValue) -> JSONValue {
        [key: .array([element]), "next_cursor": .null]
    }

    static func error(_ code: String, _ message: String, _ details: [String: JSONValue]? = nil) -> JSONValue {
        var fields: [String: JSONValue] = [
            "code": .string(code), "message": .string(message), "request_id": "req_7Qm2LxV9",
        ]
        if let details { fields["details"] = .object(details) }
        return ["error": .object(fields)]
    }
}
