import PodstackAPI

/// Builds the JSON Schemas of the OpenAPI document.
enum Schema {
    static let string: JSONValue = ["type": "string"]
    /// A query parameter.
    ///
    /// A URL cannot contain NUL.
    static let parameter: JSONValue = ["type": "string", "pattern": #"^[^\u0000]*$"#]
    /// A path parameter: the text between two slashes.
    static let segment: JSONValue = ["type": "string", "pattern": #"^[^/\u0000]+$"#]
    static let time: JSONValue = ["type": "string", "format": "date-time"]
    static let boolean: JSONValue = ["type": "boolean"]
    static let any: JSONValue = .object([:])
    static let scope: JSONValue = choice(
        ["*"] + Scope.resources.flatMap { resource in (Scope.actions + ["*"]).map { "\(resource):\($0)" } })

    static func choice(_ values: [String]) -> JSONValue {
        ["type": "string", "enum": .array(values.map(JSONValue.string))]
    }

    static func text(_ lengths: ClosedRange<Int>, pattern: String? = nil) -> JSONValue {
        var fields: [String: JSONValue] = [
            "type": "string", "minLength": .integer(lengths.lowerBound), "maxLength": .integer(lengths.upperBound),
        ]
        if let pattern { fields["pattern"] = .string(pattern) }
        return .object(fields)
    }

    static func integer(from least: Int, to most: Int? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "integer", "minimum": .integer(least)]
        if let most { fields["maximum"] = .integer(most) }
        return .object(fields)
    }

    static func list(of element: JSONValue, _ counts: ClosedRange<Int>? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "array", "items": element]
        if let counts {
            fields["minItems"] = .integer(counts.lowerBound)
            fields["maxItems"] = .integer(counts.upperBound)
        }
        return .object(fields)
    }

    static func orNull(_ schema: JSONValue) -> JSONValue {
        ["anyOf": .array([schema, ["type": "null"]])]
    }

    static func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

    static func object(_ required: [String: JSONValue], optional: [String: JSONValue] = [:]) -> JSONValue {
        var fields: [String: JSONValue] = [
            "type": "object", "properties": .object(required.merging(optional) { first, _ in first }),
            "additionalProperties": .bool(false),
        ]
        if !required.isEmpty { fields["required"] = .array(required.keys.sorted().map(JSONValue.string)) }
        return .object(fields)
    }

    /// Returns a schema with further conditions.
    static func with(_ more: [String: JSONValue], _ schema: JSONValue) -> JSONValue {
        guard case .object(let fields) = schema else { return schema }
        return .object(fields.merging(more) { $1 })
    }

    /// Returns a condition that requires all of these fields.
    static func has(_ names: String...) -> JSONValue { ["required": .array(names.map(JSONValue.string))] }

    static func page(_ key: String, of element: String) -> JSONValue {
        object([key: list(of: reference(element)), "next_cursor": orNull(string)])
    }
}

// MARK: - Components

