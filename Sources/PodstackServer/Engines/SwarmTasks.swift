/// Reads the state of a pod from the tasks of its service.
///
/// A service has a number that each start increases, and its tasks have the number with which they were created. The task of
/// the latest start is the one that counts:
///
///     waiting ──▶ preparing ──▶ its container ──▶ its container, which has ended
///        └───────────┴──▶ failed      └──▶ lost, with its node
///
/// A task of a service that is scaled to none is discarded, whatever its state was.
///
/// The times and the exit code come from the container, which the node keeps until the service is removed: a task has only
/// the time of its latest state.
enum SwarmTasks {
    /// The state of a task.
    enum State: Equatable {
        /// No node runs it yet; the text says why.
        case waiting(String)
        /// Its node pulls the image, or creates the container.
        case preparing
        /// The container that the task has, or had, with this ID.
        case container(String)
        /// It ended before it had a container.
        case failed(String)
        /// Its node does not respond any more.
        case lost
        /// The service was scaled to none, so the swarm ends and forgets it.
        ///
        /// It counts no longer, also if its node has come back: the run ended when the node was lost.
        case discarded
    }

    /// Returns the task of the latest start of a service; nil if there is none yet.
    static func current(of service: Docker.Service, _ tasks: [Docker.Task]) -> Docker.Task? {
        tasks.filter { $0.serviceID == service.id && ($0.specification.forceUpdate ?? 0) == service.generation }
            .max { ($0.createdAt, $0.id) < ($1.createdAt, $1.id) }
    }

    /// Returns whether a task may still run, or will.
    static func isLive(_ task: Docker.Task) -> Bool {
        switch task.status.state {
        case "complete", "failed", "shutdown", "rejected", "remove", "orphaned": false
        default: true
        }
    }

    /// Returns whether a task may run on a node that does not respond any more.
    static func isLost(_ task: Docker.Task, _ nodes: [String: SwarmNode]) -> Bool {
        if task.status.state == "orphaned" { return true }
        guard isLive(task), let nodeID = task.nodeID, !nodeID.isEmpty else { return false }
        return nodes[nodeID]?.isDown ?? true
    }

    /// Returns the ID of a task's container; nil if it has none yet.
    static func containerID(of task: Docker.Task) -> String? {
        task.status.container?.id.flatMap { $0.isEmpty ? nil : $0 }
    }

    static func state(of task: Docker.Task, _ nodes: [String: SwarmNode]) -> State {
        if isLost(task, nodes) { return .lost }
        if task.desiredState == "remove" { return .discarded }
        let container = containerID(of: task)
        switch task.status.state {
        case "new", "pending", "allocated": return .waiting(waiting(task.status.error))
        case "running":
            if let container { return .container(container) }
            return .preparing
        case _ where isLive(task): return .preparing
        default:
            if let container { return .container(container) }
            return .failed(failure(task.status.error))
        }
    }

    /// Returns the reason why a task waits; the scheduler puts it in parentheses.
    private static func waiting(_ error: String?) -> String {
        guard let error, let begin = error.firstIndex(of: "("), error.hasSuffix(")") else {
            return "The pod waits for a node"
        }
        let reason = error[error.index(after: begin)...].dropLast()
        return "The pod waits until a node has room: \(DockerFailure.reason(String(reason)))"
    }

    private static func failure(_ error: String?) -> String {
        guard let error, !error.isEmpty else { return "The swarm has ended the pod before it started" }
        return DockerFailure.reason(error)
    }

    /// Returns the addresses of the published ports of a task.
    static func addresses(of task: Docker.Task, _ node: SwarmNode) -> [Int: String] {
        var addresses: [Int: String] = [:]
        for port in task.status.ports?.ports ?? [] where port.networkProtocol == "tcp" {
            if let published = port.published { addresses[port.target] = node.address(port: published) }
        }
        return addresses
    }

    /// Returns a text that changes with the states of a pod's tasks.
    static func fingerprint(_ tasks: [Docker.Task], _ nodes: [String: SwarmNode]) -> String {
        tasks.map { "\($0.id) \($0.status.state) \($0.desiredState) \(isLost($0, nodes))" }.sorted()
            .joined(separator: "\n")
    }
}
