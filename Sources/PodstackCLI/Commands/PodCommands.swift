import Podstack
import PodstackAPI
import PodstackCommandLine

/// `podstack pod`: creates pods and changes them.
///
/// For what is inside a pod, see ``PodDataCommands``.
enum PodCommands {
    static let all: [Command] = [create, list, get, update, start, stop, restart, delete]

    static let pod = Argument(
        "POD", summary: "the ID or the name of the pod", values: .listed(CompletionCommands.pods))
    static let labels = Flag(
        "label", value: "KEY=VALUE", summary: "only pods with this label; may be repeated", isRepeatable: true)
    static let timeout = Flag(
        "timeout", value: "TIME", summary: "with --wait: the longest time to wait: 90s, 30m, 12h or 7d (default: 5m)")

    private static func wait(_ until: String) -> Flag { Flag("wait", summary: "wait until the pod \(until)") }

    // MARK: - Read

    static let list = Command(
        "pod", "list", summary: "List the pods, newest first.",
        flags: [
            Flag(
                "status", value: "STATUS", summary: "only pods in this state; terminated lists the deleted ones",
                values: .suggestions([
                    "creating", "pending", "running", "stopping", "stopped", "failed", "terminated",
                ])),
            labels, Flag("name", value: "NAME", summary: "only the pods with this name"),
        ],
        examples: [
            "podstack pod list", "podstack pod list --status running --label team=vision",
            Example("podstack pod list -o wide", "with projects, machines, resources and prices"),
        ], isPaged: true
    ) { invocation in
        let arguments = invocation.arguments
        let pods = try invocation.client().pods.list(
            status: arguments.value("status").map(Pod.Status.init(rawValue:)),
            labels: try PodFlags.pairs("label", arguments) ?? [:], name: arguments.value("name"))
        let columns = PodText.columns(isWide: invocation.format == .wide)
        var writer = ListWriter<Pod>(
            invocation, ifEmpty: "No pods", header: columns.map(\.name),
            row: { pod in columns.map { $0.value(pod, invocation) } })
        try await writer.writeAll(of: pods, limit: nil)
        return .success
    }

    static let get = Command(
        "pod", "get", summary: "Show a pod.", arguments: [pod],
        flags: [
            Flag("watch", summary: "write a line whenever the state changes, until the pod is deleted or Ctrl-C")
        ],
        examples: [
            "podstack pod get trainer", "podstack pod get trainer --watch",
            Example("podstack pod get trainer -o json", "as JSON, for programs"),
        ]
    ) { invocation in
        try await invocation.withPodID(invocation.arguments.positional[0]) { client, id in
            guard !invocation.arguments.has("watch") else { return try await watch(id, client, invocation) }
            let pod = try await client.pods.get(id)
            try invocation.write(pod) { PodText.details(pod, invocation) }
            if pod.isStale { invocation.warn("the container engine does not respond, so the state may be older") }
        }
        return .success
    }

    private static func watch(_ id: Pod.ID, _ client: Client, _ invocation: Invocation) async throws {
        @Sendable func write(_ pod: Pod) {
            let line = [
                Timestamp.format(invocation.context.time.date()), pod.name, pod.status.rawValue, pod.statusReason ?? "",
            ]
            try? invocation.write(pod) { line.map(TerminalText.printable).joined(separator: "  ") }
        }
        do {
            _ = try await client.pods.wait(for: id, timeout: .seconds(31_536_000), onChange: write) {
                $0.status == .terminated
            }
        } catch is ResourceNotFoundError where invocation.arguments.positional[0] != id {}
    }

    // MARK: - Create

