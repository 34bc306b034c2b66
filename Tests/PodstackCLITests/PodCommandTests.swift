import Foundation
import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackTestSupport
import PodstackTesting
import Synchronization
import Testing

@testable import PodstackCLI

@Suite("podstack pod, volume, gpu and wallet", .timeLimit(.minutes(1)))
struct PodCommandTests {
    let service = FakeService()
    var console: Console

    init() {
        service.setGPU("A100", count: 4, memory: 80, pricePerHour: 2.5)
        service.credit(100)
        let token = service.createToken().withSecret { $0 }
        console = Console(environment: ["PODSTACK_API_TOKEN": token])
        console.transport = service
        console.time = service.clock.time
    }

    func client() throws -> Client { try service.client() }

    /// Creates a pod and returns it.
    func pod(_ name: String = "trainer", project: Project.ID? = nil) async throws -> Pod {
        try await client().pods.create(PodSpecification(name: name, image: "busybox", projectID: project))
    }

    func lastBody() throws -> JSONValue {
        let request = try #require(service.requests.last { $0.method == "POST" && $0.url.hasSuffix("/v1/pods") })
        return try APICoding.decode(JSONValue.self, from: try #require(request.body))
    }

    // MARK: - Create

    @Test("create sends every flag, and prints only the ID on standard output")
    func create() async throws {
        let volume = try await client().volumes.create(name: "datasets")
        let home = try TemporaryDirectory()
        let file = try home.write("B=from file\nC=3\n", to: "pod.env")
        let made = await console.run(
            "pod", "create", "--name", "trainer", "--image", "pytorch", "--gpu-type", "A100", "--gpu-count", "2",
            "--cpu",
            "0.5", "--memory", "32", "--disk", "10", "--port", "80,443", "--port", "22", "--env", "A=1=2", "--env",
            "HERE",
            "--env", "C=4", "--env-from", file, "--command", "python train.py", "--volume", "datasets:/data", "--label",
            "team=vision", "--stop-after", "8h", "--delete-after", "1d", "--max-cost", "2.5", "--token-scope",
            "pods:read,projects:read", environment: ["HERE": "value of this shell"])
        #expect(made.status == .success, "\(made.error)")
        let pod = try #require(try await client().pods.list().all().first)
        #expect(made.output == "\(pod.id)\n")
        #expect(made.error == "Created trainer, which costs 5.00 per hour while it runs\n")
        #expect(
            try lastBody() == [
                "name": "trainer", "image": "pytorch", "gpu_type": "A100", "gpu_count": 2, "cpu": 0.5, "memory": 32,
                "disk": 10, "ports": [80, 443, 22],
                "env": ["A": "1=2", "HERE": "value of this shell", "B": "from file", "C": "4"],
                "command": "python train.py", "volumes": [["volume_id": .string(volume.id), "mount_path": "/data"]],
                "labels": ["team": "vision"], "stop_after": 28800, "delete_after": 86400, "max_cost": 2.5,
                "token_scopes": ["pods:read", "projects:read"],
            ])
    }

