import PodstackAPI

/// The components of the operations on pods, volumes, GPUs and the wallet.
extension Schema {
    static let podStatus = choice([
        "creating", "pending", "running", "stopping", "stopped", "failed", "terminated",
    ])

    static let pods: [String: JSONValue] = [
        "Archive": ["type": "string", "format": "binary"],
        "Pod": object([
            "id": string, "name": string, "project_id": string, "image": string, "gpu_type": orNull(string),
            "gpu_count": integer(from: 0), "cpu": number(from: 0), "memory": integer(from: 0),
            "disk": integer(from: 0),
            "ports": list(
                of: object(["container_port": port, "address": orNull(string)])),
            "env": list(of: string), "command": orNull(string), "volumes": list(of: mount),
            "labels": map(of: string), "status": podStatus, "status_reason": orNull(string), "node": orNull(string),
            "created_at": time, "started_at": orNull(time), "finished_at": orNull(time),
            "exit_code": orNull(integer(from: 0)), "price_per_hour": number(from: 0), "cost": number(from: 0),
            "limits": object([
                "stop_after": orNull(integer(from: 1)), "delete_after": orNull(integer(from: 1)),
                "max_cost": orNull(number(from: 0)),
            ]),
            "token_scopes": orNull(list(of: scope)), "created_by": creator, "stale": boolean,
        ]),
        "PodPage": page(Pod.listKey, of: "Pod"),
        "NewPod": object(
            ["name": resourceName, "image": text(1...512, pattern: #"^\S+$"#)],
            optional: [
                "gpu_type": orNull(text(1...63, pattern: "^[A-Za-z0-9_.-]+$")), "gpu_count": integer(from: 0, to: 64),
                "cpu": number(from: 0.1, to: 256), "memory": integer(from: 1), "disk": integer(from: 1),
                "ports": list(of: port, 0...32),
                "env": map(of: string, names: "^[A-Za-z_][A-Za-z0-9_]*$"), "command": orNull(text(1...16384)),
                "volumes": list(of: mount, 0...16), "labels": labels, "project_id": string,
                "registry_auth": orNull(object(["username": string, "password": string])),
                "stop_after": duration, "delete_after": duration, "max_cost": orNull(number(from: 0)),
                "token_scopes": orNull(list(of: scope, 1...100)),
            ]),
        "PodUpdate": object(
            [:],
            optional: [
                "name": resourceName, "labels": labels, "stop_after": duration, "delete_after": duration,
                "max_cost": orNull(number(from: 0)),
            ]),
        "NewPodExec": object(
            ["command": list(of: string, 1...1000)],
            optional: [
                "timeout_seconds": integer(from: 1, to: 3600),
                "terminal": orNull(
                    object(["rows": integer(from: 1, to: 1000), "columns": integer(from: 1, to: 1000)])),
            ]),
        "PodExecResult": object([
            "exit_code": integer(from: 0), "stdout": string, "stderr": string, "truncated": boolean,
        ]),
        "PodMetrics": object([
            "timestamp": time, "gpu_utilization": orNull(number(from: 0)), "gpu_memory_used": orNull(integer(from: 0)),
            "gpu_memory_total": orNull(integer(from: 0)), "cpu_usage": number(from: 0),
            "memory_used": integer(from: 0), "memory_total": integer(from: 0),
        ]),
        "PodEvent": object(["timestamp": time, "type": string, "message": string]),
        "PodEventPage": page(PodEvent.listKey, of: "PodEvent"),
        "Volume": object([
            "id": string, "name": string, "project_id": string, "created_at": time, "created_by": creator,
            "pod_ids": list(of: string),
        ]),
        "VolumePage": page(Volume.listKey, of: "Volume"),
        "NewVolume": object(["name": resourceName], optional: ["project_id": string]),
        "GPU": object([
            "type": string, "memory": orNull(integer(from: 0)), "total": integer(from: 0),
            "available": integer(from: 0), "price_per_hour": number(from: 0),
        ]),
        "GPUPage": page(GPU.listKey, of: "GPU"),
        "Wallet": object([
            "balance": ["type": "number"], "credited": number(from: 0), "spent": number(from: 0),
            "spent_this_month": number(from: 0),
        ]),
        "Usage": object([
            "from": time, "to": time, "group_by": choice(["day", "token", "project", "pod"]),
            "usage": list(
                of: object([
                    "key": string, "name": orNull(string), "seconds": integer(from: 0), "gpu_seconds": integer(from: 0),
                    "cost": number(from: 0),
                ])),
            "total_cost": number(from: 0),
        ]),
    ]

    // MARK: - Parts

    static let spendLimit = object([
        "amount": number(from: 0.000001), "period": choice(["day", "month", "total"]),
    ])
    private static let resourceName = text(1...63, pattern: "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$")
    private static let port = integer(from: 1, to: 65535)
    private static let labels = with(["maxProperties": 64], map(of: text(0...255), names: "^[A-Za-z0-9_./-]{1,63}$"))
    private static let mount = object(["volume_id": string, "mount_path": text(2...4096, pattern: "^/")])
    private static let creator = object(["user_id": string, "email": orNull(string), "token_id": orNull(string)])
    /// Seconds, or a number with a unit.
    private static let duration: JSONValue = [
        "anyOf": .array([integer(from: 1), text(2...20, pattern: "^[0-9]+[smhd]$"), ["type": "null"]])
    ]

    private static func number(from least: Double, to most: Double? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "number", "minimum": .number(least)]
        if let most { fields["maximum"] = .number(most) }
        return .object(fields)
    }

    /// Returns the schema of an object with any names.
    private static func map(of value: JSONValue, names: String? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "object", "additionalProperties": value]
        if let names { fields["propertyNames"] = ["pattern": .string(names)] }
        return .object(fields)
    }
}