    static let create = Command(
        "pod", "create", summary: "Create a pod and print its ID.",
        flags: PodFlags.all + [wait("runs"), timeout],
        details: """
            Without --name or --image, the command asks on a terminal for what is missing, and fails elsewhere. A pod is \
            billed only while it runs; --stop-after, --delete-after and --max-cost limit it even if nothing else does. \
            Give a secret by --env NAME, which takes the value of the variable of that name, or in a file by --env-from: \
            others on this machine can see a value on the command line.
            """,
        examples: [
            Example("podstack pod create", "asks on a terminal"),
            "podstack pod create --name trainer --image pytorch/pytorch:latest --gpu-type A100 --stop-after 8h --wait",
            "podstack pod create --name web --image nginx --port 80 --label team=web --max-cost 5",
            "podstack pod create --name job --image busybox --command 'echo hello' --volume datasets:/data --env WANDB_KEY",
        ]
    ) { invocation in
        let client = try invocation.client()
        let specification = try await PodFlags.specification(invocation, client)
        let limit = try waitLimit(invocation)
        var pod = try await client.pods.create(specification)
        if pod.pricePerHour > .zero {
            invocation.inform(
                TerminalText.printable(
                    "Created \(pod.name), which costs \(pod.pricePerHour) per hour while it runs"))
        } else {
            invocation.inform(TerminalText.printable("Created \(pod.name)"))
        }
        // Before the wait, which may fail: the pod exists.
        let isText = invocation.format == .table || invocation.format == .wide
        if isText { invocation.print(TerminalText.printable(pod.id)) }
        let failure: (any Error)?
        do {
            if let limit { pod = try await running(pod.id, client, invocation, limit) }
            failure = nil
        } catch let error as PodNotRunningError {
            pod = error.pod
            failure = error
        }
        if !isText { try invocation.write(pod) { "" } }
        if let failure { throw failure }
        return .success
    }

    static let update = Command(
        "pod", "update", summary: "Change the name, the labels or the limits of a pod.", arguments: [pod],
        flags: [
            Flag("name", value: "NAME", summary: "the new name"),
            Flag(
                "label", value: "KEY=VALUE", summary: "set this label; may be repeated", isRepeatable: true),
            Flag("remove-label", value: "KEY", summary: "remove this label; may be repeated", isRepeatable: true),
            Flag(
                "stop-after", value: "TIME",
                summary: "stop the pod this long after its start: 90s, 30m, 12h, 7d, or none"),
            Flag(
                "delete-after", value: "TIME",
                summary: "delete the pod this long after its start: 90s, 30m, 12h, 7d, or none"),
            Flag("max-cost", value: "AMOUNT", summary: "stop the pod when it has cost this much, or none"),
        ],
        examples: [
            "podstack pod update trainer --stop-after 12h", "podstack pod update trainer --max-cost none",
            "podstack pod update trainer --label stage=done --remove-label owner",
        ]
    ) { invocation in
        let arguments = invocation.arguments
        let given = ["name", "label", "remove-label", "stop-after", "delete-after", "max-cost"].filter(arguments.has)
        guard !given.isEmpty else {
            throw UsageError(
                "nothing to change: give --name, --label, --remove-label, --stop-after, --delete-after or --max-cost")
        }
        if let name = arguments.value("name") { try PodFlags.checkName(name) }
        let changed = try PodFlags.pairs("label", arguments) ?? [:]
        let removed = arguments.list("remove-label") ?? []
        let stopAfter = try PodFlags.change("stop-after", arguments) { try arguments.duration("stop-after") }
        let deleteAfter = try PodFlags.change("delete-after", arguments) { try arguments.duration("delete-after") }
        let maxCost = try PodFlags.change("max-cost", arguments) { try PodFlags.amount("max-cost", arguments) }
        let pod = try await invocation.withPodID(arguments.positional[0]) { client, id in
            var labels: [String: String]?
            if !changed.isEmpty || !removed.isEmpty {
                labels = try await client.pods.get(id).labels.merging(changed) { $1 }
                    .filter { !removed.contains($0.key) }
            }
            return try await client.pods.update(
                id, name: arguments.value("name"), labels: labels, stopAfter: stopAfter, deleteAfter: deleteAfter,
                maxCost: maxCost)
        }
        try invocation.write(pod) { PodText.details(pod, invocation) }
        return .success
    }

    // MARK: - Start and stop

    static let start = Command(
        "pod", "start", summary: "Start a pod that is stopped or has failed.", arguments: [pod],
        flags: [wait("runs"), timeout],
        examples: ["podstack pod start trainer", "podstack pod start trainer --wait --timeout 10m"]
    ) { invocation in
        try await change(invocation, "Started") { client, id, limit in
            let pod = try await client.pods.start(id)
            return try await limit == nil ? pod : running(id, client, invocation, limit ?? .zero)
        }
    }

