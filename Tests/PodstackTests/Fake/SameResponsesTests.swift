import Foundation
import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack

/// Sends the same requests to the fake and to the real service, and compares the responses.
@Suite("The fake responds as the real service does", .blocking, .timeLimit(.perTest))
struct SameResponsesTests {
    /// A service with its token, and the names of the IDs that it gave out.
    final class Side {
        let service: Service
        let token: APIToken
        private var names: [String: String] = [:]
        private var tokens: [String: APIToken] = [:]

        init(_ subject: ServiceUnderTest) throws {
            service = try Service(subject, maxActiveTokens: 8, maxProjects: 6)
            token = try service.createToken()
            // Each at another time, because two IDs of the same second are in a random order.
            service.advance(1)
            try service.addUser("b@example.com")
        }

        func learn(_ id: String, as name: String) { names[name] = id }
        func knows(_ name: String) -> Bool { names[name] != nil }
        func know(_ token: APIToken, as name: String) { tokens[name] = token }

        /// Sends a request in which `{name}` stands for an ID, and returns the response with names for IDs.
        ///
        /// - Parameters:
        ///   - method: The method.
        ///   - path: The path.
        ///   - body: The body.
        ///   - sender: The name of the token; nil for the first one.
        ///   - name: The name of the ID, and of the secret, in the response.
        /// - Returns: The status and the body.
        /// - Throws: An error if there is no response.
        func response(
            _ method: String, _ path: String, _ body: String?, as sender: String? = nil, learning name: String? = nil
        ) async throws -> String {
            let (path, body) = (filled(path), body.map(filled))
            let response = try await service.send(method, path, sender.map { tokens[$0] ?? token } ?? token, body: body)
            let value = response.body.isEmpty ? nil : try APICoding.decode(JSONValue.self, from: response.body)
            if let name, response.status < 300, case .object(let fields)? = value {
                if names[name] == nil, let id = fields["id"]?.stringValue { learn(id, as: name) }
                if let secret = fields["token"]?.stringValue { tokens[name] = APIToken(secret) }
            }
            let text = String(decoding: try APICoding.encode(value.map(plain) ?? .null), as: UTF8.self)
            return "\(response.status) \(names.reduce(text) { $0.replacing($1.value, with: "{\($1.key)}") })"
        }

        private func filled(_ text: String) -> String {
            names.reduce(text) { $0.replacing("{\($1.key)}", with: $1.value) }
        }

        /// Returns a value without what differs between two services, such as the IDs of requests and events.
        private func plain(_ value: JSONValue) -> JSONValue {
            switch value {
            case .array(let values): return .array(values.map(plain))
            case .object(var fields):
                for name in ["request_id", "ip_address", "user_agent"] { fields[name] = nil }
                if fields["action"] != nil { fields["id"] = nil }
                // A new secret.
                if fields["token"]?.stringValue != nil { fields["token"] = nil }
                if let cursor = fields["next_cursor"] { fields["next_cursor"] = .bool(cursor != .null) }
                return .object(fields.mapValues(plain))
            default: return value
            }
        }
    }

    let fake: Side
    let real: Side

