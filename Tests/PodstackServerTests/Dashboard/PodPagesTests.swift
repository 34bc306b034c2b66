import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The pages of pods", .blocking, .databases, .timeLimit(.perTest))
struct PodPagesTests {
    let scene: PodScene
    var owner: TestClient { scene.owner }
    var engine: ModelEngine { scene.engine }

    init() throws { scene = try PodScene() }

    private func id(_ response: TestResponse) throws -> String {
        let location = try #require(response.headers["location"])
        return String(location.dropFirst("/pods/".count).prefix { $0 != "?" })
    }

    // MARK: - List

    @Test("without pods, the list has one action and one command", arguments: TestDatabase.selected)
    func empty(_: TestDatabase) throws {
        let page = try owner.get("/pods")
        #expect(page.status == 200 && page.says("No pods yet"))
        #expect(page.body.contains(#"<a class="button" href="/pods/new">"#))
        #expect(page.says("podstack pod create --name trainer"))
    }

    @Test("the list has the pods of all projects that the viewer can read", arguments: TestDatabase.selected)
    func list(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod(#""gpu_type": "A100", "cpu": 2"#)
        let page = try owner.get("/pods")
        for text in ["trainer", "test:1", "running", "1 × A100", "here", "2.552"] {
            #expect(page.says(text), "\(text)")
        }
        let colleague = try scene.client("colleague@example.com")
        #expect(try !colleague.get("/pods").says("test:1"))
        try scene.add("colleague@example.com", .user(["read"]))
        #expect(try colleague.get("/pods").says("trainer"))
        #expect(try colleague.get("/pods/\(pod.id)").says("test:1"))
        let stranger = try scene.client("stranger@example.com")
        try scene.add("stranger@example.com", .admin, deactivatedAt: 1)
        #expect(try !stranger.get("/pods").says("test:1"))
        #expect(try !stranger.get("/pods/live").says("trainer"))
    }

    @Test("the list is filtered by status and project, and has pages", arguments: TestDatabase.selected)
    func filter(_: TestDatabase) throws {
        _ = try scene.pods.runningPod(name: "first")
        let second = try scene.pods.runningPod(name: "second")
        engine.exit(second.id, 1)
        try scene.pods.wait(for: .failed, second.id)
        let running = try owner.get("/pods?status=running&project=")
        #expect(running.says("first") && !running.says("second"))
        let failed = try owner.get("/pods?status=failed&project=\(try scene.user().defaultProjectID)")
        #expect(failed.says("second") && !failed.says("first"))
        #expect(try owner.get("/pods?status=stopped").says("No pods match"))
        #expect(try owner.get("/pods?project=prj_none").says("No pods match"))
        #expect(try owner.get("/pods?status=tired").status == 422)
        #expect(try owner.get("/pods?cursor=x").status == 400)
        #expect(try owner.get("/pods?what=x").status == 422)
        let user = try scene.user()
        try scene.service.database.write { connection in
            for number in 0..<60 {
                let pod = PodRecord(
                    id: Identifier.generate("pod_"), accountID: user.accountID, projectID: user.defaultProjectID,
                    userID: user.id, name: "old-\(number)",
                    configuration: PodConfiguration(
                        image: "i", cpuMillicores: 1, memoryGiB: 1, diskGiB: 1, ports: [], environment: [], volumes: []),
                    labels: [:], gpuCount: 0, devices: [], pricePerHour: 0, limits: PodLimits(),
                    createdAt: Int64(number), changedAt: 0)
                try PodStore.insert(pod, sealed: nil, in: connection)
            }
        }
        let first = try owner.get("/pods")
        #expect(first.says("old-59") && !first.says("old-3<"))
        let link = try #require(first.texts("<a class=\"button quiet\" href=\"/pods?cursor=", until: "</a>").first)
        #expect(link.contains("Older pods"))
        let start = try #require(first.body.firstRange(of: "/pods?cursor="))
        let path = String(first.body[start.lowerBound...].prefix { $0 != "\"" })
        let older = try owner.get(path)
        #expect(older.says("old-0") && !older.says("old-59") && older.says("Back to newest"))
    }

    // MARK: - Create

    @Test("the form shows GPUs with their prices, and creates a pod", arguments: TestDatabase.selected)
    func create(_: TestDatabase) throws {
        let page = try owner.get("/pods/new")
        #expect(page.says("A100, 80 GB: 2 of 2 free, 2.50 an hour"))
        #expect(page.says("An hour of this pod costs"))
        let response = try owner.post(
            "/pods",
            scene.form([
                "gpu_type": "A100", "gpu_count": "2", "ports": "8080, 9090", "env": "KEY=s3cret=value\r\nB=\r\n",
                "command": "echo 1\r\nsleep 9", "stop_after": "2", "delete_after": "3", "delete_after_unit": "days",
                "max_cost": "12.50",
            ]))
        #expect(response.status == 303)
        let id = try id(response)
        let created = try owner.follow(response)
        #expect(created.says("The pod is created"))
        let pod = try #require(try scene.record(id))
        #expect(pod.gpuCount == 2 && pod.devices.count == 2)
        #expect(pod.configuration.ports == [8080, 9090])
        #expect(pod.configuration.environment == ["B", "KEY"])
        #expect(pod.configuration.command == "echo 1\nsleep 9")
        #expect(pod.limits == PodLimits(stopAfterSeconds: 7200, deleteAfterSeconds: 259_200, maxCost: 12_500_000))
        #expect(pod.tokenID == nil)
        try scene.pods.wait(for: .running, id)
        let variables = try #require(engine.objects[id]?.specification.environment)
        #expect(variables.first { $0.name == "KEY" }?.value == "s3cret=value")
        let details = try owner.get("/pods/\(id)")
        #expect(details.says("KEY") && !details.body.contains("s3cret"))
        for text in ["127.0.0.1:48080", "Stopped after 2 h, deleted after 3 d", "when it has cost 12.50"] {
            #expect(details.says(text), "\(text)")
        }
        #expect(details.body.contains(#"href="http://127.0.0.1:48080""#))
        #expect(try owner.get("/pods/new").says("A100, 80 GB: none free"))
    }

    @Test("a form creates one pod, however often it is sent", arguments: TestDatabase.selected)
    func once(_: TestDatabase) async throws {
        let form = try scene.form()
        let first = try owner.post("/pods", form)
        #expect(first.headers["location"]?.hasSuffix("?done=created") == true)
        let again = try owner.post("/pods", form)
        #expect(again.headers["location"]?.hasSuffix("?done=repeated") == true)
        #expect(try id(first) == id(again))
        let other = try scene.form(["name": "other"])
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { try owner.post("/pods", other).status } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses == [303, 303, 303, 303])
        #expect(try scene.allPods().map(\.name).sorted() == ["other", "trainer"])
        // The ID depends on the user: another user with the same form creates a pod of their own.
        let stranger = try scene.client("stranger@example.com")
        let project = try scene.user("stranger@example.com").defaultProjectID
        let theirs = try stranger.post("/pods", form.filter { $0.0 != "project_id" } + [("project_id", project)])
        #expect(theirs.status == 402)
        #expect(theirs.says("does not cover"))
    }

