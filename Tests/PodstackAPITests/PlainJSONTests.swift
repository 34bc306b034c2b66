import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackAPI

@Suite("Plain JSON and Foundation's decoder", .blocking, .timeLimit(.minutes(5)))
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

    @Test("random documents are read alike", arguments: TestSeed.selected)
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

    static let token = Token(
        id: "abc12345", name: "CI", scopes: ["*"], projectIDs: ["prj_1"], createdAt: date, expiresAt: date,
        lastUsedAt: date, generation: 1, rotateBy: date, status: "active", revokedAt: date)
    static let user = User(
        id: "usr_1", email: "you@example.com", name: "You", accountID: "acc_1", createdAt: date, token: token,
        defaultProjectID: "prj_1")
    static let date = Date(timeIntervalSince1970: 1_795_000_000)

    @Test("what the service writes is plain, and Foundation's decoder reads the rest")
    func plain() throws {
        var json = PlainJSON(try APICoding.encode(Self.user))
        #expect(try User(&json) == Self.user)
        var accented = Self.user
        accented.name = "Zoë"
        #expect(throws: PlainJSON.NotPlain.self) {
            var json = PlainJSON(try APICoding.encode(accented))
            _ = try User(&json)
        }
        #expect(try APICoding.decode(User.self, from: APICoding.encode(accented)) == accented)
    }

    @Test("the reader of every model reads all keys of its CodingKeys, each into the value that the encoder wrote")
    func keys() throws {
        try Self.check(Self.token, Token.CodingKeys.self)
        try Self.check(Self.user, User.CodingKeys.self)
        // The checks above are for all models with a reader.
        let conformances = try Self.sources().map { $0.components(separatedBy: ": PlainJSONReadable {").count - 1 }
        #expect(conformances.reduce(0, +) == 2)
    }

    /// The texts of the files of `PodstackAPI`.
    static func sources() throws -> [String] {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Sources/PodstackAPI")
        return try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .filter { $0.pathExtension == "swift" }.map { try String(contentsOf: $0, encoding: .utf8) }
    }

    /// Checks a value without nil against its reader, with all keys and without each one.
    static func check<Model: PlainJSONReadable & Equatable, Key: CodingKey & CaseIterable>(
        _ model: Model, _ keys: Key.Type
    ) throws where Model.PlainKey == Key {
        let bytes = try APICoding.encode(model)
        var json = PlainJSON(bytes)
        #expect(try Model(&json) == model)
        guard case .object(let fields) = try APICoding.decodeGenerally(JSONValue.self, from: bytes) else {
            Issue.record("\(Model.self) is not an object")
            return
        }
        // The general decoder reads the few tokens with a spend limit.
        #expect(Set(fields.keys) == Set(keys.allCases.map(\.stringValue)).subtracting(["spend_limit"]))
        for key in fields.keys {
            var shortened = fields
            shortened[key] = nil
            let bytes = try APICoding.encode(JSONValue.object(shortened))
            let expected = try? APICoding.decodeGenerally(Model.self, from: bytes)
            var json = PlainJSON(bytes)
            #expect((try? Model(&json)) == expected, "without \(key)")
            #expect(expected != model, "without \(key)")
        }
    }
}
