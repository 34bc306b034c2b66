/// The volumes of pods on a swarm.
///
/// A volume belongs to the node of the first pod that mounts it, and all pods with that volume run there. The swarm stores the
/// node under the name of the volume, so that the choice is made once, and known while the node is down.
struct SwarmVolumes: Sendable {
    let services: SwarmServices
    let nodes: SwarmNodes

    /// The label with the node of a volume.
    private static let nodeLabel = "podstack.node"

    /// Returns the node of a pod's volumes, which is chosen for those that have none; nil for a pod without volumes.
    func home(of specification: EngineSpecification, _ fitting: [SwarmNode]) throws -> String? {
        guard !specification.mounts.isEmpty else { return nil }
        var found: (volumeID: String, nodeID: String)?
        for mount in specification.mounts {
            guard let nodeID = try services.record(mount.volumeID)?[Self.nodeLabel] else { continue }
            if let found, found.nodeID != nodeID {
                throw EngineFailure(
                    kind: .conflict,
                    reason: "The volumes \(found.volumeID) and \(mount.volumeID) are on different nodes of the swarm")
            }
            found = (mount.volumeID, nodeID)
        }
        if let found, !fitting.contains(where: { $0.id == found.nodeID }) {
            let node = try nodes.all()[found.nodeID].map {
                "the node \($0.name), which does not have what the pod needs"
            }
            throw EngineFailure(
                kind: .refused,
                reason: "The volume \(found.volumeID) is on \(node ?? "a node that has left the swarm")")
        }
        let home = try found?.nodeID ?? leastUsed(fitting)
        for mount in specification.mounts {
            let labels = try services.ensureRecord(
                mount.volumeID, labels: [DockerEngine.Label.instance: specification.instance, Self.nodeLabel: home])
            guard labels[Self.nodeLabel] == home else {
                throw EngineFailure(
                    kind: .failed, reason: "Another pod has just chosen another node for the volume \(mount.volumeID)")
            }
        }
        return home
    }

    /// Returns the node with the fewest pods among those that take new ones.
    private func leastUsed(_ fitting: [SwarmNode]) throws -> String {
        let tasks = try services.tasks(label: DockerEngine.Label.instance).filter(SwarmTasks.isLive)
        let counts = Dictionary(tasks.compactMap(\.nodeID).map { ($0, 1) }, uniquingKeysWith: +)
        func key(_ node: SwarmNode) -> (Int, Int, String) { (node.isReady ? 0 : 1, counts[node.id] ?? 0, node.id) }
        guard let best = fitting.min(by: { key($0) < key($1) }) else {
            throw EngineFailure(kind: .refused, reason: "No node of the swarm can run the pod")
        }
        return best.id
    }

    /// Removes a volume from its node; does nothing if it does not exist.
    func remove(_ id: String) throws {
        guard let nodeID = try services.record(id)?[Self.nodeLabel] else { return }
        // A node that has left the swarm cannot be asked: the data of the volume stays on its machine.
        if let node = try nodes.all()[nodeID] {
            guard !node.isDown else {
                throw EngineFailure(kind: .failed, reason: "The node \(node.name) of the volume does not respond")
            }
            try nodes.ask(node) { client in
                let response = try client.send("DELETE", .init("volumes", id))
                guard !response.isSuccess, response.status != 404 else { return }
                throw client.failure(response.status, response.body)
            }
        }
        try services.removeRecord(id)
    }
}