    init() async throws {
        (fake, real) = (try Side(.fake), try Side(.real))
        for side in [fake, real] {
            let user = try await side.service.client(side.token).auth.whoami()
            side.learn(try #require(user.defaultProjectID), as: "project")
            side.learn(user.id, as: "user")
            side.learn(try #require(user.token?.id), as: "token")
            side.learn(try #require(user.accountID), as: "account")
            let secret = try side.service.createToken("b@example.com")
            side.know(secret, as: "b")
            side.service.advance(1)
            let other = try await side.service.client(secret).auth.whoami()
            side.learn(try #require(other.token?.id), as: "tb")
            side.learn(try #require(other.accountID), as: "accountb")
            side.learn(other.id, as: "other")
            side.learn(try #require(other.defaultProjectID), as: "foreign")
        }
    }

    func compare(
        _ method: String, _ path: String, _ body: String? = nil, as sender: String? = nil, learning name: String? = nil
    ) async throws {
        let expected = try await real.response(method, path, body, as: sender, learning: name)
        let found = try await fake.response(method, path, body, as: sender, learning: name)
        #expect(found == expected, "\(sender ?? "first"): \(method) \(path) \(body ?? "")")
    }

    @Test("to every invalid request, with every problem")
    func invalid() async throws {
        for (method, path, body) in [
            ("POST", "/v1/tokens", #"{"name": "", "expires_in_days": 5, "scopes": ["x"], "nmae": 1}"#),
            ("POST", "/v1/tokens", #"{"name": "x", "id": "1", "sha256": "AB"}"#),
            ("POST", "/v1/tokens", #"{"name": "x", "id": "00000000"}"#),
            ("POST", "/v1/tokens", #"{"expires_at": "yesterday", "scopes": [], "project_ids": []}"#),
            ("POST", "/v1/tokens", #"{"name": "a\u0007b", "expires_at": "2001-01-01T00:00:00Z"}"#),
            ("POST", "/v1/tokens", #"{"name": "x", "expires_in_days": 7, "expires_at": null}"#),
            ("POST", "/v1/tokens", #"{"name": 5, "scopes": "all", "project_ids": [1]}"#),
            ("POST", "/v1/tokens", #"{"name": "x", "expires_at": null}"#),
            ("POST", "/v1/tokens", #"{"name": "x", "project_ids": ["{foreign}"]}"#),
            ("PATCH", "/v1/tokens/{token}", #"{"name": "\#(String(repeating: "x", count: 101))"}"#),
            ("PATCH", "/v1/tokens/{token}", #"{"project_ids": ["{project}", "{foreign}"]}"#),
            ("PATCH", "/v1/tokens/00000000", #"{"name": "x"}"#), ("GET", "/v1/tokens/00000000", nil),
            ("POST", "/v1/tokens/self/rotate", #"{"grace_seconds": "long", "id": "zzzzzzzz"}"#),
            ("POST", "/v1/projects", #"{"description": 5}"#), ("POST", "/v1/projects", #"{"name": "   "}"#),
            ("PATCH", "/v1/projects/{project}", #"{"name": 1, "x": 2}"#),
            ("GET", "/v1/projects/{foreign}", nil), ("PATCH", "/v1/projects/{foreign}", #"{"name": "x"}"#),
            ("DELETE", "/v1/projects/{project}", nil), ("DELETE", "/v1/projects/prj_none", nil),
            ("POST", "/v1/projects/{project}/members", #"{"email": "x", "role": "owner"}"#),
            ("POST", "/v1/projects/{project}/members", #"{"email": "x@y", "role": "user"}"#),
            ("POST", "/v1/projects/{project}/members", #"{"role": "admin", "permissions": ["fly"]}"#),
            ("POST", "/v1/projects/{project}/members", #"{"email": "you@example.com", "role": "admin"}"#),
            ("PATCH", "/v1/projects/{project}/members/{user}", #"{"permissions": ["read"]}"#),
            ("PATCH", "/v1/projects/{project}/members/{user}", #"{"role": "user", "permissions": ["read"]}"#),
            ("PATCH", "/v1/projects/{project}/members/{other}", #"{"status": "gone"}"#),
            ("PATCH", "/v1/projects/{project}/members/{other}", #"{"status": "active"}"#),
            ("DELETE", "/v1/projects/{project}/members/{other}", nil),
            ("DELETE", "/v1/projects/{project}/members/{user}", nil),
            ("POST", "/v1/projects/{foreign}/members/{user}/accept", nil),
            ("POST", "/v1/projects/{project}/members/{other}/accept", nil),
            ("POST", "/v1/projects/{project}/members/{other}/decline", nil),
            ("GET", "/v1/projects/{foreign}/members", nil),
            ("POST", "/v1/tokens/report", #"{"tokens": [1]}"#), ("POST", "/v1/tokens/report", "{}"),
            ("POST", "/v1/device/code", #"{"scopes": "all"}"#), ("POST", "/v1/device/token", "{}"),
            ("GET", "/v1/audit-logs?since=today", nil), ("GET", "/v1/audit-logs?typo=1", nil),
            ("GET", "/v1/tokens?limit=0", nil), ("GET", "/v1/tokens?cursor=x", nil),
            ("GET", "/v1/auth/can", nil), ("GET", "/v1/auth/can?scope=fly", nil),
            ("GET", "/v1/auth/can?scope=pods:read&project={foreign}", nil),
            ("POST", "/v1/projects", "[]"), ("POST", "/v1/projects", "{"), ("GET", "/v1/nothing", nil),
            ("PUT", "/v1/tokens", "{}"), ("DELETE", "/v1/auth/whoami", nil),
        ] { try await compare(method, path, body) }
    }

    @Test("to the whole life of tokens, projects and members")
    func journey() async throws {
        let digest = String(repeating: "ab", count: 32)
        for (method, path, body) in [
            ("GET", "/v1/auth/whoami", nil), ("GET", "/v1/tokens/self", nil),
            (
                "POST", "/v1/tokens",
                #"{"name": "t", "scopes": ["projects:read"], "id": "zzzzzzz1", "sha256": "\#(digest)"}"#
            ),
            (
                "POST", "/v1/tokens",
                #"{"name": "t", "scopes": ["projects:read"], "id": "zzzzzzz1", "sha256": "\#(digest)"}"#
            ),
            ("POST", "/v1/tokens", #"{"name": "t", "id": "zzzzzzz1", "sha256": "\#(String(digest.reversed()))"}"#),
            ("PATCH", "/v1/tokens/zzzzzzz1", #"{"name": "u", "project_ids": ["{project}"]}"#),
            ("PATCH", "/v1/tokens/zzzzzzz1", #"{"project_ids": null}"#), ("GET", "/v1/tokens/zzzzzzz1", nil),
            (
                "POST", "/v1/tokens/zzzzzzz1/rotate",
                #"{"id": "zzzzzzz1", "sha256": "\#(String(digest.reversed()))", "grace_seconds": 0}"#
            ),
            ("POST", "/v1/tokens/zzzzzzz1/rotate", #"{"id": "zzzzzzz1", "sha256": "\#(digest)"}"#),
            ("DELETE", "/v1/tokens/zzzzzzz1", nil), ("GET", "/v1/tokens/zzzzzzz1", nil),
            ("DELETE", "/v1/tokens/zzzzzzz1", nil), ("POST", "/v1/tokens/zzzzzzz1/rotate", "{}"),
            ("PATCH", "/v1/projects/{project}", #"{"name": " first ", "description": "all of it"}"#),
            ("GET", "/v1/projects", nil), ("PATCH", "/v1/projects/{project}", #"{"description": null}"#),
            (
                "POST", "/v1/projects/{project}/members",
                #"{"email": "B@example.com", "role": "user", "permissions": ["update", "read"]}"#
            ),
            ("PATCH", "/v1/projects/{project}/members/{other}", #"{"role": "admin"}"#),
            ("PATCH", "/v1/projects/{project}/members/{other}", #"{"status": "active"}"#),
            ("GET", "/v1/auth/can?scope=members:create&project={project}", nil),
            ("DELETE", "/v1/projects/{project}/members/{other}", nil),
            ("GET", "/v1/invitations", nil), ("POST", "/v1/tokens/report", #"{"tokens": ["nothing"]}"#),
        ] { try await compare(method, path, body) }
        try await compare("GET", "/v1/projects/{project}/members")
    }

    @Test("to random requests of two users with several tokens")
    func random() async throws {
        var generator = TestSeed.generator()
        var (projects, tokens) = ([String](), [String]())
        for step in 0..<250 {
            let seconds = Int.random(in: 0..<20, using: &generator) == 0 ? 40_000 : 1
            for side in [fake, real] { side.service.advance(seconds) }
            func one(of texts: [String]) -> String { texts.randomElement(using: &generator) ?? "" }
            let project = one(of: ["{project}", "{foreign}"] + projects.suffix(4))
            let member = one(of: ["{user}", "{other}"])
            let created = one(of: tokens.suffix(4) + ["00000000"])
            let token = one(of: [created, created, "{token}", "{tb}", "self"])
            let sender = one(of: ["first", "first", "b", String(created.dropFirst().dropLast())])
            let scope = one(of: ["*", "projects:*", "tokens:*", "tokens:read", "projects:read", "members:create"])
            let role = one(of: [#""role": "admin""#, #""role": "user", "permissions": ["read", "delete"]"#])
            let (method, path, body, learned): (String, String, String?, String?) =
                switch Int.random(in: 0..<18, using: &generator) {
                case 0: ("POST", "/v1/projects", #"{"name": "n\#(step)"}"#, "p\(step)")
                case 1: ("POST", "/v1/tokens", #"{"name": "n\#(step)", "scopes": ["\#(scope)"]}"#, "t\(step)")
                case 2:
                    (
                        "POST", "/v1/tokens", #"{"name": "n", "expires_in_days": 7, "project_ids": ["\#(project)"]}"#,
                        "t\(step)"
                    )
                case 3: ("PATCH", "/v1/tokens/\(token)", #"{"name": "m\#(step)", "scopes": ["\#(scope)"]}"#, nil)
                case 4: ("PATCH", "/v1/tokens/\(token)", #"{"project_ids": ["\#(project)"]}"#, nil)
                case 5: ("DELETE", "/v1/tokens/\(created)", nil, nil)
                case 6:
                    (
                        "POST", "/v1/tokens/\(created)/rotate", #"{"grace_seconds": 30000}"#,
                        String(created.dropFirst().dropLast())
                    )
                case 7: ("PATCH", "/v1/projects/\(project)", #"{"name": "r\#(step)", "description": "d"}"#, nil)
                case 8: ("DELETE", "/v1/projects/\(project)", nil, nil)
                case 9: ("POST", "/v1/projects/\(project)/members", #"{"email": "b@example.com", \#(role)}"#, nil)
                case 10: ("PATCH", "/v1/projects/\(project)/members/\(member)", "{\(role)}", nil)
                case 11: ("PATCH", "/v1/projects/\(project)/members/\(member)", #"{"status": "deactivated"}"#, nil)
                case 12: ("DELETE", "/v1/projects/\(project)/members/\(member)", nil, nil)
                case 13:
                    ("POST", "/v1/projects/\(project)/members/\(member)/\(one(of: ["accept", "decline"]))", nil, nil)
                case 14: ("GET", one(of: ["/v1/auth/whoami", "/v1/tokens/self", "/v1/tokens/\(token)"]), nil, nil)
                case 15:
                    ("GET", one(of: ["/v1/projects", "/v1/tokens", "/v1/invitations", "/v1/audit-logs"]), nil, nil)
                case 16: ("GET", "/v1/projects/\(project)\(one(of: ["", "/members"]))", nil, nil)
                default: ("GET", "/v1/auth/can?scope=\(scope)&project=\(project)", nil, nil)
                }
            try await compare(method, path, body, as: sender, learning: learned)
            if learned == "p\(step)", fake.knows("p\(step)") { projects.append("{p\(step)}") }
            if learned == "t\(step)", fake.knows("t\(step)") { tokens.append("{t\(step)}") }
        }
    }
}
