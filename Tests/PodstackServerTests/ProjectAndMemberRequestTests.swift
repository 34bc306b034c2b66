import PodstackAPI
import Testing

@testable import PodstackServer

@Suite("Requests for projects and members", .timeLimit(.perTest))
struct ProjectAndMemberRequestTests {
    private func problems(_ body: () throws -> Void) -> [String: [String]] {
        do {
            try body()
            return [:]
        } catch DomainError.invalid(let errors) {
            return errors.messages
        } catch {
            Issue.record("\(error)")
            return [:]
        }
    }

    @Test("all problems of a new member are reported at once, together with those found while reading")
    func newMember() {
        let all = problems {
            _ = try MemberRequest(
                adding: MemberRequest.Values(email: "you", role: "owner", permissions: ["write"]),
                problems: FieldErrors(["colour": ["is not a field of a new member"]]))
        }
        #expect(all.keys.sorted() == ["colour", "email", "permissions", "role"])
        #expect(all["email"] == ["must be an email address"])
        #expect(problems { _ = try MemberRequest(adding: MemberRequest.Values()) }.keys.sorted() == ["email", "role"])
        let admin = MemberRequest.Values(email: "a@b.c", role: "admin", permissions: ["read"])
        #expect(problems { _ = try MemberRequest(adding: admin) }.keys.sorted() == ["permissions"])
        let user = MemberRequest.Values(email: "a@b.c", role: "user")
        #expect(problems { _ = try MemberRequest(adding: user) }.keys.sorted() == ["permissions"])
    }

    @Test("a field with a problem is not reported as missing as well")
    func noSecondProblem() {
        #expect(
            problems { _ = try MemberRequest(["email": "a@b.c", "role": "user", "permissions": "read"], isNew: true) }
                == ["permissions": ["must be a list of strings"]])
        #expect(
            problems { _ = try ProjectRequest(["name": 5], isNew: true) } == ["name": ["must be a string"]])
    }

    @Test("JSON and plain values give the same request")
    func json() throws {
        let fields: [String: JSONValue] = [
            "email": "a@b.c", "role": "user", "permissions": .array(["read", "update"]),
        ]
        let values = MemberRequest.Values(email: "a@b.c", role: "user", permissions: ["update", "read"])
        #expect(try MemberRequest(fields, isNew: true) == MemberRequest(adding: values))
        #expect(
            try MemberRequest(["status": "deactivated"], isNew: false)
                == MemberRequest(changing: MemberRequest.Values(status: "deactivated")))
        #expect(
            try ProjectRequest(["name": " a ", "description": .null], isNew: true)
                == ProjectRequest(creating: ProjectRequest.Values(name: "a", description: .some(""))))
    }

    @Test("a change of a member keeps what it does not name, and an admin's permissions cannot be narrowed alone")
    func changes() throws {
        let nothing = try MemberRequest(changing: MemberRequest.Values())
        #expect(nothing.isActive == nil)
        #expect(try nothing.role(after: .user(["read"])) == .user(["read"]))
        let permissions = try MemberRequest(changing: MemberRequest.Values(permissions: ["update"]))
        #expect(try permissions.role(after: .user(["read"])) == .user(["update"]))
        #expect(problems { _ = try permissions.role(after: .admin) }.keys.sorted() == ["permissions"])
        let role = try MemberRequest(changing: MemberRequest.Values(role: "user", permissions: ["update"]))
        #expect(try role.role(after: .admin) == .user(["update"]))
    }

    @Test("a description may have lines but no control characters, and an empty one removes it")
    func descriptions() throws {
        func description(_ text: String?) throws -> String?? {
            try ProjectRequest(changing: ProjectRequest.Values(description: .some(text))).description
        }
        #expect(try description("a\n\tb") == .some("a\n\tb"))
        #expect(try description("") == .some(nil))
        #expect(try description(nil) == .some(nil))
        #expect(try ProjectRequest(changing: ProjectRequest.Values()).description == nil)
        for text in ["\u{1B}[2J", String(repeating: "y", count: 1001)] {
            #expect(problems { _ = try description(text) }.keys.sorted() == ["description"])
        }
    }
}