    @Test("errors are next to their fields", arguments: TestDatabase.selected)
    func invalid(_: TestDatabase) throws {
        let fields: [(name: String, value: String, text: String)] = [
            ("name", "Has Capitals", "Must have 1 to 63 characters"), ("name", "", "Must have 1 to 63"),
            ("image", "//", "Must be the name of an image"), ("cpu", "many", "Must be a number of cores"),
            ("cpu", "nan", "Must be a number of cores"), ("memory", "0", "Must be a whole number of GiB"),
            ("memory", "1.5", "Must be a whole number of GiB"), ("disk", "-1", "Must be a whole number of GiB"),
            ("ports", "web", "Must be numbers such as 8080"), ("ports", "0", "ust"), ("env", "oops", "line 1"),
            ("env", "A=1\nA=2", "line 2 repeats one"), ("stop_after", "0", "Must be a whole number of hours"),
            ("delete_after", "1.5", "Must be a whole number of hours"), ("max_cost", "1,5", "such as 12.50"),
            ("max_cost", "-1", "Must be a positive amount"), ("command", " ", "Must not be empty"),
            ("project_id", "prj_none", "Does not exist any more"),
        ]
        for (name, value, text) in fields {
            let page = try owner.post("/pods", scene.form([name: value]))
            #expect(page.status == (name == "project_id" ? 404 : 422), "\(name)")
            let problems = page.texts("<p class=\"field-problem\" id=\"\(name)-problem\"", until: "</p>")
            #expect(problems.count == 1 && problems[0].contains(text), "\(name) \(value): \(problems)")
        }
        let gpu = try owner.post("/pods", scene.form(["gpu_type": "A100", "gpu_count": "3"]))
        #expect(gpu.status == 409 && gpu.body.contains("id=\"gpu_type-problem\""))
        let none = try owner.post("/pods", scene.form(["gpu_type": "A100", "gpu_count": "0"]))
        #expect(none.status == 422 && none.body.contains("id=\"gpu_count-problem\""))
        try owner.post("/pods", scene.form())
        let taken = try owner.post("/pods", scene.form())
        #expect(taken.status == 409 && taken.body.contains("id=\"name-problem\""))
        let incomplete = try owner.post("/pods", scene.form(["id": "short", "name": "n"]))
        #expect(incomplete.status == 422 && incomplete.says("the form was incomplete"))
        #expect(try scene.allPods().count == 1)
        let forged = try owner.post("/pods", scene.form(["name": "n", "form_key": "x"]))
        #expect(forged.status == 403)
        #expect(try scene.allPods().count == 1)
    }

