import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("/openapi.json", .blocking, .timeLimit(.perTest))
struct OpenAPITests {
    let service: PodServer
    var session: TestClient { service.owner }
    let document: JSONValue

    init() throws {
        service = try PodServer()
        let answer = try TestClient(service.server).request("GET", "/openapi.json")
        document = try answer.decoded(JSONValue.self)
    }

    /// Returns every operation with its method and path.
    func operations() throws -> [(method: String, path: String, operation: JSONValue)] {
        guard case .object(let paths)? = document["paths"] else { return [] }
        return paths.flatMap { path, methods -> [(String, String, JSONValue)] in
            guard case .object(let methods) = methods else { return [] }
            return methods.map { ($0.key.uppercased(), path, $0.value) }
        }
    }

    @Test("it describes exactly the routes")
    func complete() throws {
        let described = try operations().map { "\($0.method) \($0.path)" }
        let routes = session.server.server.service.routes
        #expect(described.sorted() == routes.map { "\($0.method) \($0.path)" }.sorted())
        #expect(Set(routes.map(\.operation)).count == routes.count)
        #expect(Set(routes.map(\.operation)) == Set(OperationID.allCases))
        #expect(document["openapi"] == "3.1.0")
    }

    @Test("every reference has its component, and every component is used")
    func references() throws {
        func references(_ value: JSONValue) -> [String] {
            switch value {
            case .object(let fields):
                (fields["$ref"]?.stringValue.map { [$0] } ?? []) + fields.values.flatMap(references)
            case .array(let elements): elements.flatMap(references)
            default: []
            }
        }
        let used = Set(references(document).map { String($0.split(separator: "/").last ?? "") })
        guard case .object(let schemas)? = document["components"]?["schemas"] else {
            Issue.record("there are no components")
            return
        }
        #expect(used == Set(schemas.keys).union(["Error"]))
    }

    @Test("an operation requires the scope of its route")
    func security() throws {
        let list = try #require(try operations().first { $0.path == "/v1/tokens" && $0.method == "GET" })
        #expect(list.operation["security"] == .array([["token": .array(["tokens:read"])]]))
        let health = try #require(try operations().first { $0.path == "/healthz" })
        #expect(health.operation["security"] == .array([]))
    }

    @Test("actual responses, of successes and errors, match their schemas")
    func responses() throws {
        let project = try session.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        try session.server.server.addUser("ann@example.com")
        let member = try session.send(
            "POST", "/v1/projects/\(project.id)/members", #"{"email": "ann@example.com", "role": "admin"}"#
        ).decoded(Member.self)
        let token = try session.createToken()
        let pod = try service.runningPod()
        let volume = try session.send("POST", "/v1/volumes", #"{"name": "v"}"#).decoded(Volume.self)
        let paths = ["{project}": project.id, "{user}": member.userID]
        let bodies: [OperationID: String] = [
            .createToken: #"{"name": "n", "expires_at": null}"#, .createProject: #"{"name": "n"}"#,
            .updateToken: "{}", .updateProject: #"{"description": "d"}"#, .updateMember: "{}",
            .addMember: #"{"email": "ann@example.com", "role": "admin"}"#, .reportTokens: #"{"tokens": []}"#,
            .beginDevice: #"{"client_name": "n"}"#, .fetchDeviceToken: #"{"device_code": "n"}"#,
            .rotateToken: "{}", .rotateOwnToken: "{}", .beginOAuthDevice: "client_id=n&scope=pods%3Aread+*",
            .createPod: #"{"name": "another", "image": "test:1"}"#, .updatePod: #"{"labels": {"a": "b"}}"#,
            .execInPod: #"{"command": ["ls"]}"#, .uploadPodFiles: "an archive", .createVolume: #"{"name": "w"}"#,
            .fetchOAuthToken: "client_id=n&device_code=n&grant_type=\(OAuthRoutes.deviceCodeGrant)",
        ]
        let check = SchemaCheck(document: document)
        // Deletions come last.
        let all = try operations().sorted { ($0.method == "DELETE" ? 1 : 0) < ($1.method == "DELETE" ? 1 : 0) }
        for (method, path, described) in all {
            let operation = try #require(described["operationId"]?.stringValue.flatMap(OperationID.init))
            var target = paths.reduce(path) { $0.replacing($1.key, with: $1.value) }
            let id = path.contains("/pods/") ? pod.id : path.contains("/volumes/") ? volume.id : token.id
            target = target.replacing("{id}", with: id)
            if path.hasSuffix("/files") { target += "?path=/tmp" }
            if operation == .checkPermission { target += "?scope=pods:create&project=\(project.id)" }
            let caller = operation == .revokeOwnToken ? try session.createToken() : session
            let type = described["requestBody"]?["content"]
            let types = ["application/x-www-form-urlencoded", "application/x-tar"]
            let bodyType = types.first { type?[$0] != nil }
            let answer = try caller.send(
                method, target, bodies[operation],
                headers: bodyType.map { [("Content-Type", $0)] } ?? [])
            let responses = try #require(described["responses"])
            var response = try #require(responses[String(answer.status)], "\(operation) \(answer.status)")
            if let name = response["$ref"]?.stringValue?.split(separator: "/").last {
                response = try #require(document["components"]?["responses"]?[String(name)])
            }
            guard let schema = response["content"]?["application/json"]?["schema"] else {
                let isJSON = answer.headers["content-type"]?.hasPrefix("application/json") ?? false
                #expect(answer.body.isEmpty || !isJSON, "\(operation)")
                continue
            }
            let faults = check.faults(try answer.decoded(JSONValue.self), schema)
            #expect(faults.isEmpty, "\(operation): \(faults)")
        }
        for answer in [try session.send("GET", "/v1/nothing"), try session.send("POST", "/v1/tokens", "{}")] {
            #expect(check.faults(try answer.decoded(JSONValue.self), Schema.reference("Error")).isEmpty)
        }
    }
}
