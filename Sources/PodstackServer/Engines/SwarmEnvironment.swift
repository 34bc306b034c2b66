/// The variables of a pod on a swarm.
///
/// A service cannot ask for devices, so the engine of a node gives a container the GPUs that variables name: the variable of NVIDIA's
/// container toolkit, or one that begins with `DOCKER_RESOURCE_` where the toolkit is set up for swarms. Neither a request nor
/// an image may set them, or a pod would get the GPUs of others.
enum SwarmEnvironment {
    private static let resourcePrefix = "DOCKER_RESOURCE_"
    /// The variables that name the devices of a container.
    static let deviceVariables = [EngineSpecification.devicesVariable, resourcePrefix + SwarmNode.gpuKind.uppercased()]
    /// The value that gives no device.
    private static let none = "void"

    /// Returns whether a variable may choose GPUs.
    static func isReserved(_ name: String) -> Bool {
        let name = name.uppercased()
        return name == deviceVariables[0] || name.hasPrefix(resourcePrefix)
    }

    /// Returns the variables of a pod's service, without devices.
    static func variables(of specification: EngineSpecification) -> [String] {
        variables(specification.environment.map { "\($0.name)=\(escaped($0.value))" }, devices: none)
    }

    /// Returns variables with those that name devices replaced.
    static func variables(_ variables: [String], devices: String) -> [String] {
        variables.filter { variable in !deviceVariables.contains { variable.hasPrefix($0 + "=") } }
            + deviceVariables.map { "\($0)=\(devices)" }
    }

    /// Returns a text of a service that stays as it is, although the swarm reads it as a template.
    static func escaped(_ text: String) -> String { text.replacing("{{", with: #"{{"{{"}}"#) }
}