    static let stop = Command(
        "pod", "stop", summary: "Stop a pod, which keeps its configuration and is no longer billed.", arguments: [pod],
        flags: [
            Flag("force", summary: "kill the program at once, instead of asking it to end"), wait("is stopped"),
            timeout,
        ],
        examples: ["podstack pod stop trainer", "podstack pod stop trainer --force --wait"]
    ) { invocation in
        try await change(invocation, "Stopped") { client, id, limit in
            let pod = try await client.pods.stop(id, force: invocation.arguments.has("force"))
            guard let limit else { return pod }
            return try await waiting(invocation, for: pod.name) { report in
                try await client.pods.wait(for: id, timeout: limit, onChange: report) {
                    [.stopped, .failed, .terminated].contains($0.status)
                }
            }
        }
    }

    static let restart = Command(
        "pod", "restart", summary: "Stop a pod and start it again.", arguments: [pod],
        flags: [wait("runs"), timeout],
        examples: ["podstack pod restart trainer", "podstack pod restart trainer --wait"]
    ) { invocation in
        try await change(invocation, "Restarted") { client, id, limit in
            let pod = try await client.pods.restart(id)
            return try await limit == nil ? pod : running(id, client, invocation, limit ?? .zero)
        }
    }

    static let delete = Command(
        "pod", "delete", summary: "Delete a pod and everything on its disk; its volumes stay.", arguments: [pod],
        flags: [
            Flag("force", summary: "also delete a pod that runs"), wait("is gone"), timeout,
        ],
        examples: [
            "podstack pod delete trainer",
            Example("podstack pod delete trainer --force --yes", "without a question, even if it runs"),
        ]
    ) { invocation in
        let text = invocation.arguments.positional[0]
        let limit = try waitLimit(invocation)
        try await invocation.withPodID(text) { client, id in
            let name = id == text ? id : "\"\(text)\" (\(id))"
            try invocation.confirm(TerminalText.printable("Delete the pod \(name) and everything on its disk?"))
            let pod = try await client.pods.delete(id, force: invocation.arguments.has("force"))
            if let limit, let pod {
                do {
                    _ = try await waiting(invocation, for: pod.name) { report in
                        try await client.pods.wait(for: id, timeout: limit, onChange: report) {
                            $0.status == .terminated
                        }
                    }
                } catch is ResourceNotFoundError {}
            }
            invocation.inform(TerminalText.printable("Deleted \(id)"))
        }
        return .success
    }

    private static func change(
        _ invocation: Invocation, _ verb: String,
        _ body: (Client, Pod.ID, _ limit: Duration?) async throws -> Pod
    ) async throws -> ExitStatus {
        let limit = try waitLimit(invocation)
        let pod = try await invocation.withPodID(invocation.arguments.positional[0]) { try await body($0, $1, limit) }
        invocation.inform(TerminalText.printable("\(verb) \(pod.name), which is \(pod.status)"))
        switch invocation.format {
        case .json, .yaml: try invocation.write(pod) { "" }
        case .table, .wide: break
        }
        return .success
    }

    // MARK: - Wait

    /// Returns the longest time to wait; nil without `--wait`.
    private static func waitLimit(_ invocation: Invocation) throws(UsageError) -> Duration? {
        let limit = try invocation.arguments.duration("timeout")
        guard invocation.arguments.has("wait") else {
            guard limit == nil else { throw UsageError("--timeout needs --wait") }
            return nil
        }
        return limit ?? .seconds(300)
    }

    /// Waits until a pod runs; a program that has ended with success has run.
    private static func running(
        _ id: Pod.ID, _ client: Client, _ invocation: Invocation, _ limit: Duration
    ) async throws -> Pod {
        do {
            return try await waiting(invocation, for: id) { report in
                try await client.pods.waitUntilRunning(id, timeout: limit, onChange: report)
            }
        } catch let error as PodNotRunningError where error.pod.status == .stopped && error.pod.exitCode == 0 {
            invocation.inform(TerminalText.printable("\(error.pod.name) has ended with success"))
            return error.pod
        }
    }

    /// Runs a closure that waits for a pod, and shows the pod's state on a terminal.
    private static func waiting(
        _ invocation: Invocation, for name: String,
        _ body: (_ report: @escaping @Sendable (Pod) -> Void) async throws -> Pod
    ) async throws -> Pod {
        guard invocation.context.showsProgress, !invocation.arguments.has("quiet") else {
            return try await body { _ in }
        }
        let progress = ProgressLine(write: invocation.context.standardError)
        defer { progress.clear() }
        return try await body { pod in
            let reason = pod.statusReason.map { ": \($0)" } ?? ""
            progress.show(TerminalText.printable(String("\(pod.name) is \(pod.status)\(reason)".prefix(78))))
        }
    }
}
