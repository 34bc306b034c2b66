/// Chooses the nodes and the GPUs of pods on a swarm.
///
/// The swarm could reserve GPUs itself, as generic resources, but its manager then ends their tasks whenever anything about
/// their node changes: Docker 20.10 rejects them with "assigned node no longer meets constraints" as soon as a network comes to
/// the node. So generic resources only tell which devices a node has, and each service is bound to a node and names its devices.
///
/// Invariants, each shown by `SwarmScheduleTests`:
/// 1. No two pods of one podstack-server get the same device of a node, also while the container of one is still being created or stopped.
/// 2. A pod gets all of its devices on one node that takes pods and has its type, processors and memory.
/// 3. Pods that wait get devices in the order in which they began to; one that needs more than is free holds up no other.
struct SwarmSchedule {
    /// The GPUs, processors and memory that a pod needs.
    struct Need: Equatable {
        var podID: String
        var type: String
        var count: Int
        var nanoCPUs: Int64
        var memory: Int64
        /// The only node that it may run on, which has its volumes; nil for any.
        var home: String?
        /// The time at which it began to wait; nil if it does not.
        var waitingSince: Int64?
    }

    /// The node and the devices of a pod.
    struct Assignment: Equatable {
        var nodeID: String
        var devices: [String]
    }

    /// The part of a node that no pod has.
    private struct Rest {
        var node: SwarmNode
        var devices: [String]
        var nanoCPUs: Int64
        var memory: Int64

        mutating func take(_ devices: [String], _ reservations: Docker.Task.Reservations?) {
            self.devices.removeAll { devices.contains($0) }
            nanoCPUs -= reservations?.nanoCPUs ?? 0
            memory -= reservations?.memory ?? 0
        }
    }

    /// The names of the labels of a container with GPUs.
    enum Label {
        static let type = "podstack.gpu.type"
        static let count = "podstack.gpu.count"
        static let node = "podstack.gpu.node"
        static let devices = "podstack.gpu.devices"
        /// The label of a service that waits, with the time since when.
        static let waiting = "podstack.gpu.waiting"
    }

    private var rests: [String: Rest] = [:]

    /// Subtracts from the nodes what pods have.
    ///
    /// - Parameters:
    ///   - nodes: The nodes that may run pods.
    ///   - services: The services of all pods on the swarm.
    ///   - tasks: Their tasks.
    init(_ nodes: [SwarmNode], _ services: [Docker.Service], _ tasks: [Docker.Task]) {
        for node in nodes where node.isReady {
            rests[node.id] = Rest(
                node: node, devices: node.devices, nanoCPUs: Int64(node.processors) * 1_000_000_000,
                memory: node.memoryBytes)
        }
        for task in tasks where SwarmTasks.isLive(task) {
            guard let nodeID = task.nodeID else { continue }
            take(nodeID, task.specification)
        }
        let byService = Dictionary(grouping: tasks, by: \.serviceID)
        for service in services where service.replicas > 0 {
            let current = SwarmTasks.current(of: service, byService[service.id] ?? [])
            // Its task is not created or has no node yet.
            guard current?.nodeID ?? "" == "", let nodeID = service.containerLabels[Label.node] else { continue }
            take(nodeID, service.specification.task)
        }
    }

    private mutating func take(_ nodeID: String, _ specification: Docker.Task.Specification) {
        let devices = specification.container?.labels?[Label.devices].map(Self.list) ?? []
        rests[nodeID]?.take(devices, specification.resources?.reservations)
    }

    /// Assigns devices to pods in the order of the needs.
    ///
    /// - Parameter needs: The pods that need devices.
    /// - Returns: The assignments, by pod; pods that have to wait are missing.
    mutating func assign(_ needs: [Need]) -> [String: Assignment] {
        var assignments: [String: Assignment] = [:]
        // A pod that only asks now comes after those that wait.
        for need in needs.sorted(by: { ($0.waitingSince ?? .max, $0.podID) < ($1.waitingSince ?? .max, $1.podID) }) {
            let fitting = rests.values.filter { rest in
                (need.home ?? rest.node.id) == rest.node.id
                    && rest.node.gpuType?.lowercased() == need.type.lowercased() && rest.devices.count >= need.count
                    && rest.nanoCPUs >= need.nanoCPUs && rest.memory >= need.memory
            }
            // The node where the fewest devices stay free, so that pods with many find room.
            guard let best = fitting.min(by: { ($0.devices.count, $0.node.id) < ($1.devices.count, $1.node.id) }) else {
                continue
            }
            let devices = Array(best.devices.prefix(need.count))
            rests[best.node.id]?.take(devices, .init(nanoCPUs: need.nanoCPUs, memory: need.memory))
            assignments[need.podID] = Assignment(nodeID: best.node.id, devices: devices)
        }
        return assignments
    }

    private static func list(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }
}

extension SwarmSchedule.Need {
    /// Creates the need of a pod from its service; nil for a pod without GPUs.
    init?(_ service: Docker.Service) {
        let labels = service.containerLabels
        guard let type = labels[SwarmSchedule.Label.type],
            let count = labels[SwarmSchedule.Label.count].flatMap(Int.init)
        else { return nil }
        let reservations = service.specification.task.resources?.reservations
        self.init(
            podID: service.specification.name, type: type, count: count, nanoCPUs: reservations?.nanoCPUs ?? 0,
            memory: reservations?.memory ?? 0, home: labels[SwarmPlacement.homeLabel],
            waitingSince: service.waitingSince)
    }
}

extension SwarmSchedule.Assignment {
    /// Binds the service of a pod to the node and the devices.
    func apply(to specification: inout SwarmServiceSpecification) {
        let names = devices.joined(separator: ",")
        specification.containerLabels[SwarmSchedule.Label.node] = nodeID
        specification.containerLabels[SwarmSchedule.Label.devices] = names
        specification.environment = SwarmEnvironment.variables(specification.environment, devices: names)
        specification.constraints =
            specification.constraints.filter { !$0.hasPrefix("node.id==") } + [
                SwarmPlacement.constraint(nodeID: nodeID)
            ]
        specification.labels[SwarmSchedule.Label.waiting] = nil
    }
}

extension Docker.Service {
    /// The labels of the containers that the service will have.
    var containerLabels: [String: String] { specification.task.container?.labels ?? [:] }

    /// The time since which the pod waits for GPUs, in milliseconds since 1970; nil if it does not.
    var waitingSince: Int64? { specification.labels?[SwarmSchedule.Label.waiting].flatMap { Int64($0) } }
}
