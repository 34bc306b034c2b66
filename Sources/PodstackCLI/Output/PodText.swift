import Podstack
import PodstackAPI
import PodstackCommandLine

/// Pods, volumes and what they cost as tables and lines.
enum PodText {
    typealias Column = (name: String, value: @Sendable (Pod, Invocation) -> String)

    static func columns(isWide: Bool) -> [Column] {
        let columns: [Column] = [
            ("ID", { pod, _ in pod.id }), ("NAME", { pod, _ in pod.name }),
            ("STATUS", { pod, _ in pod.status.rawValue }), ("IMAGE", { pod, _ in pod.image }),
            ("GPU", { pod, _ in gpus(pod) }), ("COST", { pod, _ in pod.cost.description }),
            ("CREATED", { pod, invocation in invocation.displayed(pod.createdAt) }),
        ]
        let wide: [Column] = [
            ("PER HOUR", { pod, _ in pod.pricePerHour.description }), ("CPU", { pod, _ in number(pod.cpu) }),
            ("MEMORY", { pod, _ in "\(pod.memory) GiB" }), ("DISK", { pod, _ in "\(pod.disk) GiB" }),
            ("PORTS", { pod, _ in ports(pod) }), ("LABELS", { pod, _ in labels(pod) }),
            ("PROJECT", { pod, _ in pod.projectID }), ("NODE", { pod, _ in pod.node ?? "" }),
            ("REASON", { pod, _ in pod.statusReason ?? "" }),
        ]
        return columns + (isWide ? wide : [])
    }

    static func details(_ pod: Pod, _ invocation: Invocation) -> String {
        let optional: [(String, String?)] = [
            ("ID", pod.id), ("Name", pod.name), ("Status", pod.status.rawValue), ("Reason", pod.statusReason),
            ("Project", pod.projectID), ("Image", pod.image), ("Command", pod.command),
            ("GPU", pod.gpuCount == 0 ? nil : gpus(pod)), ("CPU", number(pod.cpu)), ("Memory", "\(pod.memory) GiB"),
            ("Disk", "\(pod.disk) GiB"), ("Ports", ports(pod)), ("Variables", pod.env.joined(separator: ", ")),
            ("Volumes", pod.volumes.map { "\($0.volumeID) at \($0.mountPath)" }.joined(separator: ", ")),
            ("Labels", labels(pod)), ("Node", pod.node), ("Created", invocation.displayed(pod.createdAt)),
            ("Started", pod.startedAt.map { invocation.displayed($0) }),
            ("Finished", pod.finishedAt.map { invocation.displayed($0) }),
            ("Exit code", pod.exitCode.map(String.init)), ("Price per hour", pod.pricePerHour.description),
            ("Cost", pod.cost.description), ("Stop after", pod.limits.stopAfter.map { time(Int64($0)) }),
            ("Delete after", pod.limits.deleteAfter.map { time(Int64($0)) }),
            ("Maximum cost", pod.limits.maxCost?.description),
            ("Token scopes", pod.tokenScopes?.joined(separator: " ")),
            ("Created by", pod.createdBy.email ?? pod.createdBy.userID),
        ]
        return Details.text(optional.compactMap { name, value in value.flatMap { $0.isEmpty ? nil : (name, $0) } })
    }

    private static func gpus(_ pod: Pod) -> String {
        guard let type = pod.gpuType, pod.gpuCount > 0 else { return "" }
        return pod.gpuCount == 1 ? type : "\(pod.gpuCount)x \(type)"
    }

    private static func ports(_ pod: Pod) -> String {
        pod.ports.map { port in "\(port.containerPort)" + (port.address.map { " at \($0)" } ?? "") }
            .joined(separator: ", ")
    }

    private static func labels(_ pod: Pod) -> String {
        pod.labels.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
    }

    /// Returns a number without decimals that are zero.
    static func number(_ value: Double) -> String {
        value == value.rounded() && value.magnitude < 1e15 ? String(Int64(value)) : String(value)
    }

    /// Returns a number of seconds as hours, minutes and seconds, such as `1h 30m`.
    static func time(_ seconds: Int64) -> String {
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
        ].filter { $0.0 != 0 }
        return parts.isEmpty ? "0s" : parts.map { "\($0.0)\($0.1)" }.joined(separator: " ")
    }

    /// Returns a number of bytes in binary units, such as `1.5 GiB`.
    static func bytes(_ count: Int64) -> String {
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        var (value, unit) = (Double(count), 0)
        while value >= 1024, unit < units.count - 1 { (value, unit) = (value / 1024, unit + 1) }
        return "\(unit == 0 ? String(count) : number((value * 10).rounded() / 10)) \(units[unit])"
    }
}

/// Types of GPUs as a table.
enum GPUText {
    static func table(_ gpus: [GPU], _ invocation: Invocation) -> String {
        invocation.table(
            ifEmpty: "No GPUs", ["TYPE", "AVAILABLE", "TOTAL", "MEMORY", "PER HOUR"],
            gpus.map { gpu in
                [
                    gpu.id, String(gpu.available), String(gpu.total), gpu.memory.map { "\($0) GB" } ?? "",
                    gpu.pricePerHour.description,
                ]
            })
    }
}
