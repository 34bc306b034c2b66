/// The images of pods on a swarm, which the node of a pod pulls when it starts.
enum SwarmImages {
    /// Asks the registry for an image, which a node pulls later, and returns its name with the digest.
    ///
    /// An image that no registry has may be on the nodes.
    ///
    /// - Parameters:
    ///   - specification: The pod.
    ///   - client: The client of the manager.
    ///   - nodes: The nodes of the swarm.
    ///   - fitting: The nodes that may run the pod.
    ///   - progress: Called with a line about each step.
    /// - Returns: The name for the service.
    /// - Throws: ``EngineFailure`` if neither the registry nor one of the nodes has it.
    static func resolve(
        _ specification: EngineSpecification, _ client: DockerClient, _ nodes: SwarmNodes, _ fitting: [SwarmNode],
        _ progress: (String) -> Void
    ) throws -> String {
        guard let image = DockerImageName(specification.image) else {
            throw EngineFailure(kind: .image, reason: "\"\(specification.image)\" is not the name of an image")
        }
        progress("Looking for the image \(image.text)")
        let headers = try DockerPull.headers(specification.registry, image)
        let response = try client.send("GET", .init(distribution: image), headers: headers)
        if response.isSuccess {
            let digest = try DockerClient.decode(Docker.Distribution.self, response.body).descriptor.digest
            return image.text.contains("@") ? image.text : "\(image.text)@\(digest)"
        }
        let isOnNode = fitting.contains { node in
            !node.isDown
                && (try? nodes.ask(node) { try $0.send("GET", .init(image: image, "json")).isSuccess }) ?? false
        }
        if isOnNode { return image.text }
        let message = (try? DockerClient.decode(Docker.ErrorBody.self, response.body))?.message
        throw DockerPull.hiding(
            specification.registry,
            DockerFailure.pullFailure(status: response.status, message: message, image: image))
    }
}