extension Schema {
    /// The components of the document, by name.
    static let all: [String: JSONValue] = pods.merging([
        "Any": any, "Text": string, "Status": object(["status": choice(["ok"])]),
        "User": object(
            [
                "id": string, "email": string, "account_id": string, "created_at": time, "token": reference("Token"),
                "default_project_id": string,
            ], optional: ["name": orNull(string)]),
        "Permission": object([
            "scope": scope, "project_id": orNull(string), "allowed": boolean,
            "missing": list(
                of: object([
                    "code": choice(["insufficient_scope", "project_forbidden", "member_forbidden"]), "message": string,
                ])),
        ]),
        "Token": object(tokenFields, optional: ["spend_limit": spendLimit]), "TokenPage": page("tokens", of: "Token"),
        "CreatedToken": object(
            tokenFields, optional: ["token": tokenText, "notice": string, "spend_limit": spendLimit]),
        "NewToken": with(
            ["not": has("expires_in_days", "expires_at")],
            withGeneratedSecret(
                ["name": name],
                optional: [
                    "expires_in_days": ["type": "integer", "enum": .array(TokenExpiry.choices.map(JSONValue.integer))],
                    "expires_at": orNull(time), "scopes": scopes, "project_ids": projectIDs,
                    "spend_limit": orNull(spendLimit),
                ])),
        "TokenUpdate": object(
            [:],
            optional: [
                "name": name, "scopes": scopes, "project_ids": projectIDs, "spend_limit": orNull(spendLimit),
            ]),
        "TokenRotation": withGeneratedSecret([:], optional: ["grace_seconds": integer(from: 0, to: 604_800)]),
        "TokenReport": object(["tokens": list(of: parameter, 0...TokenReport.largestCount)]),
        "NewDeviceCode": withGeneratedSecret(["client_name": name], optional: ["scopes": scopes]),
        "DeviceCode": object([
            "device_code": string, "user_code": text(9...9, pattern: "^[B-Z]{4}-[B-Z]{4}$"),
            "verification_uri": string, "verification_uri_complete": string, "expires_in": integer(from: 1),
            "interval": integer(from: 1),
        ]),
        "DeviceTokenRequest": object(["device_code": text(0...100)]),
        "OAuthDeviceRequest": form(["client_id": name], optional: ["scope": scopeList]),
        "OAuthTokenRequest": form([
            "grant_type": choice([OAuthRoutes.deviceCodeGrant]), "device_code": text(1...100), "client_id": name,
        ]),
        "OAuthToken": object(
            ["access_token": tokenText, "token_type": choice(["Bearer"]), "scope": string],
            optional: ["expires_in": integer(from: 1)]),
        "OAuthMetadata": object([
            "issuer": string, "device_authorization_endpoint": string, "token_endpoint": string,
            "scopes_supported": list(of: scope), "grant_types_supported": list(of: string),
            "token_endpoint_auth_methods_supported": list(of: string), "response_types_supported": list(of: string),
        ]),
        "OAuthError": object([
            "error": choice([
                "invalid_request", "invalid_scope", "invalid_grant", "unsupported_grant_type", "authorization_pending",
                "slow_down", "access_denied", "expired_token", "temporarily_unavailable", "server_error",
            ]), "error_description": string,
        ]),
        "Project": object(
            [
                "id": string, "name": string, "description": orNull(string), "created_at": time, "role": role,
                "permissions": permissions, "is_default": boolean,
            ], optional: ["spend_limit": spendLimit]),
        "ProjectPage": page("projects", of: "Project"),
        "NewProject": object(["name": name], optional: ["description": description]),
        "ProjectUpdate": object(
            [:], optional: ["name": name, "description": description, "spend_limit": orNull(spendLimit)]),
        "Member": object([
            "user_id": string, "email": string, "name": orNull(string), "role": role, "permissions": permissions,
            "status": choice(["active", "deactivated", "invited"]), "added_at": time,
        ]),
        "MemberPage": page("members", of: "Member"),
        "Invitation": object([
            "project_id": string, "project_name": string, "role": role, "permissions": permissions,
            "invited_by": string, "created_at": time, "expires_at": time,
        ]),
        "InvitationPage": page("invitations", of: "Invitation"),
        "NewMember": with(
            ["anyOf": .array([isUser, isAdmin])],
            object(["email": email, "role": role], optional: ["permissions": permissions])),
        "MemberUpdate": with(
            ["anyOf": .array([isUser, isAdmin, ["not": has("role")]])],
            object([:], optional: ["role": role, "permissions": permissions, "status": status])),
        "AuditEvent": object([
            "id": string, "created_at": time, "action": string, "resource_type": string,
            "resource_id": orNull(string), "resource_name": orNull(string), "project_id": orNull(string),
            "user_id": orNull(string), "user_email": orNull(string), "token_id": orNull(string),
            "ip_address": orNull(string), "user_agent": orNull(string), "details": ["type": "object"],
        ]),
        "AuditEventPage": page(AuditEvent.listKey, of: "AuditEvent"),
        "Error": object([
            "error": object(
                ["code": string, "message": string, "request_id": string], optional: ["details": ["type": "object"]])
        ]),
    ]) { $1 }

