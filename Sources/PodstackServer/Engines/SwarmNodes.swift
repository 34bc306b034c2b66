/// A node of a Docker Swarm, as far as pods need it.
struct SwarmNode: Sendable, Equatable {
    var id: String
    /// The name of the machine, or the ID if another node has that name too.
    var name: String
    /// The address at which the published ports of the node are reached; nil if the swarm does not say.
    var address: String?
    /// Whether the node no longer responds, so its pods are lost.
    var isDown: Bool
    /// Whether the node takes new pods.
    var isReady: Bool
    /// The URL of the node's engine, from the label `podstack.engine`.
    var engine: String?
    /// The type of the node's GPUs, from the label `podstack.gpu`.
    var gpuType: String?
    /// The IDs of the node's GPUs, from its generic resources `gpu`.
    var devices: [String]
    var processors: Int
    var memoryBytes: Int64
    /// Whether the engine obeys a service's no-new-privileges setting.
    ///
    /// Engines before Docker 25 ignore it.
    var knowsNoNewPrivileges: Bool
    /// Whether the operator says, by the label `podstack.no-new-privileges`, that the engine does it for all containers.
    var hasNoNewPrivileges: Bool

    /// The names of the engines' labels.
    enum Label {
        static let engine = "podstack.engine"
        static let gpuType = "podstack.gpu"
        static let noNewPrivileges = "podstack.no-new-privileges"
    }

    /// The kind of the generic resources that are GPUs.
    static let gpuKind = "gpu"
    private static let maxDevices: Int64 = 1000

    /// Creates the value from what the swarm says about a node, whose name is still that of its machine.
    init(_ node: Docker.Node) {
        id = node.id
        name = node.description.hostname ?? node.id
        address = Self.address(node)
        isDown = node.status.state == "down"
        isReady = node.status.state == "ready" && node.specification.availability ?? "active" == "active"
        let labels = node.description.engine?.labels ?? [:]
        engine = labels[Label.engine]
        gpuType = labels[Label.gpuType]
        hasNoNewPrivileges = labels[Label.noNewPrivileges] == "true"
        let version = node.description.engine?.version ?? ""
        knowsNoNewPrivileges = Int(version.prefix { $0 != "." }) ?? 0 >= 25
        let resources = node.description.resources
        processors = Int((resources?.nanoCPUs ?? 0) / 1_000_000_000)
        memoryBytes = resources?.memory ?? 0
        devices = (resources?.generic ?? []).flatMap { resource -> [String] in
            if let named = resource.named, named.kind == Self.gpuKind { return [named.value] }
            guard let discrete = resource.discrete, discrete.kind == Self.gpuKind else { return [] }
            return (0..<min(max(0, discrete.value), Self.maxDevices)).map(String.init)
        }
    }

    private static func address(_ node: Docker.Node) -> String? {
        // A manager may know itself by an address that means all of its own.
        if let address = node.status.address, !["", "0.0.0.0", "::", "127.0.0.1"].contains(address) { return address }
        guard let text = node.manager?.address, let colon = text.lastIndex(of: ":") else { return nil }
        return String(text[..<colon].drop { $0 == "[" }.prefix { $0 != "]" })
    }

    /// Returns the address of a published port.
    func address(port: Int) -> String {
        guard let address else { return "\(name):\(port)" }
        return address.contains(":") ? "[\(address)]:\(port)" : "\(address):\(port)"
    }
}

/// The nodes of a Docker Swarm, and the clients of their engines.
final class SwarmNodes: Sendable {
    private struct Known {
        var nodes: [String: SwarmNode]
        var readAt: ContinuousClock.Instant
    }

    private let manager: DockerClient
    private let identity: EngineEndpoint.Identity?
    private let known = Monitor<Known?>(nil)
    private let clients = Monitor<[String: DockerClient]>([:])
    /// The time for which the list of the nodes is used again.
    private static let lifetime = Duration.seconds(1)

    init(_ manager: DockerClient, identity: EngineEndpoint.Identity?) {
        self.manager = manager
        self.identity = identity
    }

    /// Returns the nodes by ID; asks the manager unless it has responded within the last second.
    func all(isFresh: Bool = false) throws -> [String: SwarmNode] {
        if !isFresh, let known = known.change(waking: .none, { $0 }), ContinuousClock.now - known.readAt < Self.lifetime
        {
            return known.nodes
        }
        let nodes = Self.named(try manager.value([Docker.Node].self, "GET", .init("nodes")).map(SwarmNode.init))
        known.change(waking: .none) { $0 = Known(nodes: nodes, readAt: .now) }
        return nodes
    }

    /// Gives nodes whose machines have the same name their IDs as names.
    static func named(_ nodes: [SwarmNode]) -> [String: SwarmNode] {
        let counts = Dictionary(nodes.map { ($0.name, 1) }, uniquingKeysWith: +)
        var result: [String: SwarmNode] = [:]
        for var node in nodes {
            if counts[node.name] ?? 0 > 1 { node.name = node.id }
            result[node.id] = node
        }
        return result
    }

    /// Asks the engine of a node.
    ///
    /// - Parameters:
    ///   - node: The node.
    ///   - body: The requests.
    /// - Returns: The result of the requests.
    /// - Throws: ``EngineFailure``, of the kind `failed` if the engine of this node does not respond, since the swarm does.
    func ask<Result>(_ node: SwarmNode, _ body: (DockerClient) throws -> Result) throws -> Result {
        do {
            return try body(try client(of: node))
        } catch let failure as EngineFailure {
            guard failure.kind == .unreachable else { throw failure }
            throw EngineFailure(
                kind: .failed, reason: "The engine of the node \(node.name) cannot be used: \(failure.reason)")
        }
    }

    /// Returns the reason why the engine of a node cannot be found, according to its label; nil if it can.
    func problem(of node: SwarmNode) -> String? {
        do {
            _ = try endpoint(of: node)
            return nil
        } catch { return (error as? EngineFailure)?.reason ?? "The node \(node.name) cannot be used" }
    }

    /// Returns the place of a node's engine; nil for that of the manager.
    private func endpoint(of node: SwarmNode) throws -> EngineEndpoint? {
        if let own = try manager.info().swarm?.nodeID, own == node.id { return nil }
        guard let url = node.engine else {
            throw EngineFailure(
                kind: .failed,
                reason: "The node \(node.name) has no label \(SwarmNode.Label.engine) with the URL of its engine")
        }
        do {
            return try EngineEndpoint(url, identity: url.hasPrefix("tcp://") ? identity : nil)
        } catch {
            throw EngineFailure(
                kind: .failed,
                reason: "The label \(SwarmNode.Label.engine) of the node \(node.name) cannot be used: \(error.reason)")
        }
    }

    private func client(of node: SwarmNode) throws -> DockerClient {
        guard let endpoint = try endpoint(of: node), let url = node.engine else { return manager }
        let client = clients.change(waking: .none) { clients in
            if let client = clients[url] { return client }
            let client = DockerClient(endpoint.address)
            clients[url] = client
            return client
        }
        // A label that was copied from another node would lead to the pods of that one.
        guard try client.info().swarm?.nodeID == node.id else {
            throw EngineFailure(
                kind: .failed,
                reason: "The label \(SwarmNode.Label.engine) of the node \(node.name) leads to another engine")
        }
        return client
    }
}
