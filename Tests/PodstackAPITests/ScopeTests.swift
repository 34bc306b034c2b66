import PodstackAPI
import Testing

@Suite("Scopes and other names", .timeLimit(.minutes(1)))
struct ScopeTests {
    @Test("a scope can be written as a member, with an action, and as a literal")
    func spellings() {
        let scopes: [Scope] = [.tokensRead, .pods(.create), "audit-logs:read", .members(.all), .all, .projects("fly")]
        #expect(
            scopes.map(\.rawValue) == [
                "tokens:read", "pods:create", "audit-logs:read", "members:*", "*", "projects:fly",
            ])
        #expect(scopes.joined(separator: " ") == "tokens:read pods:create audit-logs:read members:* * projects:fly")
        #expect("\(Scope.auditLogs(.read))" == "audit-logs:read")
        #expect(Scope.auditLogs(.read) == .auditLogsRead)
    }

    @Test("every scope of the API is parsed, and nothing else")
    func parsing() {
        for resource in Scope.resources {
            for action in Scope.actions + ["*"] {
                let text = "\(resource):\(action)"
                let scope = Scope(text)
                #expect(scope?.description == text)
                #expect(scope?.resource == resource)
                #expect(scope?.action == (action == "*" ? nil : action))
            }
        }
        #expect(Scope(String("*")) == .all)
        #expect(Scope.all.resource == nil && Scope.all.action == nil)
        for text in [
            "", "x", ":", "projects", "projects:", ":read", "projects:read:x", "*:*", "*:read", "Projects:read",
        ] {
            #expect(Scope(String(text)) == nil, "\(text)")
        }
    }

    @Test("a scope covers what it names, and an unknown one covers nothing else")
    func covering() {
        let known = Scope.resources.flatMap { resource in (Scope.actions + ["*"]).map { "\(resource):\($0)" } } + ["*"]
        for outer in known {
            for inner in known {
                let (out, in_) = (outer.split(separator: ":"), inner.split(separator: ":"))
                let expected = outer == "*" || outer == inner || (out[0] == in_[0] && out.count == 2 && out[1] == "*")
                #expect(Scope(rawValue: outer).covers(Scope(rawValue: inner)) == expected, "\(outer) \(inner)")
            }
        }
        for unknown in ["", "x", "projects", "projects:", ":*", "*:*", "projectsx:*", "project:*", "proj*"] {
            let scope = Scope(rawValue: unknown)
            #expect(!scope.covers(.projectsRead), "\(unknown)")
            #expect(scope.covers(scope))
        }
        #expect([Scope.podsRead, .projects(.all)].allows(.projectsDelete))
    }

    @Test("unknown names from the API are kept")
    func unknownNames() throws {
        let json =
            #"{"user_id":"u","email":"e","role":"owner","permissions":["read","fly"],"status":"asleep","added_at":"2027-01-31T12:00:00Z"}"#
        let member = try APICoding.decode(Member.self, from: Array(json.utf8))
        #expect((member.role, member.status) == ("owner", "asleep"))
        #expect(member.permissions == [.read, "fly"])
        let text = String(decoding: try APICoding.encode(member), as: UTF8.self)
        #expect(text.contains(#""role":"owner""#))
    }

    @Test("a lifetime in days is one that the service accepts")
    func days() {
        #expect(TokenExpiry.choices == [7, 30, 90, 180, 365])
        #expect(TokenExpiry.Days(rawValue: 5) == nil)
        #expect(TokenExpiry.Days(rawValue: 90) == .ninety)
    }
}
