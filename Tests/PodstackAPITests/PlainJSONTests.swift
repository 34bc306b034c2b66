import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("Plain JSON beside the general decoder", .blocking)
struct PlainJSONTests {
    static let values = [
        #""text""#, #""2026-11-24T07:33:35Z""#, #""2026-02-30T00:00:00Z""#, #""2026-11-24T07:33:35.5Z""#, "null",
        "null", "1",
        "0", "-1", "1.0", "1e2", "01", "9223372036854775807", "99999999999999999999", #"["a","b:c"]"#, "[]", "[1]",
        #"[null]"#, "{}",
        "true", #""\u0041\n""#, #""é""#, "\"\u{1}\"", #""podstack_abc12345""#, #""""#, "nul", "\"open",
    ]
    static let userKeys = ["id", "email", "name", "account_id", "created_at", "default_project_id", "unknown"]
    static let tokenKeys = [
        "id", "name", "prefix", "scopes", "project_ids", "created_at", "expires_at", "last_used_at", "generation",
        "rotate_by", "status", "revoked_at", "unknown",
    ]
    static let good = [
        "id": #""usr_1""#, "email": #""you@example.com""#, "name": #""You""#, "prefix": #""podstack_abc12345""#,
        "scopes": #"["*"]"#, "created_at": #""2026-11-24T07:33:35Z""#, "generation": "3",
    ]

    static func object(_ keys: [String], _ generator: inout SeededGenerator, extra: [String] = []) -> String {
        func space() -> String { ["", "", "", " ", "\n", "\t "].randomElement(using: &generator) ?? "" }
        var fields = extra
        for key in keys.shuffled(using: &generator) {
            let roll = Int.random(in: 0..<12, using: &generator)
            if roll == 0 || (roll < 5 && good[key] == nil) { continue }
            let value = roll == 1 ? values.randomElement(using: &generator) ?? "" : good[key] ?? "null"
            fields.append("\(space())\"\(key)\"\(space()):\(space())\(value)\(space())")
            if Int.random(in: 0..<60, using: &generator) == 0 { fields.append(#""\#(key)":"twice""#) }
        }
        let end = Int.random(in: 0..<80, using: &generator) == 0 ? ",}" : "}"
        return "{" + fields.joined(separator: ",") + end
    }

    @Test("fifty thousand random documents are read the same", arguments: TestSeed.selected)
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var understood = 0
        for _ in 0..<25_000 {
            let token = Self.object(Self.tokenKeys, &generator)
            let text = Self.object(
                Self.userKeys, &generator, extra: Bool.random(using: &generator) ? ["\"token\":\(token)"] : [])
            let bytes = Array(text.utf8)
            let expected = try? APICoding.decodeGenerally(User.self, from: bytes)
            let found = try? APICoding.decode(User.self, from: bytes)
            #expect(found == expected, "seed \(seed): \(text)")
            if found != expected { return }
            if expected != nil { understood += 1 }
        }
        #expect(understood > 2_000)
    }

    @Test("what the service writes is plain, and what is not plain is left to the general decoder")
    func plain() throws {
        let user = User(
            id: "usr_1", email: "you@example.com", name: "You", accountID: "acc_1",
            createdAt: Timestamp.parse("2026-11-24T07:33:35Z"),
            token: Token(
                id: "abc12345", name: "CI", scopes: ["*"], projectIDs: nil,
                createdAt: try #require(Timestamp.parse("2026-11-24T07:33:35Z")), expiresAt: nil, lastUsedAt: nil,
                generation: 1, rotateBy: nil, status: "active", revokedAt: nil),
            defaultProjectID: "prj_1")
        var json = PlainJSON(try APICoding.encode(user))
        #expect(try User(&json) == user)
        var accented = user
        accented.name = "Zoë"
        #expect(throws: PlainJSON.NotPlain.self) {
            var json = PlainJSON(try APICoding.encode(accented))
            _ = try User(&json)
        }
        #expect(try APICoding.decode(User.self, from: APICoding.encode(accented)) == accented)
    }
}