    /// A name without control characters that is not only white space.
    ///
    /// `VisibleText` excludes more, which no pattern can express.
    private static let name: JSONValue = {
        let plain = #"\u0000-\u001f\u007f-\u009f"#
        return text(1...100, pattern: #"^[^\#(plain)]*[^\s\#(plain)][^\#(plain)]*$"#)
    }()
    private static let description = orNull(
        text(0...1000, pattern: #"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]*$"#))
    private static let email: JSONValue = {
        let invisible = EmailAddress.invisible.map { "\(escaped($0.lowerBound))-\(escaped($0.upperBound))" }.joined()
        return text(3...254, pattern: #"^[^@\s\#(invisible)]+@[^@\s\#(invisible)]+$"#)
    }()

    /// Returns a character as it is written in a pattern.
    ///
    /// There is no escape beyond four digits that every regular expression library supports, so such a character stays
    /// as it is.
    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        guard scalar.value <= 0xFFFF else { return String(scalar) }
        let digits = String(scalar.value, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// The fields of a form, which may have unknown ones, each of them once.
    private static func form(_ required: [String: JSONValue], optional: [String: JSONValue] = [:]) -> JSONValue {
        guard case .object(var fields) = object(required, optional: optional) else { return any }
        fields["additionalProperties"] = string
        return .object(fields)
    }
    /// Scopes, separated by spaces; an empty text counts as omitted.
    private static let scopeList: JSONValue = {
        let one = #"(\*|(\#(Scope.resources.joined(separator: "|"))):(\*|\#(Scope.actions.joined(separator: "|"))))"#
        return text(0...1000, pattern: "^(\(one)( \(one))*)?$")
    }()

    private static let role = choice(["admin", "user"])
    /// The role `user` names its permissions; the role `admin` has all of them and must not name any.
    private static let isUser: JSONValue = [
        "properties": ["role": ["const": "user"]], "required": .array(["role", "permissions"]),
    ]
    private static let isAdmin: JSONValue = [
        "properties": ["role": ["const": "admin"]], "required": .array(["role"]), "not": has("permissions"),
    ]
    private static let status = choice(["active", "deactivated"])
    private static let permissions = list(of: choice(Scope.actions), 1...100)
    private static let scopes = list(of: scope, 1...100)
    private static let projectIDs = orNull(list(of: string, 1...100))
    private static let tokenText = text(56...56, pattern: "^podstack_[0-9a-hjkmnp-tv-z]{8}_[0-9A-Za-z]{38}$")

    private static let tokenFields: [String: JSONValue] = [
        "id": string, "name": string, "prefix": string, "scopes": list(of: scope),
        "project_ids": orNull(list(of: string)), "created_at": time, "expires_at": orNull(time),
        "last_used_at": orNull(time), "generation": integer(from: 1), "rotate_by": orNull(time),
        "status": choice(["active", "expired", "revoked"]), "revoked_at": orNull(time),
    ]

    /// Adds the two optional fields of a secret that the caller generated: either both are present or neither is.
    private static func withGeneratedSecret(_ required: [String: JSONValue], optional: [String: JSONValue]) -> JSONValue
    {
        let generated = [
            "id": text(8...8, pattern: "^[0-9a-hjkmnp-tv-z]{8}$"), "sha256": text(64...64, pattern: "^[0-9a-f]{64}$"),
        ]
        return with(
            ["dependentRequired": ["id": .array(["sha256"]), "sha256": .array(["id"])]],
            object(required, optional: optional.merging(generated) { first, _ in first }))
    }
}
