import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("/v1/pods", .blocking, .databases, .timeLimit(.perTest))
struct PodRoutesTests {
    let service: PodServer
    var owner: TestClient { service.owner }
    var engine: ModelEngine { service.engine }

    init() throws { service = try PodServer() }

    // MARK: - Life

    @Test("a pod is created, runs, is stopped, started, restarted and deleted", arguments: TestDatabase.selected)
    func lifecycle(_: TestDatabase) throws {
        let response = try owner.send(
            "POST", "/v1/pods",
            #"""
            {"name": "trainer", "image": "ubuntu:24.04", "cpu": 2.5, "memory": 8, "disk": 20, "ports": [8080],
             "env": {"MODE": "fast", "A": ""}, "command": "sleep 1\nsleep 2", "labels": {"team": "speech"},
             "stop_after": "2h", "delete_after": 86400, "max_cost": 12.5}
            """#)
        #expect(response.status == 201)
        let created = try response.decoded(Pod.self)
        #expect(created.id.hasPrefix("pod_"))
        #expect(created.status == .creating)
        #expect(created.env == ["A", "MODE"])
        #expect(created.cpu == 2.5)
        #expect(created.limits == Pod.Limits(stopAfter: 7200, deleteAfter: 86_400, maxCost: 12.5))
        #expect(created.createdBy.email == RunningServer.email)
        #expect(created.createdBy.tokenID == owner.id)
        #expect(!created.isStale)
        let running = try service.wait(for: .running, created.id)
        #expect(running.startedAt != nil)
        #expect(running.node == "here")
        #expect(running.ports == [Pod.Port(containerPort: 8080, address: "127.0.0.1:48080")])
        let specification = try #require(engine.objects[created.id]?.specification)
        #expect(specification.environment.map(\.name) == ["A", "MODE"])
        #expect(specification.environment.map(\.value) == ["", "fast"])
        #expect(specification.memoryBytes == 8 << 30)
        #expect(specification.cpuMillicores == 2500)
        #expect(specification.command == "sleep 1\nsleep 2")

        let path = "/v1/pods/\(created.id)"
        #expect(try owner.send("POST", path + "/start").status == 202)
        #expect(try owner.send("POST", path + "/stop").status == 202)
        let stopped = try service.wait(for: .stopped, created.id)
        #expect(stopped.exitCode == 143)
        #expect(stopped.finishedAt != nil)
        #expect(stopped.statusReason == nil)
        #expect(try owner.send("POST", path + "/stop").status == 202)
        #expect(try owner.send("POST", path + "/start").status == 202)
        try service.wait(for: .running, created.id)
        #expect(try owner.send("POST", path + "/restart").status == 202)
        try blockUntil("the pod was started three times") { engine.calls("start") == 3 }
        try service.wait(for: .running, created.id)

        let refused = try owner.send("DELETE", path)
        #expect(refused.code == "conflict")
        #expect(refused.error?.details["current_state"] == "running")
        #expect(refused.error?.details["required_state"] == "stopped")
        #expect(try owner.send("DELETE", path + "?force=true").status == 202)
        try service.wait(for: .terminated, created.id)
        #expect(engine.objects.isEmpty)
        #expect(try owner.send("DELETE", path).status == 204)
        #expect(try owner.send("POST", path + "/start").code == "conflict")
        #expect(engine.calls("ensure") == 1)
        let audited = try service.audited()
        #expect(
            audited.filter { ["create", "start", "stop", "restart", "delete"].contains($0) }
                == ["delete", "restart", "start", "stop", "create"])
    }

    @Test(
        "a pod of the default size gets the cores and the memory of a smaller engine", arguments: TestDatabase.selected)
    func smallEngine(_: TestDatabase) throws {
        let engine = ModelEngine(now: SystemClock.milliseconds)
        engine.change {
            $0.processors = 2
            $0.memoryBytes = (8 << 30) - 300_000_000
        }
        let owner = try PodServer(engine: engine).owner
        let pod = try owner.send("POST", "/v1/pods", #"{"name": "a", "image": "a"}"#).decoded(Pod.self)
        #expect(pod.cpu == 2)
        #expect(pod.memory == 7)
        let larger = try owner.send("POST", "/v1/pods", #"{"name": "b", "image": "a", "cpu": 3}"#).decoded(Pod.self)
        #expect(larger.cpu == 3)
    }

    @Test("a program that ends stops its pod, and one that fails makes it failed", arguments: TestDatabase.selected)
    func exits(_: TestDatabase) throws {
        let pod = try service.runningPod()
        engine.exit(pod.id, 0)
        let stopped = try service.wait(for: .stopped, pod.id)
        #expect(stopped.exitCode == 0)
        #expect(try owner.send("POST", "/v1/pods/\(pod.id)/start").status == 202)
        try service.wait(for: .running, pod.id)
        engine.exit(pod.id, 3)
        let failed = try service.wait(for: .failed, pod.id)
        #expect(failed.statusReason == "The program ended with exit code 3")
        #expect(engine.calls("start") == 2)
    }

    @Test(
        "an image that cannot be pulled fails the pod, with the reason in its status, events and output",
        arguments: TestDatabase.selected)
    func missingImage(_: TestDatabase) throws {
        let response = try owner.send("POST", "/v1/pods", #"{"name": "p", "image": "missing:1"}"#)
        let pod = try service.wait(for: .failed, try response.decoded(Pod.self).id)
        #expect(pod.statusReason == "There is no image missing:1")
        #expect(try service.events(pod.id).contains("failed"))
        let logs = try owner.send("GET", "/v1/pods/\(pod.id)/logs")
        #expect(logs.status == 200)
        #expect(logs.body == "There is no image missing:1\n")
        #expect(logs.headers["content-type"] == "text/plain; charset=utf-8")
        #expect(engine.calls("ensure") == 1)
        #expect(try owner.send("DELETE", "/v1/pods/\(pod.id)").status == 202)
        try service.wait(for: .terminated, pod.id)
    }

    // MARK: - Requests

    @Test("the response to an invalid body names all invalid fields", arguments: TestDatabase.selected)
    func validation(_: TestDatabase) throws {
        let response = try owner.send(
            "POST", "/v1/pods",
            #"""
            {"name": "Trainer", "image": "no image", "gpu_count": 2, "cpu": 0.05, "memory": 0, "disk": "big",
             "ports": [0], "env": {"1A": "x"}, "command": "a\u0007", "volumes": [{"volume_id": "vol_1"}],
             "labels": {"a=b": "c"}, "registry_auth": {"username": "u"}, "stop_after": "soon", "delete_after": -1,
             "max_cost": -2, "token_scopes": ["pods:fly"], "colour": "red"}
            """#)
        #expect(response.code == "validation_failed")
        guard case .object(let errors)? = response.error?.details["field_errors"] else {
            Issue.record("there are no field errors")
            return
        }
        #expect(
            errors.keys.sorted() == [
                "colour", "command", "cpu", "delete_after", "disk", "env", "gpu_count", "image", "labels", "max_cost",
                "memory", "name", "ports", "registry_auth", "stop_after", "token_scopes", "volumes",
            ])
        for body in [
            "{}", #"{"name": "a"}"#, #"{"name": "-a", "image": "a"}"#, #"{"name": "a-", "image": "a"}"#,
            #"{"name": "a", "image": "a", "env": {"PODSTACK_API_TOKEN_FILE": "x"}, "token_scopes": ["pods:read"]}"#,
            #"{"name": "a", "image": "a", "command": "\u202e"}"#,
            #"{"name": "a", "image": "a", "command": "echo \#(owner.token)"}"#,
            #"{"name": "a", "image": "a", "volumes": [{"volume_id": "v", "mount_path": "/proc/x"}]}"#,
            #"{"name": "a", "image": "a", "volumes": [{"volume_id": "v", "mount_path": "/a/../b"}]}"#,
            #"{"name": "a", "image": "a", "cpu": 1.0005}"#,
            #"{"name": "a", "image": "a", "ports": [80, 80]}"#,
        ] {
            #expect(try owner.send("POST", "/v1/pods", body).code == "validation_failed", "\(body)")
        }
        #expect(engine.objects.isEmpty)
    }

    @Test("a name can be used again once its pod is gone", arguments: TestDatabase.selected)
    func names(_: TestDatabase) throws {
        let pod = try service.runningPod()
        #expect(try owner.send("POST", "/v1/pods", #"{"name": "trainer", "image": "a"}"#).code == "conflict")
        try owner.send("DELETE", "/v1/pods/\(pod.id)?force=true")
        try service.wait(for: .terminated, pod.id)
        _ = try service.runningPod()
    }

    @Test("a repeated create makes one pod", arguments: TestDatabase.selected)
    func idempotency(_: TestDatabase) throws {
        let key = [("Idempotency-Key", "one")]
        let body = #"{"name": "trainer", "image": "test:1"}"#
        let first = try owner.send("POST", "/v1/pods", body, headers: key)
        let second = try owner.send("POST", "/v1/pods", body, headers: key)
        #expect(first.status == 201)
        #expect(second.status == 201)
        #expect(try first.decoded(Pod.self).id == second.decoded(Pod.self).id)
        try service.wait(for: .running, try first.decoded(Pod.self).id)
        #expect(engine.objects.count == 1)
    }

    @Test("a list is filtered by status, name and labels, newest first", arguments: TestDatabase.selected)
    func filters(_: TestDatabase) throws {
        let first = try service.runningPod(#""labels": {"team": "speech", "env": "dev"}"#, name: "a")
        let second = try service.runningPod(#""labels": {"team": "speech"}"#, name: "b")
        let third = try service.runningPod(name: "c")
        try owner.send("POST", "/v1/pods/\(third.id)/stop")
        try service.wait(for: .stopped, third.id)
        func list(_ query: String) throws -> [String] {
            try owner.send("GET", "/v1/pods\(query)").decoded(Page<Pod>.self).elements.map(\.name)
        }
        #expect(Set(try list("")) == ["a", "b", "c"])
        #expect(try list("?status=stopped") == ["c"])
        #expect(try list("?name=b") == ["b"])
        #expect(Set(try list("?label=team%3Dspeech")) == ["a", "b"])
        #expect(try list("?label=team%3Dspeech&label=env%3Ddev") == ["a"])
        #expect(try list("?label=team%3D") == [])
        #expect(try owner.send("GET", "/v1/pods?label=team").code == "validation_failed")
        #expect(try owner.send("GET", "/v1/pods?status=asleep").code == "validation_failed")
        try owner.send("DELETE", "/v1/pods/\(first.id)?force=true")
        try service.wait(for: .terminated, first.id)
        #expect(Set(try list("")) == ["b", "c"])
        #expect(try list("?status=terminated") == ["a"])
        var names: [String] = []
        var cursor: String?
        repeat {
            let page = try owner.send("GET", "/v1/pods?limit=1" + (cursor.map { "&cursor=\($0)" } ?? ""))
                .decoded(Page<Pod>.self)
            names += page.elements.map(\.name)
            cursor = page.nextCursor
        } while cursor != nil
        #expect(Set(names) == ["b", "c"])
        #expect(names.count == 2)
        #expect(second.labels == ["team": "speech"])
    }

    @Test("the name, the labels and the limits of a pod can change", arguments: TestDatabase.selected)
    func updates(_: TestDatabase) throws {
        let pod = try service.runningPod(#""stop_after": 3600"#)
        let path = "/v1/pods/\(pod.id)"
        let changed = try owner.send(
            "PATCH", path, #"{"name": "new", "labels": {"a": "b"}, "stop_after": null, "max_cost": 3}"#
        ).decoded(Pod.self)
        #expect(changed.name == "new")
        #expect(changed.labels == ["a": "b"])
        #expect(changed.limits == Pod.Limits(stopAfter: nil, deleteAfter: nil, maxCost: 3))
        #expect(try owner.send("GET", "/v1/pods?label=a%3Db").decoded(Page<Pod>.self).elements.count == 1)
        #expect(try owner.send("PATCH", path, #"{"image": "b"}"#).code == "validation_failed")
        #expect(try owner.send("PATCH", path, "{}").status == 200)
    }

    // MARK: - Access

    @Test("the pods of another account are not found, whatever the request", arguments: TestDatabase.selected)
    func foreign(_: TestDatabase) throws {
        let pod = try service.runningPod()
        try service.server.server.addUser("other@example.com")
        let stranger = owner.with(try service.server.server.createToken("other@example.com"))
        for (method, suffix, body) in [
            ("GET", "", nil), ("PATCH", "", "{}"), ("DELETE", "?force=true", nil), ("POST", "/start", nil),
            ("POST", "/stop", nil), ("POST", "/restart", nil), ("GET", "/events", nil), ("GET", "/logs", nil),
            ("GET", "/metrics", nil), ("POST", "/exec", #"{"command": ["ls"]}"#),
        ] {
            let theirs = try stranger.send(method, "/v1/pods/\(pod.id)\(suffix)", body)
            #expect(theirs.code == "not_found", "\(method) \(suffix)")
            #expect(theirs.error?.details["resource_type"] == "pod")
        }
        #expect(try stranger.send("GET", "/v1/pods").decoded(Page<Pod>.self).elements.isEmpty)
        #expect(try service.pod(pod.id).status == .running)
    }

    @Test(
        "a token for another project neither sees nor changes a pod, nor creates one here",
        arguments: TestDatabase.selected)
    func otherProject(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let other = try owner.send("POST", "/v1/projects", #"{"name": "other"}"#).decoded(Project.self)
        let limited = try owner.createToken("\"project_ids\": [\"\(other.id)\"]")
        #expect(try limited.send("GET", "/v1/pods").decoded(Page<Pod>.self).elements.isEmpty)
        #expect(try limited.send("GET", "/v1/pods/\(pod.id)").code == "project_forbidden")
        #expect(try limited.send("POST", "/v1/pods/\(pod.id)/stop").code == "project_forbidden")
        let here = #"{"name": "x", "image": "a", "project_id": "\#(pod.projectID)"}"#
        #expect(try limited.send("POST", "/v1/pods", here).code == "project_forbidden")
        let there = #"{"name": "x", "image": "a", "project_id": "\#(other.id)"}"#
        #expect(try limited.send("POST", "/v1/pods", there).status == 201)
        let both = try owner.send("POST", "/v1/pods", there, headers: [("X-Project-ID", pod.projectID)])
        #expect(both.code == "validation_failed")
        let named = try owner.send(
            "POST", "/v1/pods", #"{"name": "y", "image": "a"}"#, headers: [("X-Project-ID", other.id)])
        #expect(try named.decoded(Pod.self).projectID == other.id)
        #expect(
            try owner.send("GET", "/v1/pods", headers: [("X-Project-ID", other.id)]).decoded(Page<Pod>.self)
                .elements.count == 2)
    }

    @Test("a project with pods or volumes cannot be deleted", arguments: TestDatabase.selected)
    func projectDeletion(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "p"}"#).decoded(Project.self)
        let pod = try service.create(#""project_id": "\#(project.id)""#)
        let volume = try owner.send("POST", "/v1/volumes", #"{"name": "v", "project_id": "\#(project.id)"}"#)
            .decoded(Volume.self)
        let refused = try owner.send("DELETE", "/v1/projects/\(project.id)")
        #expect(refused.code == "project_not_empty")
        #expect(refused.error?.details["pods"] == 1)
        #expect(refused.error?.details["volumes"] == 1)
        try service.wait(for: .running, pod.id)
        try owner.send("DELETE", "/v1/pods/\(pod.id)?force=true")
        try service.wait(for: .terminated, pod.id)
        #expect(try owner.send("DELETE", "/v1/volumes/\(volume.id)").status == 204)
        #expect(try owner.send("DELETE", "/v1/projects/\(project.id)").status == 204)
    }

    // MARK: - Secrets

    @Test("the values of variables and the registry's password appear nowhere", arguments: TestDatabase.selected)
    func secrets(_: TestDatabase) throws {
        let pod = try service.runningPod(
            #""env": {"KEY": "s3cr3t-value-42"}, "registry_auth": {"username": "u", "password": "p4ssw0rd-of-mine"}"#)
        let specification = try #require(engine.objects[pod.id]?.specification)
        #expect(specification.environment.map(\.value) == ["s3cr3t-value-42"])
        #expect(specification.registry?.password == "p4ssw0rd-of-mine")
        for secret in ["s3cr3t-value-42", "p4ssw0rd-of-mine"] {
            for path in ["", "/events", "/logs"] {
                #expect(try !owner.send("GET", "/v1/pods/\(pod.id)\(path)").body.contains(secret))
            }
            #expect(try !owner.send("GET", "/v1/audit-logs").body.contains(secret))
            #expect(!service.server.log.contains(secret))
            #expect(!"\(specification)".contains(secret))
            let rows = try service.server.server.service.database.read { connection in
                try connection.query("SELECT * FROM pods").map { "\($0.values)" }
                    + connection.query("SELECT * FROM idempotent_answers").map { "\($0.values)" }
            }
            let decimal = Array(secret.utf8).map(String.init).joined(separator: ", ")
            #expect(rows.allSatisfy { !$0.contains(secret) && !$0.contains(decimal) })
        }
    }

    @Test(
        "a pod's own token does no more than its creator's, and is gone with the pod", arguments: TestDatabase.selected)
    func ownToken(_: TestDatabase) throws {
        let limited = try owner.createToken(#""scopes": ["pods:*"], "expires_in_days": 30"#)
        let wider = #"{"name": "a", "image": "a", "token_scopes": ["projects:read"]}"#
        #expect(try limited.send("POST", "/v1/pods", wider).code == "insufficient_scope")
        let created = try limited.send(
            "POST", "/v1/pods", #"{"name": "a", "image": "a", "token_scopes": ["pods:read"]}"#
        ).decoded(Pod.self)
        #expect(created.tokenScopes == ["pods:read"])
        try service.wait(for: .running, created.id)
        let specification = try #require(engine.objects[created.id]?.specification)
        let file = try #require(specification.secretFiles.first)
        #expect(specification.environment.contains { $0.name == "PODSTACK_API_TOKEN_FILE" && $0.value == file.path })
        let token = String(decoding: file.content, as: UTF8.self).filter { $0 != "\n" }
        let inside = owner.with(token)
        #expect(try inside.send("GET", "/v1/pods/\(created.id)").status == 200)
        #expect(try inside.send("POST", "/v1/pods/\(created.id)/stop").code == "insufficient_scope")
        let described = try inside.whoami().decoded(User.self)
        #expect(described.token?.projectIDs == [created.projectID])
        let creator = try limited.whoami().decoded(User.self)
        #expect(described.token?.expiresAt == creator.token?.expiresAt)
        #expect(try inside.send("POST", "/v1/tokens/self/rotate", "{}").code == "conflict")
        try owner.send("DELETE", "/v1/pods/\(created.id)?force=true")
        #expect(try inside.tokenState() == "revoked_token")
        try service.wait(for: .terminated, created.id)
    }

    @Test(
        "only the user for whom a pod's own token acts, with a token that allows as much, reaches into the pod",
        arguments: TestDatabase.selected)
    func reach(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "shared"}"#).decoded(Project.self)
        let member = try join(project, #""role": "user", "permissions": ["read", "update"]"#).client
        let plain = try service.runningPod(#""project_id": "\#(project.id)""#, name: "plain")
        let pod = try service.runningPod(#""project_id": "\#(project.id)", "token_scopes": ["tokens:read"]"#)
        let narrow = try owner.createToken(#""scopes": ["pods:*"]"#)
        let enough = try owner.createToken(#""scopes": ["pods:*", "tokens:read"]"#)
        let limited = try owner.createToken(
            #""scopes": ["*"], "spend_limit": {"amount": 1, "period": "day"}"#)
        let archive = [("Content-Type", "application/x-tar")]
        func codes(_ client: TestClient, _ pod: Pod) throws -> [String] {
            let path = "/v1/pods/\(pod.id)"
            return [
                try client.send("POST", path + "/exec", #"{"command": ["cat"]}"#),
                try client.send("GET", path + "/files?path=/"),
                try client.send("PUT", path + "/files?path=/", "x", headers: archive),
            ].map { $0.code ?? "" }
        }
        let allowed = ["", "", ""]
        #expect(try codes(member, plain) == allowed)
        #expect(try codes(member, pod) == ["member_forbidden", "member_forbidden", "member_forbidden"])
        #expect(try codes(narrow, pod) == ["insufficient_scope", "insufficient_scope", "insufficient_scope"])
        #expect(try codes(limited, pod) == ["insufficient_scope", "insufficient_scope", "insufficient_scope"])
        #expect(try codes(enough, pod) == allowed)
        #expect(try codes(owner, pod) == allowed)
        #expect(try member.send("POST", "/v1/pods/\(pod.id)/stop").status == 202)
    }

    /// Adds a new user to a project.
    private func join(_ project: Project, _ role: String) throws -> (client: TestClient, membership: String) {
        try service.server.server.addUser("member@example.com")
        let member = owner.with(try service.server.server.createToken("member@example.com"))
        let path = "/v1/projects/\(project.id)/members"
        #expect(try owner.send("POST", path, "{\"email\": \"member@example.com\", \(role)}").status == 201)
        let membership = path + "/" + (try member.whoami().decoded(User.self).id)
        #expect(try member.send("POST", membership + "/accept").status == 200)
        return (member, membership)
    }

    @Test(
        "a token with a spend limit does not loosen the limits of a pod that another token pays for",
        arguments: TestDatabase.selected)
    func looserLimits(_: TestDatabase) throws {
        let limited = try owner.createToken(#""scopes": ["*"], "spend_limit": {"amount": 1, "period": "day"}"#)
        let pod = try service.runningPod(#""stop_after": 60, "max_cost": 0.5"#)
        let path = "/v1/pods/\(pod.id)"
        for body in [
            #"{"max_cost": 5}"#, #"{"max_cost": null}"#, #"{"stop_after": 61}"#, #"{"stop_after": null}"#,
            #"{"name": "x", "stop_after": null}"#,
        ] {
            #expect(try limited.send("PATCH", path, body).code == "insufficient_scope", "\(body)")
        }
        let tighter = #"{"max_cost": 0.4, "stop_after": 50, "delete_after": 90}"#
        #expect(try limited.send("PATCH", path, tighter).status == 200)
        #expect(try owner.send("PATCH", path, #"{"max_cost": 5}"#).status == 200)
        let own = try limited.send("POST", "/v1/pods", #"{"name": "own", "image": "a", "max_cost": 0.1}"#)
            .decoded(Pod.self)
        #expect(try limited.send("PATCH", "/v1/pods/\(own.id)", #"{"max_cost": 0.2}"#).status == 200)
    }

    @Test(
        "a repeat gets the stored response only while its caller may do it, and for the same query",
        arguments: TestDatabase.selected)
    func repeats(_: TestDatabase) throws {
        let project = try owner.send("POST", "/v1/projects", #"{"name": "shared"}"#).decoded(Project.self)
        let (member, membership) = try join(project, #""role": "admin""#)
        let body = #"{"name": "a", "image": "a", "project_id": "\#(project.id)"}"#
        func key(_ name: String) -> [(String, String)] { [("Idempotency-Key", name)] }
        let created = try member.send("POST", "/v1/pods", body, headers: key("create")).decoded(Pod.self)
        try service.wait(for: .running, created.id)
        let stop = "/v1/pods/\(created.id)/stop"
        let volume = #"{"name": "v", "project_id": "\#(project.id)"}"#
        #expect(try member.send("POST", "/v1/volumes", volume, headers: key("volume")).status == 201)
        #expect(try member.send("POST", stop, headers: key("stop")).status == 202)
        #expect(try member.send("POST", stop, headers: key("stop")).headers["idempotency-replayed"] == "true")
        let forced = try member.send("POST", stop + "?force=true", headers: key("stop"))
        #expect(forced.code == "idempotency_key_reused")
        #expect(try owner.send("DELETE", membership).status == 204)
        #expect(try member.send("POST", stop, headers: key("stop")).code == "not_found")
        #expect(try member.send("POST", "/v1/pods", body, headers: key("create")).code == "not_found")
        #expect(try member.send("POST", "/v1/volumes", volume, headers: key("volume")).code == "not_found")
    }

    // MARK: - The engine

    @Test(
        "while the engine is down, changes are refused, and reads return the last known state",
        arguments: TestDatabase.selected)
    func engineDown(_: TestDatabase) throws {
        let pod = try service.runningPod()
        engine.change { $0.isDown = true }
        try blockUntil("the service notices") { try service.pod(pod.id).isStale }
        #expect(try service.pod(pod.id).status == .running)
        #expect(try owner.send("POST", "/v1/pods", #"{"name": "b", "image": "a"}"#).code == "unavailable")
        for action in ["start", "stop", "restart"] {
            let response = try owner.send("POST", "/v1/pods/\(pod.id)/\(action)")
            #expect(response.code == "unavailable")
            #expect(response.headers["retry-after"] == "5")
        }
        #expect(try owner.send("DELETE", "/v1/pods/\(pod.id)?force=true").code == "unavailable")
        #expect(try owner.send("GET", "/v1/pods/\(pod.id)/logs").code == "unavailable")
        engine.change { $0.isDown = false }
        try blockUntil("the service notices") { try !service.pod(pod.id).isStale }
        #expect(try owner.send("POST", "/v1/pods/\(pod.id)/stop").status == 202)
        try service.wait(for: .stopped, pod.id)
        let lines = service.server.log.split(separator: "\n").filter { $0.contains("engine_unreachable") }
        #expect(lines.count == 1)
    }

    @Test("a service without an engine reads pods, and changes none", arguments: TestDatabase.selected)
    func noEngine(_: TestDatabase) throws {
        let client = try TestClient(clock: ManualClock())
        #expect(try client.send("GET", "/v1/pods").decoded(Page<Pod>.self).elements.isEmpty)
        let refused = try client.send("POST", "/v1/pods", #"{"name": "a", "image": "a"}"#)
        #expect(refused.code == "unavailable")
        #expect(refused.error?.message == "This service has no container engine")
    }

    // MARK: - Data

    @Test("output, commands and measurements of a running pod", arguments: TestDatabase.selected)
    func data(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let path = "/v1/pods/\(pod.id)"
        engine.change { $0.objects[pod.id]?.output = "one\ntwo\n" }
        let logs = try owner.send("GET", path + "/logs?tail=10", headers: [("Accept", "text/plain")])
        #expect(logs.body == "one\ntwo\n")
        #expect(try owner.send("GET", path + "/logs?tail=x").code == "validation_failed")
        let result = try owner.send("POST", path + "/exec", #"{"command": ["echo", "a b"]}"#)
        #expect(
            try result.decoded(PodExecResult.self)
                == PodExecResult(exitCode: 2, stdout: "echo a b", stderr: "", isTruncated: false))
        #expect(try owner.send("POST", path + "/exec", #"{"command": []}"#).code == "validation_failed")
        let late = try owner.send("POST", path + "/exec", #"{"command": ["sleep"], "timeout_seconds": 1}"#)
        #expect(late.status == 504)
        #expect(late.code == "exec_timeout")
        let metrics = try owner.send("GET", path + "/metrics").decoded(PodMetrics.self)
        #expect(metrics.cpuUsage == 12.5)
        #expect(metrics.memoryTotal == 1 << 30)
        try owner.send("POST", path + "/stop")
        try service.wait(for: .stopped, pod.id)
        for (method, suffix, body) in [("GET", "/metrics", nil), ("POST", "/exec", #"{"command": ["ls"]}"#)] {
            let refused = try owner.send(method, path + suffix, body)
            #expect(refused.code == "conflict")
            #expect(refused.error?.details["current_state"] == "stopped")
            #expect(refused.error?.details["required_state"] == "running")
        }
    }

    @Test("files are read and written as archives of any size", arguments: TestDatabase.selected)
    func files(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let path = "/v1/pods/\(pod.id)/files"
        let read = try owner.send("GET", path + "?path=/etc", headers: [("Accept", "application/x-tar")])
        #expect(read.body == "tar of /etc")
        #expect(read.headers["content-type"] == "application/x-tar")
        let missing = try owner.send("GET", path + "?path=/missing")
        #expect(missing.code == "not_found")
        #expect(missing.error?.details["resource_type"] == "file")
        #expect(try owner.send("GET", path).code == "validation_failed")
        #expect(try owner.send("GET", path + "?path=etc").code == "validation_failed")
        let archive = [("Content-Type", "application/x-tar")]
        // In memory and over a connection, with more than the limit of other bodies.
        let large = String(repeating: "x", count: 5 << 20)
        let remote = TestClient(port: service.server.server.port, owner.token)
        #expect(try owner.send("PUT", path + "?path=/small", "small", headers: archive).status == 204)
        #expect(try remote.send("PUT", path + "?path=/large", large, headers: archive).status == 204)
        #expect(engine.objects[pod.id]?.output == "/small: 5 bytes\n/large: 5242880 bytes\n")
        // In chunks, of which many arrive before the worker reads the first.
        for size in [7, 1000, 20_000] {
            let connection = try RawHTTP(port: service.server.server.port)
            let count = 1_000_000 / size
            let chunk = "\(String(size, radix: 16))\r\n" + String(repeating: "y", count: size) + "\r\n"
            try connection.send(
                "PUT \(path)?path=/chunks HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \(owner.token)\r\n"
                    + "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n"
                    + String(repeating: chunk, count: count) + "0\r\n\r\n")
            #expect(try connection.response().status == 204)
            #expect(engine.objects[pod.id]?.output.hasSuffix("/chunks: \(count * size) bytes\n") == true)
        }
        // Refused by the head, before the body is read.
        #expect(try remote.send("PUT", path + "?path=/x", "x").code == "unsupported_media_type")
        let stranger = TestClient(port: service.server.server.port, "podstack_wrong")
        #expect(try stranger.send("PUT", path + "?path=/x", "x", headers: archive).code == "malformed_token")
        engine.fail("upload", .notFound, "There is no /x in the pod")
        let refused = try remote.send("PUT", path + "?path=/x", large, headers: archive)
        #expect(refused.code == "not_found")
        #expect(refused.error?.message == "There is no /x in the pod")
    }

    @Test("an upload whose chunks are malformed ends its connection", arguments: TestDatabase.selected)
    func malformedUpload(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let connection = try RawHTTP(port: service.server.server.port)
        let next = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        // The line of the chunk ends in a bare line feed.
        try connection.send(
            "PUT /v1/pods/\(pod.id)/files?path=/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \(owner.token)\r\n"
                + "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n" + next)
        #expect(try connection.response().status == 400)
        try blockUntil("the connection is closed") { connection.isClosed }
    }

    @Test("transfers that fail do not count for the limit of those that follow", arguments: TestDatabase.selected)
    func failedTransfers(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let path = "/v1/pods/\(pod.id)/files?path=/x"
        let archive = [("Content-Type", "application/x-tar")]
        for _ in 0..<20 {
            engine.fail("download", .notFound, "There is no /x in the pod")
            #expect(try owner.send("GET", path).code == "not_found")
            engine.fail("upload", .notFound, "There is no /x in the pod")
            #expect(try owner.send("PUT", path, "x", headers: archive).code == "not_found")
        }
    }

    @Test("a repeated command with one Idempotency-Key runs once", arguments: TestDatabase.selected)
    func commandOnce(_: TestDatabase) throws {
        let pod = try service.runningPod()
        let key = [("Idempotency-Key", "one")]
        let path = "/v1/pods/\(pod.id)/exec"
        #expect(try owner.send("POST", path, #"{"command": ["a"]}"#, headers: key).status == 200)
        #expect(try owner.send("POST", path, #"{"command": ["a"]}"#, headers: key).code == "conflict")
        #expect(engine.calls("exec") == 1)
    }
}