    @Test("a member creates pods only where the role allows it", arguments: TestDatabase.selected)
    func roles(_: TestDatabase) throws {
        let reader = try scene.client("reader@example.com")
        try scene.add("reader@example.com", .user(["read"]))
        let project = try scene.user().defaultProjectID
        #expect(try !reader.get("/pods/new").body.contains(project))
        let form = try scene.form()
        #expect(try reader.post("/pods", form).status == 403)
        let stranger = try scene.client("stranger@example.com")
        #expect(try stranger.post("/pods", form).status == 404)
        #expect(try scene.allPods().isEmpty)
    }

    // MARK: - One pod

    @Test("the buttons of a pod stop, start, restart and delete it", arguments: TestDatabase.selected)
    func actions(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod()
        let path = "/pods/\(pod.id)"
        let page = try owner.get(path)
        for text in ["Restart", "Stop", "Delete…"] { #expect(page.says(text), "\(text)") }
        #expect(!page.body.contains("action=\"\(path)/start\""))
        #expect(try owner.follow(owner.post(path + "/stop")).says("The pod stops now"))
        try scene.pods.wait(for: .stopped, pod.id)
        #expect(try owner.get(path).body.contains("action=\"\(path)/start\""))
        #expect(try owner.follow(owner.post(path + "/start")).says("The pod starts now"))
        try scene.pods.wait(for: .running, pod.id)
        #expect(try owner.post(path + "/restart").status == 303)
        try blockUntil("the pod was started three times") { engine.calls("start") == 3 }
        try scene.pods.wait(for: .running, pod.id)

        let confirmation = try owner.get(path + "/delete")
        #expect(confirmation.says("Delete “trainer”?") && confirmation.says("The pod runs."))
        // The page of a pod that did not run does not kill it.
        let kept = try owner.post(path + "/delete")
        #expect(kept.status == 409 && kept.says("was started in the meantime"))
        #expect(try owner.post(path + "/delete", ["runs": "true", "form_key": "x"]).status == 403)
        #expect(try scene.record(pod.id)?.state.desired == .running)
        #expect(try owner.follow(owner.post(path + "/delete", ["runs": "true"])).says("is being deleted"))
        try scene.pods.wait(for: .terminated, pod.id)
        let gone = try owner.get(path)
        #expect(gone.says("deleted") && gone.says("The output was removed") && !gone.says("Delete…"))
        #expect(try owner.get(path + "/delete").status == 303)
        #expect(try owner.post(path + "/start").status == 409)
        #expect(try owner.get("/pods?status=terminated").says("trainer"))
        #expect(try owner.get(path + "/log").status == 204)
    }

    @Test(
        "a pod that the viewer cannot see is not found, and a role limits its buttons",
        arguments: TestDatabase.selected)
    func access(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod(#""env": {"KEY": "s3cret"}"#)
        let path = "/pods/\(pod.id)"
        let stranger = try scene.client("stranger@example.com")
        for place in ["", "/live", "/log", "/delete"] {
            #expect(try stranger.get(path + place).status == 404, "\(place)")
        }
        for action in ["/start", "/stop", "/restart", "/delete"] {
            #expect(try stranger.post(path + action, ["runs": "true"]).status == 404, "\(action)")
            #expect(try owner.post(path + action, ["form_key": "x"]).status == 403, "\(action)")
        }
        let reader = try scene.client("reader@example.com")
        try scene.add("reader@example.com", .user(["read"]))
        let page = try reader.get(path)
        #expect(page.says("trainer") && !page.says("Restart") && !page.says("Delete…"))
        for action in ["/start", "/stop", "/restart", "/delete"] {
            #expect(try reader.post(path + action).status == 403, "\(action)")
        }
        #expect(try reader.get(path + "/delete").status == 403)
        let former = try scene.client("former@example.com")
        try scene.add("former@example.com", .admin, deactivatedAt: 1)
        for place in ["", "/live", "/log", "/delete"] {
            #expect(try former.get(path + place).status == 403, "\(place)")
        }
        #expect(try former.post(path + "/stop").status == 403)
        #expect(try scene.record(pod.id)?.state.desired == .running)
        #expect(try owner.get("/pods/pod_none").status == 404)
        #expect(try owner.get(path + "?events=x").status == 400)
    }

    @Test("the page shows the output, the use of resources and the events", arguments: TestDatabase.selected)
    func output(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod()
        engine.change {
            $0.objects[pod.id]?.output =
                "2026-11-28T17:44:05.000000001Z first <b>\n2026-11-28T17:44:05.000000002Z \u{1B}[31mred\u{1B}[0m\n"
        }
        let page = try owner.get("/pods/\(pod.id)")
        #expect(page.body.contains("first &lt;b&gt;\nred\n</pre>"))
        #expect(page.body.contains("?after=2026-11-28T17%3A44%3A05.000000002Z"))
        #expect(page.says("0.13 of 4 cores") && page.says("1 MiB of 1 GiB") && page.body.contains("<polyline"))
        #expect(page.says("The pod was created."))
        let live = try owner.get("/pods/\(pod.id)/live")
        #expect(live.says("running") && live.says("0.13 of 4 cores") && !live.body.contains("red\n"))
        #expect(!live.body.contains("<nav"))
    }

    @Test("the output is followed by a stream that ends with the pod", arguments: TestDatabase.selected)
    func follow(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod()
        engine.change {
            $0.objects[pod.id]?.output =
                "2026-11-28T17:44:05.000000001Z one\n2026-11-28T17:44:05.000000002Z two\nwithout a time"
        }
        // The body of a stream is sent to sockets only.
        let viewer = TestClient(port: scene.pods.server.server.port)
        viewer.cookies = owner.cookies
        let all = try viewer.get("/pods/\(pod.id)/log")
        #expect(all.status == 200 && all.headers["content-type"] == "text/event-stream")
        #expect(all.body.contains("id: 2026-11-28T17:44:05.000000001Z\ndata: one\n\n"))
        #expect(all.body.contains("data: without a time\n\nevent: end\n"))
        let rest = try viewer.get("/pods/\(pod.id)/log?after=2026-11-28T17:44:05.000000001Z")
        #expect(!rest.body.contains("data: one") && rest.body.contains("data: two"))
        #expect(try owner.get("/pods/\(pod.id)/log?after=yesterday").status == 400)
        #expect(try TestClient(scene.pods.server).get("/pods/\(pod.id)/log").status == 204)
    }

    // MARK: - Engine

    @Test("a service without an engine says so, and changes nothing", arguments: TestDatabase.selected)
    func withoutEngine(_: TestDatabase) throws {
        let scene = try DashboardScene()
        for path in ["/pods", "/pods/new"] {
            let page = try scene.owner.get(path)
            #expect(page.status == 200 && page.says("runs without a container engine"), "\(path)")
        }
        #expect(try !scene.owner.get("/pods/new").body.contains("name=\"image\""))
        let response = try scene.owner.post(
            "/pods", ["id": Identifier.generate(""), "name": "n", "image": "a", "project_id": ""])
        #expect(response.status == 503 && response.says("has no container engine"))
    }

    @Test("while the engine does not respond, pages show what is known", arguments: TestDatabase.selected)
    func engineDown(_: TestDatabase) throws {
        let pod = try scene.pods.runningPod()
        engine.change { $0.isDown = true }
        try blockUntil("the service has noticed") { scene.service.pods.link.isStale }
        let page = try owner.get("/pods/\(pod.id)")
        #expect(page.status == 200 && page.says("does not respond"))
        #expect(try owner.get("/pods").says("does not respond"))
        let response = try owner.post("/pods/\(pod.id)/stop")
        #expect(response.status == 503 && response.says("The container engine does not respond"))
        #expect(try owner.get("/pods/\(pod.id)/log").status == 503)
    }
}
