import Podstack
import PodstackAPI

/// The operations of a client, by name.
///
/// Most return the response of the service as it arrived, which the SDK has checked by decoding it.
enum ClientOperations {
    typealias Operation = @Sendable (Client, Arguments) async throws -> [UInt8]

    static let all: [String: Operation] = [
        "auth.whoami": { client, _ in try await response { try await client.auth.whoami() } },
        "auth.can": { client, arguments in
            _ = try arguments.required("scope")
            return try await response {
                try await client.auth.can(try arguments.name("scope") ?? "", project: try arguments.string("project"))
            }
        },
        "auth.rotate": { client, arguments in
            try created(await client.auth.rotate(grace: try arguments.duration("grace")))
        },
        "auth.revoke": { client, _ in try await nothing { try await client.auth.revoke() } },

        "tokens.list": { client, arguments in try await page(client.tokens.list(), arguments) },
        "tokens.get": { client, arguments in
            let id = try arguments.required("id")
            return try await response { try await client.tokens.get(id) }
        },
        "tokens.create": { client, arguments in
            try created(
                await client.tokens.create(
                    name: try arguments.required("name"), expiresIn: try expiry(arguments),
                    scopes: try arguments.names("scopes"), projects: try arguments.strings("projects"),
                    spendLimit: try arguments.spendLimit()))
        },
        "tokens.update": { client, arguments in
            let id = try arguments.required("id")
            return try await response {
                try await client.tokens.update(
                    id, name: try arguments.string("name"), scopes: try arguments.names("scopes"),
                    projects: try arguments.strings("projects"),
                    spendLimit: try arguments.change("spend_limit") { try $0.spendLimit() })
            }
        },
        "tokens.rotate": { client, arguments in
            try created(
                await client.tokens.rotate(try arguments.required("id"), grace: try arguments.duration("grace")))
        },
        "tokens.revoke": { client, arguments in
            let id = try arguments.required("id")
            return try await nothing { try await client.tokens.revoke(id) }
        },
        "tokens.report": { client, arguments in
            let tokens = (try arguments.strings("tokens") ?? []).map { APIToken($0) }
            return try await nothing { try await client.tokens.report(tokens) }
        },

        "projects.list": { client, arguments in try await page(client.projects.list(), arguments) },
        "projects.get": { client, arguments in
            let id = try arguments.required("id")
            return try await response { try await client.projects.get(id) }
        },
        "projects.current": { client, _ in try await response { try await client.projects.current() } },
        "projects.create": { client, arguments in
            let (name, description) = (try arguments.required("name"), try arguments.string("description"))
            return try await response { try await client.projects.create(name: name, description: description) }
        },
        "projects.update": { client, arguments in
            let id = try arguments.required("id")
            let (name, description) = (try arguments.string("name"), try arguments.string("description"))
            let limit = try arguments.change("spend_limit") { try $0.spendLimit() }
            return try await response {
                try await client.projects.update(id, name: name, description: description, spendLimit: limit)
            }
        },
        "projects.delete": { client, arguments in
            let id = try arguments.required("id")
            return try await nothing { try await client.projects.delete(id) }
        },

        "members.list": { client, arguments in
            try await page(client.members.list(project: try arguments.required("project")), arguments)
        },
        "members.add": { client, arguments in
            let (email, project) = (try arguments.required("email"), try arguments.required("project"))
            return try await response {
                try await client.members.add(
                    email, to: project, role: try arguments.name("role") ?? "user",
                    permissions: try arguments.names("permissions"))
            }
        },
        "members.update": { client, arguments in
            let (user, project) = (try arguments.required("user"), try arguments.required("project"))
            return try await response {
                try await client.members.update(
                    user, of: project, role: try arguments.name("role"),
                    permissions: try arguments.names("permissions"), status: try arguments.name("status"))
            }
        },
        "members.remove": { client, arguments in
            let (user, project) = (try arguments.required("user"), try arguments.required("project"))
            return try await nothing { try await client.members.remove(user, from: project) }
        },
        "members.leave": { client, arguments in
            let project = try arguments.required("project")
            return try await nothing { try await client.members.leave(project) }
        },
        "members.invitations": { client, arguments in try await page(client.members.invitations(), arguments) },
        "members.accept": { client, arguments in
            let project = try arguments.required("project")
            return try await response { try await client.members.accept(project) }
        },
        "members.decline": { client, arguments in
            let project = try arguments.required("project")
            return try await nothing { try await client.members.decline(project) }
        },

        "audit_logs.list": { client, arguments in
            try await page(
                client.auditLogs.list(
                    action: try arguments.string("action"), resourceType: try arguments.string("resource_type"),
                    user: try arguments.string("user"), since: try arguments.date("since"),
                    until: try arguments.date("until"), containing: try arguments.string("text")),
                arguments)
        },

        "configuration": { client, _ in try SettingsJSON.encode(client.configuration) },
    ]

