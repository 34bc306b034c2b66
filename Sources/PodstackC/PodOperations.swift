import Podstack
import PodstackAPI

/// The operations of a client on pods, volumes, GPUs and the wallet, by name.
enum PodOperations {
    static let all: [String: ClientOperations.Operation] = [
        "pods.list": { client, arguments in
            let status: Pod.Status? = try arguments.name("status")
            return try await ClientOperations.page(
                client.pods.list(
                    projectID: try arguments.string("project_id"), status: status,
                    labels: try arguments.texts("labels") ?? [:], name: try arguments.string("name")),
                arguments)
        },
        "pods.get": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.response { try await client.pods.get(id) }
        },
        "pods.create": { client, arguments in
            let specification = try specification(arguments)
            return try await ClientOperations.response { try await client.pods.create(specification) }
        },
        "pods.update": { client, arguments in
            let id = try arguments.required("id")
            let (name, labels) = (try arguments.string("name"), try arguments.texts("labels"))
            let stopAfter = try arguments.change("stop_after") { try $0.duration("stop_after") }
            let deleteAfter = try arguments.change("delete_after") { try $0.duration("delete_after") }
            let maxCost = try arguments.change("max_cost") { try $0.amount("max_cost") }
            return try await ClientOperations.response {
                try await client.pods.update(
                    id, name: name, labels: labels, stopAfter: stopAfter, deleteAfter: deleteAfter, maxCost: maxCost)
            }
        },
        "pods.start": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.response { try await client.pods.start(id) }
        },
        "pods.stop": { client, arguments in
            let (id, force) = (try arguments.required("id"), try arguments.flag("force"))
            return try await ClientOperations.response { try await client.pods.stop(id, force: force) }
        },
        "pods.restart": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.response { try await client.pods.restart(id) }
        },
        "pods.delete": { client, arguments in
            let pod = try await client.pods.delete(
                try arguments.required("id"), force: try arguments.flag("force"))
            return try pod.map { try APICoding.encode($0) } ?? Array("null".utf8)
        },
        "pods.exec": { client, arguments in
            let (id, timeout) = (try arguments.required("id"), try arguments.duration("timeout") ?? .seconds(60))
            if let line = try arguments.string("command_line") {
                return try await ClientOperations.response {
                    try await client.pods.exec(id, line, timeout: timeout)
                }
            }
            let command = try arguments.strings("command") ?? []
            return try await ClientOperations.response { try await client.pods.exec(id, command, timeout: timeout) }
        },
        "pods.logs": { client, arguments in
            try APICoding.encode(
                await client.pods.logs(
                    try arguments.required("id"), tail: try arguments.integer("tail"),
                    since: try arguments.date("since")))
        },
        "pods.metrics": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.response { try await client.pods.metrics(id) }
        },
        "pods.events": { client, arguments in
            try await ClientOperations.page(client.pods.events(try arguments.required("id")), arguments)
        },

        "volumes.list": { client, arguments in
            try await ClientOperations.page(
                client.volumes.list(projectID: try arguments.string("project_id")), arguments)
        },
        "volumes.get": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.response { try await client.volumes.get(id) }
        },
        "volumes.create": { client, arguments in
            let (name, project) = (try arguments.required("name"), try arguments.string("project_id"))
            return try await ClientOperations.response {
                try await client.volumes.create(name: name, projectID: project)
            }
        },
        "volumes.delete": { client, arguments in
            let id = try arguments.required("id")
            return try await ClientOperations.nothing { try await client.volumes.delete(id) }
        },

        "gpus.list": { client, _ in try APICoding.encode(await client.gpus.list()) },

        "billing.wallet": { client, _ in
            try await ClientOperations.response { try await client.billing.wallet() }
        },
        "billing.usage": { client, arguments in
            let (from, to) = (try arguments.date("from"), try arguments.date("to"))
            let grouping: Usage.Grouping = try arguments.name("group_by") ?? .day
            return try await ClientOperations.response {
                try await client.billing.usage(from: from, to: to, groupedBy: grouping)
            }
        },
    ]

    /// The operations that return the handle of a ``StreamObject``.
    static let streams: [String: @Sendable (Client, Arguments) throws -> StreamObject.Work] = [
        "pods.logs_stream": { client, arguments in
            let logs = client.pods.logStream(
                try arguments.required("id"), follow: try arguments.flag("follow"),
                tail: try arguments.integer("tail"), since: try arguments.date("since"))
            return { items in
                var lines = logs.makeAsyncIterator()
                while let next = try await lines.nextLines() { try await items.add(APICoding.encode(next)) }
                return Array("null".utf8)
            }
        },
        "pods.wait_until_running": { client, arguments in
            let (id, timeout) = (try arguments.required("id"), try arguments.duration("timeout") ?? .seconds(300))
            return { items in
                let pod = try await client.pods.waitUntilRunning(id, timeout: timeout) { pod in
                    if let json = try? APICoding.encode(pod) { items.replace(json) }
                }
                return try APICoding.encode(pod)
            }
        },
        "pods.upload": { client, arguments in
            let (id, source) = (try arguments.required("id"), try arguments.required("source"))
            let destination = try arguments.required("destination")
            return { items in
                summary(
                    try await client.pods.upload(id, from: source, to: destination) { items.replace(progress($0)) })
            }
        },
        "pods.download": { client, arguments in
            let (id, source) = (try arguments.required("id"), try arguments.required("source"))
            let destination = try arguments.required("destination")
            return { items in
                summary(
                    try await client.pods.download(id, from: source, to: destination) { items.replace(progress($0)) })
            }
        },
    ]

    // MARK: - Arguments and results

    private static func specification(_ arguments: Arguments) throws -> PodSpecification {
        var pod = PodSpecification(name: try arguments.required("name"), image: try arguments.required("image"))
        pod.gpuType = try arguments.string("gpu_type")
        if let count = try arguments.integer("gpu_count") { pod.gpuCount = count }
        if let cpu = try arguments.number("cpu") { pod.cpu = cpu }
        if let memory = try arguments.integer("memory") { pod.memory = memory }
        if let disk = try arguments.integer("disk") { pod.disk = disk }
        pod.ports = try arguments.integers("ports") ?? []
        pod.env = try arguments.texts("env") ?? [:]
        pod.command = try arguments.string("command")
        pod.volumes = try arguments.objects("volumes").map {
            Pod.VolumeMount(volumeID: try $0.required("volume_id"), mountPath: try $0.required("mount_path"))
        }
        pod.labels = try arguments.texts("labels") ?? [:]
        pod.projectID = try arguments.string("project_id")
        if let auth = try arguments.object("registry_auth") {
            pod.registryAuth = RegistryCredentials(
                username: try auth.required("username"), password: try auth.required("password"))
        }
        pod.stopAfter = try arguments.duration("stop_after")
        pod.deleteAfter = try arguments.duration("delete_after")
        pod.maxCost = try arguments.amount("max_cost")
        pod.tokenScopes = try arguments.names("token_scopes")
        return pod
    }

    private static func progress(_ progress: TransferProgress) -> [UInt8] {
        let total = progress.totalBytes.map(String.init) ?? "null"
        return Array("[\(progress.completedBytes),\(total)]".utf8)
    }

    private static func summary(_ summary: TransferSummary) -> [UInt8] {
        Message.encode([
            "files": .integer(summary.files), "bytes": .integer(Int(summary.bytes)),
            "skipped": .array(summary.skipped.map(JSONValue.string)),
        ])
    }
}
