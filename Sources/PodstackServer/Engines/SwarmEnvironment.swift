/// The variables of a pod on a swarm.
///
/// A node gives a container the GPUs that variables name: those of the swarm, which begin with `DOCKER_RESOURCE_`, and the
/// variable of NVIDIA's container toolkit. Neither a request nor an image may set them, or a pod would get the GPUs of others.
enum SwarmEnvironment {
    private static let visibleDevices = "NVIDIA_VISIBLE_DEVICES"
    private static let resourcePrefix = "DOCKER_RESOURCE_"
    /// The variable in which the swarm names the devices that it has assigned.
    private static let assigned = resourcePrefix + SwarmNode.gpuKind.uppercased()
    /// The value that gives no device.
    private static let none = "void"

    /// Returns whether a variable chooses GPUs.
    static func isReserved(_ name: String) -> Bool {
        let name = name.uppercased()
        return name == visibleDevices || name.hasPrefix(resourcePrefix)
    }

    /// Returns the variables of a pod's service.
    static func variables(of specification: EngineSpecification) -> [String] {
        let own = specification.environment.map { "\($0.name)=\(escaped($0.value))" }
        // The swarm adds its own variable to those of a pod with GPUs. What an image says is replaced in any case.
        return own
            + (specification.gpus == nil
                ? ["\(visibleDevices)=\(none)", "\(assigned)=\(none)"] : ["\(visibleDevices)="])
    }

    /// Returns a text of a service that stays as it is, although the swarm reads it as a template.
    static func escaped(_ text: String) -> String { text.replacing("{{", with: #"{{"{{"}}"#) }
}