    // MARK: - Results

    /// Returns the body of the last response that a closure received.
    static func response<Value>(
        _ body: @Sendable () async throws -> Value
    ) async throws -> [UInt8] {
        let recorder = ResponseRecorder()
        _ = try await ResponseRecorder.$current.withValue(recorder) { try await body() }
        return recorder.body
    }

    static func nothing(_ body: @Sendable () async throws -> Void) async throws -> [UInt8] {
        try await body()
        return Array("null".utf8)
    }

    /// Returns a page of a list as the service sent it.
    static func page<Element: Sendable>(_ list: Paged<Element>, _ arguments: Arguments) async throws -> [UInt8] {
        let (limit, cursor) = (try arguments.integer("limit") ?? 200, try arguments.string("cursor"))
        return try await response { try await list.page(limit: limit, cursor: cursor) }
    }

    /// Returns a token with its secret.
    static func created(_ result: (token: Token, secret: APIToken)) throws -> [UInt8] {
        let token = try APICoding.encode(result.token)
        let secret = try APICoding.encode(result.secret.withSecret { $0 })
        return Array(#"{"token":"#.utf8) + token + Array(#","secret":"#.utf8) + secret + Array("}".utf8)
    }

    private static func expiry(_ arguments: Arguments) throws -> TokenExpiry {
        if try arguments.flag("never_expires") { return .never }
        if let date = try arguments.date("expires_at") { return .at(date) }
        guard let number = try arguments.integer("expires_in_days") else { return .serviceDefault }
        guard let days = TokenExpiry.Days(rawValue: number) else {
            let choices = TokenExpiry.choices.map(String.init).joined(separator: ", ")
            throw InterfaceError.argument("expires_in_days", "one of \(choices)")
        }
        return .days(days)
    }
}

/// Describes settings as JSON; the token is included in full.
enum SettingsJSON {
    static func encode(_ configuration: ClientConfiguration) throws -> [UInt8] {
        var token: JSONValue = .null
        if let setting = configuration.apiToken {
            token = value(setting) { .string($0.withSecret { $0 }) }
        } else if let source = configuration.tokenSource {
            token = ["value": .null, "source": .object(PythonNames.fields(source)), "shadows": .array([])]
        }
        return try APICoding.encode(
            [
                "api_token": token,
                "project_id": configuration.projectID.map { value($0) { .string($0) } } ?? .null,
                "api_endpoint": value(configuration.apiEndpoint) { .string($0.url) },
                "profile": configuration.profile.map { value($0) { .string($0) } } ?? .null,
                "warnings": .array(configuration.warnings.map { .string(PythonNames.text($0)) }),
                "token_error": configuration.tokenError.map { .object(ErrorJSON.fields($0)) } ?? .null,
            ] as [String: JSONValue])
    }

    private static func value<Value>(
        _ setting: ClientConfiguration.Setting<Value>, _ text: (Value) -> JSONValue
    ) -> JSONValue {
        [
            "value": text(setting.value), "source": .object(PythonNames.fields(setting.source)),
            "shadows": .array(
                setting.shadows.map { shadow in
                    ["source": .object(PythonNames.fields(shadow.source)), "reason": .string(shadow.reason)]
                }),
        ]
    }
}