    @Test("create without a name or an image asks on a terminal for what is missing")
    func questions() async throws {
        var console = console
        console.replies = ["trainer", "pytorch", "a100", "2", "2h", "y"]
        let made = await console.run("pod", "create")
        #expect(made.status == .success, "\(made.error)")
        #expect(
            try lastBody() == [
                "name": "trainer", "image": "pytorch", "gpu_type": "A100", "gpu_count": 2, "cpu": 4, "memory": 16,
                "disk": 50, "stop_after": 7200,
            ])
        #expect(made.error.contains("The GPUs cost 5.00 per hour"))
        #expect(made.error.contains("A100  4          4      80 GB   2.50"))
        console.replies = ["", "", ""]
        let short = await console.run("pod", "create", "--name", "web", "--image", "nginx")
        #expect(short.status == .success && !short.error.contains("Type of GPU"))
        console.replies = ["web2", "nginx", "A100", "", "", "n"]
        let refused = await console.run("pod", "create")
        #expect(refused.status == .failure)
        #expect(refused.error.contains("error: no pod was created: the answer was not yes"))
        #expect(try await client().pods.list().all().count == 2)
    }

    @Test("a wrong answer of create is asked again")
    func wrongAnswers() async throws {
        var console = console
        console.replies = ["a b", "trainer", "pytorch", "A10O", "A100", "two", "2", "soon", "2h", "y"]
        let made = await console.run("pod", "create")
        #expect(made.status == .success, "\(made.error)")
        #expect(made.error.contains("The name must have 1 to 63 characters from a-z, 0-9 and -"))
        #expect(made.error.contains("There is no type \"A10O\"; did you mean \"A100\"?"))
        #expect(made.error.contains("The number must be a whole number, 1 or more."))
        #expect(made.error.contains("Use a number and a unit for the time"))
        #expect(try await client().pods.list().all().count == 1)
    }

    @Test("create without a name or an image fails elsewhere")
    func noTerminal() async throws {
        let none = await console.run("pod", "create")
        #expect(none.status == .usage && none.error.hasPrefix("error: --name and --image are missing\nhint: "))
        let one = await console.run("pod", "create", "--name", "x")
        #expect(one.error.hasPrefix("error: --image is missing\n"))
    }

    @Test(
        "an invalid flag is a usage error, and nothing is sent",
        arguments: [
            (["--port", "0"], "--port must be a number from 1 to 65535"),
            (["--cpu", "two"], "--cpu must be a number above 0"),
            (["--max-cost", "-1"], "--max-cost must be an amount above 0"),
            (["--label", "x"], "--label must have the form"),
            (["--label", "a=1", "--label", "a=2"], "--label: a is given twice"),
            (["--volume", "datasets"], "--volume must have the form VOLUME:PATH"),
            (["--volume", "datasets:data"], "--volume must have the form VOLUME:PATH"),
            (["--env", "=x"], "--env must have the form"),
            (["--env", "NOT_SET"], "the variable NOT_SET is not set here"),
            (["--stop-after", "soon"], "--stop-after: invalid duration"),
            (["--gpu-count", "2"], "--gpu-count needs --gpu-type"),
            (["--timeout", "5m"], "--timeout needs --wait"), (["--memory", "0"], "--memory must be a whole number"),
            (["--registry-password-stdin"], "--registry-password-stdin needs --registry-user"),
            (["--registry-user", "u"], "the password of the registry is missing"),
            (["--token-scope", "pod:read"], "--token-scope: unknown scope \"pod:read\"; did you mean \"pods:read\"?"),
        ])
    func invalid(flags: [String], message: String) async throws {
        let run = await console.run(["pod", "create", "--name", "x", "--image", "y"] + flags)
        #expect(run.status == .usage && run.error.contains(message), "\(run.error)")
        #expect(service.requests.isEmpty)
        let name = await console.run(["pod", "create", "--name", "a b", "--image", "y"])
        #expect(name.status == .usage && name.error.hasPrefix("error: --name must have 1 to 63 characters"))
        #expect(service.requests.isEmpty)
    }

    @Test("the password of a registry comes from standard input or without echo, and is never printed")
    func registry() async throws {
        let piped = await console.run(
            "pod", "create", "--name", "x", "--image", "y", "--registry-user", "u", "--registry-password-stdin",
            "--debug",
            input: "secret-password\n")
        #expect(piped.status == .success, "\(piped.error)")
        #expect(try lastBody()["registry_auth"] == ["username": "u", "password": "secret-password"])
        var console = console
        console.secrets = ["typed-password"]
        let typed = await console.run("pod", "create", "--name", "z", "--image", "y", "--registry-user", "u")
        #expect(typed.status == .success)
        #expect(try lastBody()["registry_auth"] == ["username": "u", "password": "typed-password"])
        #expect(!(piped.error + piped.output + typed.error + typed.output).contains("-password\n"))
    }

    @Test("create with --wait ends with status 1 and the reason when the pod fails, and still prints the ID")
    func failingWait() async throws {
        let states = [Pod.Status.creating, .failed].map { status in
            var pod = Pod.failedSample
            pod.status = status
            return pod
        }
        var console = console
        console.transport = RecordingTransport(
            try .json(states[0], status: 201), try .json(states[0]), try .json(states[1]))
        let run = await console.run("pod", "create", "--name", "trainer", "--image", "nothing", "--wait")
        #expect(run.status == .failure)
        #expect(run.output == "\(Pod.sample.id)\n")
        #expect(
            run.error.contains("error: The pod trainer (\(Pod.sample.id)) failed: the image does not exist\nhint: "))
        console.transport = RecordingTransport(try .json(states[0], status: 201), try .json(states[1]))
        let json = await console.run("pod", "create", "--name", "trainer", "--image", "nothing", "--wait", "-o", "json")
        #expect(try APICoding.decode(Pod.self, from: Array(json.output.utf8)).status == .failed)
    }

    @Test("create with --wait and a time that passes says the state")
    func slowWait() async throws {
        var pod = Pod.sample
        (pod.status, pod.statusReason) = (.pending, "waits for a GPU")
        var console = console
        console.transport = RecordingTransport(try .json(pod, status: 201), try .json(pod))
        let run = await console.run(
            "pod", "create", "--name", "trainer", "--image", "x", "--wait", "--timeout", "30s")
        #expect(run.status == .failure)
        #expect(run.error.contains("is still pending after 30 s: waits for a GPU"))
    }

    @Test("a program that ended with success before the wait is no failure")
    func quickWait() async throws {
        var pod = Pod.sample
        (pod.status, pod.exitCode) = (.stopped, 0)
        var console = console
        console.transport = RecordingTransport(try .json(pod, status: 201), try .json(pod))
        let run = await console.run("pod", "create", "--name", "trainer", "--image", "x", "--wait")
        #expect(run.status == .success && run.error.contains("trainer has ended with success"))
    }

    // MARK: - Read

    @Test("list has filters, and its formats")
    func list() async throws {
        let pod = try await pod()
        _ = try await client().pods.create(
            PodSpecification(name: "web", image: "nginx", labels: ["team": "web", "stage": "test"]))
        let labeled = await console.run("pod", "list", "--label", "team=web", "--label", "stage=test")
        #expect(labeled.output.contains("web ") && !labeled.output.contains("trainer"))
        let all = await console.run("pod", "list")
        #expect(all.output.hasPrefix("ID                        NAME     STATUS   IMAGE    GPU  COST  CREATED\n"))
        #expect(await console.run("pod", "list", "-o", "wide").output.contains("PER HOUR"))
        let json = await console.run("pod", "list", "--name", "trainer", "-o", "json")
        let value = try APICoding.decode(JSONValue.self, from: Array(json.output.utf8))
        #expect(value["pods"] == .array([try APICoding.decode(JSONValue.self, from: APICoding.encode(pod))]))
        #expect(await console.run("pod", "list", "--status", "stopped", "-o", "yaml").output == "pods: []\n")
    }

    @Test("get finds a pod by name or ID, and refuses a name that several have")
    func names() async throws {
        let pod = try await pod()
        for text in [pod.id, "trainer", "Trainer"] {
            let run = await console.run("pod", "get", text)
            #expect(
                run.status == .success && run.output.contains("Name:           trainer\n"), "\(run.output) \(run.error)"
            )
        }
        let unknown = await console.run("pod", "get", "trianer")
        #expect(unknown.status == .notFound)
        #expect(unknown.error.contains(#"no pod has the ID or the name "trianer"; did you mean "trainer"?"#))
        let project = try await client().projects.create(name: "other")
        let second = try await self.pod(project: project.id)
        let ambiguous = await console.run("pod", "get", "trainer")
        #expect(ambiguous.status == .failure)
        #expect(ambiguous.error.contains("is the name of 2 pods") && ambiguous.error.contains(second.id))
        let chosen = await console.run("pod", "get", "trainer", "--project", "other", "-o", "json")
        #expect(try APICoding.decode(Pod.self, from: Array(chosen.output.utf8)).id == second.id)
    }

    @Test("get --watch writes each change until the pod is deleted")
    func watch() async throws {
        let states = [Pod.Status.creating, .creating, .running, .stopping, .stopped, .terminated].map { status in
            var pod = Pod.sample
            pod.status = status
            return pod
        }
        var console = console
        console.transport = RecordingTransport(scripted: try states.map { try .json($0) })
        let run = await console.run("pod", "get", Pod.sample.id, "--watch")
        #expect(run.status == .success, "\(run.error)")
        let words = run.output.split(separator: "\n").map { $0.split(separator: " ").last }
        #expect(words == ["creating", "running", "stopping", "stopped", "terminated"])
    }

    @Test("the text of a pod cannot write to the terminal")
    func controlCharacters() async throws {
        let pod = try await pod()
        service.changePod(pod.id) { $0.statusReason = "\u{1B}]0;title\u{07}bad\u{1B}[2J" }
        for command in [["pod", "get", pod.id], ["pod", "list", "-o", "wide"], ["pod", "get", pod.id, "-o", "json"]] {
            var console = console
            console.isTerminal = true
            let run = await console.run(command + ["--no-color"])
            #expect(!run.output.contains("\u{1B}") && run.output.contains("bad"))
        }
    }

    // MARK: - Change

    @Test("update sets and removes limits and labels")
    func update() async throws {
        let pod = try await pod()
        let set = await console.run(
            "pod", "update", "trainer", "--stop-after", "2h", "--max-cost", "5", "--label", "a=1", "--label", "b=2")
        #expect(set.status == .success && set.output.contains("Stop after:     2h\n"), "\(set.output)\(set.error)")
        let removed = await console.run(
            "pod", "update", "trainer", "--stop-after", "none", "--remove-label", "a", "--name", "renamed")
        #expect(removed.status == .success)
        let changed = try await client().pods.get(pod.id)
        #expect(changed.limits == Pod.Limits(maxCost: 5) && changed.labels == ["b": "2"] && changed.name == "renamed")
        #expect(await console.run("pod", "update", "renamed").status == .usage)
    }

    @Test("start, stop and restart wait if asked, and delete asks first")
    func life() async throws {
        let pod = try await pod()
        #expect(await console.run("pod", "stop", "trainer", "--wait").error == "Stopped trainer, which is stopped\n")
        #expect(await console.run("pod", "start", "trainer", "--wait").error == "Started trainer, which is running\n")
        let restarted = await console.run("pod", "restart", "trainer", "-o", "json")
        #expect(try APICoding.decode(Pod.self, from: Array(restarted.output.utf8)).id == pod.id)
        let unasked = await console.run("pod", "delete", "trainer")
        #expect(unasked.status == .usage)
        let running = await console.run("pod", "delete", "trainer", "--yes")
        #expect(running.status == .failure && running.error.contains("hint: podstack pod stop POD stops the pod"))
        var console = console
        console.reply = "y"
        let deleted = await console.run("pod", "delete", "trainer", "--force", "--wait")
        #expect(deleted.status == .success && deleted.error.contains("Delete the pod \"trainer\" (\(pod.id))"))
        #expect(try await client().pods.list().all().isEmpty)
    }

    @Test("errors say what there is instead, and end with status 1")
    func hints() async throws {
        let gpu = await console.run("pod", "create", "--name", "x", "--image", "y", "--gpu-type", "B300")
        #expect(gpu.status == .failure)
        #expect(gpu.error.contains("hint: Available types: A100. podstack gpu availability lists all types"))
        service.setGPU("H100", count: 1, pricePerHour: 1_000_000)
        let poor = await console.run("pod", "create", "--name", "x", "--image", "y", "--gpu-type", "H100")
        #expect(poor.status == .failure && poor.error.contains("hint: podstack wallet balance shows the balance"))
        let json = await console.run("pod", "create", "--name", "x", "--image", "y", "--gpu-type", "H100", "-o", "json")
        let error = try APICoding.decode(ErrorBody.self, from: Array(json.error.utf8))
        #expect(error.code == .insufficientBalance && error.details["limit"] == "wallet")
    }

    // MARK: - Inside

    @Test("exec passes the command line on, and ends with its status", arguments: [0, 3, 137])
    func exec(code: Int) async throws {
        let pod = try await pod()
        service.onExec { _, command in
            PodExecResult(
                exitCode: code, stdout: command.joined(separator: "|") + "\n", stderr: "oops\n", isTruncated: false)
        }
        for words in [["ls", "-la", "--all"], ["--", "ls", "-la", "--all"]] {
            let run = await console.run(["pod", "exec", "trainer"] + words)
            #expect(run.status.rawValue == Int32(code))
            #expect(run.output == "ls|-la|--all\n" && run.error == "oops\n", "\(run.output) \(run.error)")
        }
        let leading = await console.run("-q", "pod", "exec", pod.id, "sh", "-c", "exit")
        #expect(leading.status.rawValue == Int32(code) && leading.output == "sh|-c|exit\n")
        service.changePod(pod.id) { $0.status = .stopped }
        let stopped = await console.run("pod", "exec", "trainer", "ls")
        #expect(stopped.status == .failure && stopped.error.contains("hint: podstack pod start POD starts the pod"))
    }

    @Test("logs are written as they are elsewhere, and without escape sequences on a terminal")
    func logs() async throws {
        let pod = try await pod()
        service.changePod(pod.id, output: "one\n\u{1B}[31mred\u{1B}[0m\u{1B}]0;title\u{07}\u{1B}[2J\u{08}!\n")
        let piped = await console.run("pod", "logs", "trainer")
        #expect(piped.output == "one\n\u{1B}[31mred\u{1B}[0m\u{1B}]0;title\u{07}\u{1B}[2J\u{08}!\n")
        #expect(await console.run("pod", "logs", "trainer", "--tail", "0").output.isEmpty)
        var console = console
        console.isTerminal = true
        console.environment["TERM"] = "xterm"
        #expect(await console.run("pod", "logs", "trainer").output == "one\n\u{1B}[31mred\u{1B}[0m!\n\u{1B}[0m")
        #expect(await console.run("pod", "logs", "trainer", "--no-color").output == "one\nred!\n")
        #expect(await console.run("pod", "logs", "trainer", "--since", "now").status == .usage)
    }

    @Test("stats and events show what there is")
    func reports() async throws {
        _ = try await pod()
        #expect(
            await console.run("pod", "stats", "trainer").output
                == "CPU  MEMORY           GPU  GPU MEMORY\n50%  4 GiB of 16 GiB\n")
        let events = await console.run("pod", "events", "trainer", "--limit", "1")
        #expect(events.output.contains("started") && events.output.contains("The pod was started"))
    }

    // MARK: - Volumes and money

    @Test("volumes are created, listed, shown and deleted")
    func volumes() async throws {
        let created = await console.run("volume", "create", "datasets")
        let volume = try #require(try await client().volumes.list().all().first)
        #expect(created.output == "\(volume.id)\n")
        #expect(await console.run("volume", "list").output.contains("datasets"))
        #expect(await console.run("volume", "get", "datasets").output.contains("Pods:       none\n"))
        _ = await console.run("pod", "create", "--name", "x", "--image", "y", "--volume", "datasets:/data")
        let used = await console.run("volume", "delete", "datasets", "--yes")
        #expect(used.status == .failure && used.error.contains("Pods mount the volume"))
        _ = await console.run("pod", "delete", "x", "--force", "--yes")
        #expect(await console.run("volume", "delete", "datasets", "--yes").status == .success)
        #expect(await console.run("volume", "get", "datasets").status == .notFound)
    }

    @Test("GPUs, prices, the balance and the expenditure")
    func money() async throws {
        _ = try await client().pods.create(
            PodSpecification(name: "trainer", image: "x", gpuType: "A100", gpuCount: 2))
        service.clock.advance(by: .seconds(5400))
        let table = "TYPE  AVAILABLE  TOTAL  MEMORY  PER HOUR\nA100  2          4      80 GB   2.50\n"
        #expect(await console.run("gpu", "availability").output == table)
        #expect(await console.run("gpu", "list").output == table)
        #expect(await console.run("pricing").output == "TYPE  MEMORY  PER HOUR\nA100  80 GB   2.50\n")
        #expect(
            await console.run("wallet", "balance").output
                == "Balance:          92.50\nCredited:         100.00\nSpent:            7.50\nSpent this month: 7.50\n"
        )
        let days = await console.run("wallet", "expenditure")
        #expect(days.output.hasSuffix("total       1h 30m  3h        7.50\n"), "\(days.output)")
        let pods = await console.run("wallet", "expenditure", "--group-by", "pod", "--from", "1d", "-o", "json")
        let usage = try APICoding.decode(Usage.self, from: Array(pods.output.utf8))
        #expect(usage.rows.map(\.name) == ["trainer"] && usage.totalCost == 7.5)
        #expect(await console.run("wallet", "expenditure", "--group-by", "week").status == .usage)
    }

    @Test("completion offers pods, volumes and types of GPUs of the service")
    func completion() async throws {
        let pod = try await pod()
        let volume = try await client().volumes.create(name: "datasets")
        func words(_ line: String...) async -> [String] {
            let run = await console.run("__complete", input: line.joined(separator: "\0") + "\0")
            return run.output.split(separator: "\n").dropFirst().map { String($0.prefix { $0 != "\t" }) }
        }
        #expect(await words("pod", "logs", "") == [pod.id, "trainer"])
        #expect(await words("volume", "delete", "") == [volume.id, "datasets"])
        #expect(await words("pod", "create", "--gpu-type", "") == ["A100"])
        #expect(await words("pod", "").contains("exec"))
    }
}

