import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Checks the groups, texts and examples of the OpenAPI document.
@Suite("/openapi.json for readers", .blocking, .timeLimit(.perTest))
struct OpenAPIReadersTests {
    let document: JSONValue

    init() throws { document = try TestClient(RunningServer()).request("GET", "/openapi.json").decoded(JSONValue.self) }

    private func operations() -> [(name: String, operation: JSONValue)] {
        guard case .object(let paths)? = document["paths"] else { return [] }
        return paths.values.flatMap { methods -> [(String, JSONValue)] in
            guard case .object(let methods) = methods else { return [] }
            return methods.values.map { ($0["operationId"]?.stringValue ?? "", $0) }
        }
    }

    private static func strings(_ value: JSONValue?) -> [String] {
        if case .array(let elements)? = value { elements.compactMap(\.stringValue) } else { [] }
    }

    @Test("every operation has one of the described tags, and every tag has operations")
    func tags() throws {
        guard case .array(let described)? = document["tags"] else {
            Issue.record("there are no tags")
            return
        }
        #expect(described.allSatisfy { $0["description"]?.stringValue?.hasSuffix(".") == true })
        let names = described.compactMap { $0["name"]?.stringValue }
        #expect(
            names == [
                "Auth", "Tokens", "Projects", "Members", "Invitations", "Pods", "Volumes", "Billing", "Audit logs",
                "Device flow", "Operation",
            ])
        var used: Set<String> = []
        for (name, operation) in operations() {
            let tags = Self.strings(operation["tags"])
            #expect(tags.count == 1 && names.contains(tags.first ?? ""), "\(name) has the tags \(tags)")
            used.formUnion(tags)
        }
        #expect(used == Set(names))
    }

    @Test("every body and every parameter has an example, and texts are whole sentences")
    func examples() throws {
        for (name, operation) in operations() {
            let summary = operation["summary"]?.stringValue ?? ""
            #expect(summary.first?.isUppercase == true && summary.last != ".", "\(name): \(summary)")
            if let text = operation["description"]?.stringValue { #expect(text.hasSuffix("."), "\(name): \(text)") }
            if case .array(let parameters)? = operation["parameters"] {
                for parameter in parameters {
                    let label = "\(name): \(parameter["name"]?.stringValue ?? "")"
                    #expect(parameter["example"] != nil && parameter["description"] != nil, "\(label)")
                }
            }
            var bodies: [JSONValue] = []
            if case .object(let types)? = operation["requestBody"]?["content"] { bodies += types.values }
            if case .object(let responses)? = operation["responses"] {
                for response in responses.values {
                    if case .object(let types)? = response["content"] { bodies += types.values }
                }
            }
            // The document is no example of itself.
            guard name != "getDocument" else { continue }
            #expect(bodies.allSatisfy { $0["example"] != nil }, "\(name)")
        }
        for name in ["Error", "OAuthError"] {
            let content = document["components"]?["responses"]?[name]?["content"]?["application/json"]
            #expect(content?["examples"] != nil, "\(name)")
        }
    }

    private struct Verdict: Decodable {
        var faults: [String]
        var examples: Int
    }

    @Test(
        "the document follows the specification, and its examples follow their schemas",
        .enabled(if: PythonOracle.isThere, "PODSTACK_TEST_PYTHON is not set: run scripts/test"))
    func specification() throws {
        // The second document is wrong, so that a check that finds nothing is noticed.
        guard case .object(var wrong) = document else { return }
        wrong["openapi"] = nil
        wrong["paths"] = [
            "/x": [
                "get": [
                    "parameters": [
                        ["in": "query", "name": "n", "schema": ["type": "integer"], "example": "text"]
                    ], "responses": ["200": ["description": "d"]],
                ]
            ]
        ]
        let verdicts: [Verdict] = try PythonOracle.ask("openapi_check.py", [document, .object(wrong)])
        #expect(verdicts.first?.faults == [])
        #expect(try #require(verdicts.first).examples > 80)
        #expect(try #require(verdicts.last).faults.count >= 2)
    }

    @Test("no example is a valid token, which a scanner would report")
    func secrets() throws {
        let text = String(decoding: try APICoding.encode(document), as: UTF8.self)
        var rest = text[...]
        var found = 0
        while let range = rest.firstRange(of: "podstack_ab2cd3ef_") {
            let candidate = text[range.lowerBound...].prefix(56)
            #expect(TokenFormat.shape(of: String(candidate)) == .wrongChecksum, "\(candidate)")
            found += 1
            rest = rest[range.upperBound...]
        }
        #expect(found > 0)
    }
}

/// A client that another program generates from the document.
@Suite(
    "A generated client", .blocking, .timeLimit(.perTest),
    .enabled(if: PythonOracle.isThere, "PODSTACK_TEST_PYTHON is not set: run scripts/test"))
struct GeneratedClientTests {
    private struct Step: Decodable {
        var step: String
        var status: Int?
        var output: String?
        var packages: [String]?
        var email: String?
        var name: String?
        var allowed: Bool?
        var scopes: [String]?
        var names: [String]?
        var code: String?
        var state: String?
        var after: String?
    }

    @Test("openapi-python-client generates one that authenticates, manages tokens and explains errors")
    func python() throws {
        let server = try RunningServer()
        let folder = try TemporaryDirectory()
        let program = try PythonOracle.start(
            "generated_client.py", [folder.path, server.url],
            environment: ["PODSTACK_API_TOKEN": try server.createToken()])
        #expect(program.wait() == 0, "\(program.standardError.suffix(2000)) \(program.standardOutput.prefix(4000))")
        let steps = try program.standardOutput.split(separator: "\n").map {
            try APICoding.decode(Step.self, from: Array($0.utf8))
        }
        func step(_ name: String) throws -> Step { try #require(steps.first { $0.step == name }, "\(steps)") }
        let generated = try step("generated")
        #expect(generated.status == 0, "\(generated.output ?? "")")
        #expect(
            generated.packages == [
                "audit_logs", "auth", "billing", "device_flow", "invitations", "members", "operation", "pods",
                "projects",
                "tokens", "volumes",
            ])
        #expect(try step("whoami").email == RunningServer.email)
        #expect(try step("can").allowed == true)
        let created = try step("created")
        #expect(created.email == RunningServer.email && created.scopes == ["pods:read"])
        #expect(try step("listed").names?.first == "generated")
        #expect(try step("listed").names?.count == 2)
        let refused = try step("refused")
        #expect(refused.status == 403 && refused.code == "insufficient_scope")
        let revoked = try step("revoked")
        #expect(revoked.status == 204 && revoked.state == "revoked" && revoked.after == "revoked_token")
    }
}
