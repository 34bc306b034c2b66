/// The nodes of a swarm that may run pods, and the constraints that keep pods away from the others.
///
/// A pod needs a node whose engine can be asked about it, and that prevents programs from gaining privileges.
struct SwarmPlacement: Sendable {
    /// The nodes that may run pods, also those that do not take new ones now.
    let nodes: [SwarmNode]
    /// The constraints of every pod.
    let constraints: [String]
    /// Whether the service of a pod says that no program may gain privileges.
    let setsNoNewPrivileges: Bool

    /// The version of the API with which a service can say it.
    private static let firstVersion = DockerAPIVersion(1, 44)

    /// Chooses among the nodes.
    ///
    /// - Parameters:
    ///   - nodes: The nodes of the swarm.
    ///   - apiVersion: The version of the manager's API.
    ///   - hasEngine: Returns whether the engine of a node can be found.
    /// - Throws: ``EngineFailure`` if no node may run pods.
    init(_ nodes: some Sequence<SwarmNode>, _ apiVersion: DockerAPIVersion, hasEngine: (SwarmNode) -> Bool) throws {
        let sorted = nodes.sorted { $0.id < $1.id }
        let reachable = sorted.filter(hasEngine)
        guard !reachable.isEmpty else {
            throw EngineFailure(
                kind: .refused,
                reason: "No node of the swarm has a label \(SwarmNode.Label.engine) with the URL of its engine")
        }
        setsNoNewPrivileges = apiVersion >= Self.firstVersion
        let needsLabel = !setsNoNewPrivileges || !reachable.allSatisfy(\.knowsNoNewPrivileges)
        let chosen = needsLabel ? reachable.filter(\.hasNoNewPrivileges) : reachable
        guard !chosen.isEmpty else {
            throw EngineFailure(
                kind: .refused,
                reason:
                    "A swarm with an engine before Docker 25 runs pods only on nodes with \"no-new-privileges\": true"
                    + " and the label \(SwarmNode.Label.noNewPrivileges)=true in the configuration of their engines,"
                    + " and no node has that label")
        }
        self.nodes = chosen
        constraints =
            sorted.filter { node in !reachable.contains(node) }.map { "\(Self.exclusion)\($0.id)" }
            + (needsLabel ? ["engine.labels.\(SwarmNode.Label.noNewPrivileges)==true"] : [])
    }

    /// The beginning of a constraint that excludes a node.
    private static let exclusion = "node.id!="

    /// Returns the constraints of a pod that was created earlier: those of all pods as they are now, and its own.
    func constraints(replacingIn former: [String]) -> [String] {
        let label = "engine.labels.\(SwarmNode.Label.noNewPrivileges)=="
        return constraints + former.filter { !$0.hasPrefix(Self.exclusion) && !$0.hasPrefix(label) }
    }

    /// Returns the constraint that binds a pod to a node.
    static func constraint(nodeID: String) -> String { "node.id==\(nodeID)" }

    /// The label of a container whose pod has volumes, with their node.
    static let homeLabel = "podstack.home"

    /// The numbers of GPUs by type, of the nodes that respond.
    var gpus: [String: Int] {
        var counts: [String: Int] = [:]
        for node in nodes where !node.isDown && !node.devices.isEmpty {
            if let type = node.gpuType { counts[type, default: 0] += node.devices.count }
        }
        return counts
    }

    /// Returns the nodes that have as much as a pod needs when nothing else runs on them.
    ///
    /// - Throws: ``EngineFailure`` if there is none, with what is missing.
    func nodes(for specification: EngineSpecification) throws -> [SwarmNode] {
        var fitting = nodes
        if let gpus = specification.gpus {
            fitting = fitting.filter { $0.gpuType?.lowercased() == gpus.type.lowercased() && !$0.devices.isEmpty }
            guard let most = fitting.map(\.devices.count).max() else {
                throw EngineFailure(kind: .gpu, reason: "No node of the swarm has GPUs of the type \(gpus.type)")
            }
            fitting = fitting.filter { $0.devices.count >= gpus.count }
            guard !fitting.isEmpty else {
                throw EngineFailure(
                    kind: .gpu,
                    reason:
                        "The pod needs \(gpus.count) GPUs of the type \(gpus.type), and no node has more than \(most)")
            }
        }
        let processors = fitting.map(\.processors).max() ?? 0
        fitting = fitting.filter { $0.processors * 1000 >= specification.cpuMillicores }
        guard !fitting.isEmpty else {
            throw EngineFailure(
                kind: .refused,
                reason:
                    "The pod needs \(DockerEngine.cores(specification.cpuMillicores)), and no such node has more than"
                    + " \(processors)")
        }
        let memory = fitting.map(\.memoryBytes).max() ?? 0
        fitting = fitting.filter { $0.memoryBytes >= specification.memoryBytes }
        guard !fitting.isEmpty else {
            throw EngineFailure(
                kind: .refused,
                reason: "The pod needs \(specification.memoryBytes >> 20) MiB of memory, and no such node has more than"
                    + " \(memory >> 20)")
        }
        return fitting
    }
}