@Suite("The output of a pod on a terminal", .timeLimit(.minutes(1)))
struct LogTextTests {
    func text(_ pieces: String..., allowsColors: Bool = true) -> String {
        var text = LogText(allowsColors: allowsColors)
        return pieces.map { text.text(of: Array($0.utf8)) }.joined() + text.finish()
    }

    @Test("only colors, tabs and line ends pass")
    func passing() {
        #expect(text("a\tb\r\nc\n") == "a\tb\r\nc\n")
        #expect(text("\u{1B}[1;31mred\u{1B}[m") == "\u{1B}[1;31mred\u{1B}[m\u{1B}[0m")
        #expect(text("\u{1B}[38:2:1:2:3mred", allowsColors: false) == "red")
        for sequence in [
            "\u{1B}[2J", "\u{1B}[10;10H", "\u{1B}[?25l", "\u{1B}[6n", "\u{1B}[>c", "\u{1B}c", "\u{1B}]0;title\u{07}",
            "\u{1B}]52;c;ZXZpbA==\u{1B}\\", "\u{1B}P+q544e\u{1B}\\", "\u{1B}_x\u{1B}\\", "\u{1B}[1?m", "\u{1B}(B",
            "\u{1B}#8", "\u{07}", "\u{08}",
            "\u{9B}", "\u{202E}", "\u{7F}", "\0",
        ] { #expect(text("a\(sequence)b") == "ab", "\(sequence.debugDescription)") }
    }

    @Test("a sequence or a character may arrive in any pieces")
    func pieces() {
        let whole = Array("ä\u{1B}[31m€\u{1B}]0;t\u{1B}\\😀\u{1B}[0m!\n".utf8)
        var expected = LogText(allowsColors: true)
        let all = expected.text(of: whole) + expected.finish()
        #expect(all == "ä\u{1B}[31m€😀\u{1B}[0m!\n\u{1B}[0m")
        for cut in 0...whole.count {
            var text = LogText(allowsColors: true)
            #expect(text.text(of: whole[..<cut]) + text.text(of: whole[cut...]) + text.finish() == all, "\(cut)")
        }
    }

    @Test("a command that never ends hides no further line, and a sequence that is too long ends")
    func endless() {
        #expect(text("a\u{1B}]0;title\nb") == "a\nb")
        #expect(text("a\u{1B}[" + String(repeating: "1", count: 200) + "b").hasSuffix("b"))
    }
}

extension RecordingTransport {
    /// Creates a transport that returns responses in order, and repeats the last one.
    fileprivate convenience init(scripted responses: [ScriptedResponse]) {
        let left = Mutex(responses)
        self.init { _ in try left.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }.response() }
    }
}

extension JSONValue {
    /// Returns the value of a field; nil if there is none.
    fileprivate subscript(_ key: String) -> JSONValue? {
        guard case .object(let fields) = self else { return nil }
        return fields[key]
    }
}
