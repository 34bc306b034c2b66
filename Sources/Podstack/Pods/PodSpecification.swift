public import PodstackAPI

// MARK: - Specification

/// The description of a pod to create.
///
/// Only the name and the image are required:
///
/// ```swift
/// let pod = try await client.pods.create(
///     PodSpecification(
///         name: "trainer", image: "pytorch/pytorch:latest", gpuType: "A100", stopAfter: .seconds(7200), maxCost: 5))
/// ```
///
/// Printing a specification shows the names of the environment variables, and never their values.
///
/// Source: the page's "Pods".
public struct PodSpecification: Sendable, Hashable {
    /// The name, which is unique in the project: 1 to 63 characters of `a-z`, `0-9` and `-`.
    public var name: String
    /// The image, such as `ubuntu:24.04`, from any registry.
    public var image: String
    /// The type of the GPUs, such as `A100`; nil for a pod without GPUs.
    public var gpuType: String?
    /// The number of GPUs; it does not matter without a type.
    public var gpuCount: Int
    /// The number of CPU cores.
    public var cpu: Double
    /// The memory in gibibytes.
    public var memory: Int
    /// The disk in gibibytes.
    public var disk: Int
    /// The ports that the pod publishes.
    public var ports: [Int]
    /// The environment variables; the service stores the values encrypted and never returns them.
    public var env: [String: String]
    /// The command line, which `/bin/sh -c` runs; nil for the image's own.
    public var command: String?
    /// The volumes that the pod mounts.
    public var volumes: [Pod.VolumeMount]
    /// The labels.
    public var labels: [String: String]
    /// The ID of the project; nil for the client's own, else the user's default project.
    public var projectID: Project.ID?
    /// The user and the password of the image's registry; nil for a public image.
    public var registryAuth: RegistryCredentials?
    /// The time after the start at which the pod is stopped; nil for no limit.
    public var stopAfter: Duration?
    /// The time after the start at which the pod is deleted; nil for no limit.
    public var deleteAfter: Duration?
    /// The cost at which the pod is stopped; nil for no limit.
    public var maxCost: Amount?
    /// The scopes of the pod's own token, which it finds in the file that `PODSTACK_API_TOKEN_FILE` names; nil for none.
    public var tokenScopes: [Scope]?

    /// Creates a specification.
    ///
    /// - Parameters:
    ///   - name: The name, which is unique in the project.
    ///   - image: The image, such as `ubuntu:24.04`.
    ///   - gpuType: The type of the GPUs, such as `A100`; nil for a pod without GPUs.
    ///   - gpuCount: The number of GPUs (default: 1).
    ///   - cpu: The number of CPU cores (default: 4, or all of a smaller engine).
    ///   - memory: The memory in gibibytes (default: 16, or that of a smaller engine).
    ///   - disk: The disk in gibibytes (default: 50).
    ///   - ports: The ports that the pod publishes.
    ///   - env: The environment variables.
    ///   - command: The command line; nil for the image's own.
    ///   - volumes: The volumes that the pod mounts.
    ///   - labels: The labels.
    ///   - projectID: The ID of the project; nil for the client's own, else the user's default project.
    ///   - registryAuth: The user and the password of the image's registry.
    ///   - stopAfter: The time after the start at which the pod is stopped.
    ///   - deleteAfter: The time after the start at which the pod is deleted.
    ///   - maxCost: The cost at which the pod is stopped.
    ///   - tokenScopes: The scopes of the pod's own token.
    public init(
        name: String, image: String, gpuType: String? = nil, gpuCount: Int = 1, cpu: Double = 4, memory: Int = 16,
        disk: Int = 50, ports: [Int] = [], env: [String: String] = [:], command: String? = nil,
        volumes: [Pod.VolumeMount] = [], labels: [String: String] = [:], projectID: Project.ID? = nil,
        registryAuth: RegistryCredentials? = nil, stopAfter: Duration? = nil, deleteAfter: Duration? = nil,
        maxCost: Amount? = nil, tokenScopes: [Scope]? = nil
    ) {
        self.name = name
        self.image = image
        self.gpuType = gpuType
        self.gpuCount = gpuCount
        self.cpu = cpu
        self.memory = memory
        self.disk = disk
        self.ports = ports
        self.env = env
        self.command = command
        self.volumes = volumes
        self.labels = labels
        self.projectID = projectID
        self.registryAuth = registryAuth
        self.stopAfter = stopAfter
        self.deleteAfter = deleteAfter
        self.maxCost = maxCost
        self.tokenScopes = tokenScopes
    }
}

extension PodSpecification: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name and the image.
    public var description: String { "\(name) (\(image))" }
    /// The name and the image.
    public var debugDescription: String { description }
    /// A mirror with the names of the environment variables, without their values.
    public var customMirror: Mirror {
        Mirror(
            self,
            children: [
                "name": name, "image": image, "gpuType": gpuType as Any, "gpuCount": gpuCount, "cpu": cpu,
                "memory": memory, "disk": disk, "ports": ports, "env": env.keys.sorted(), "command": command as Any,
                "volumes": volumes, "labels": labels, "projectID": projectID as Any,
                "registryAuth": registryAuth as Any, "stopAfter": stopAfter as Any, "deleteAfter": deleteAfter as Any,
                "maxCost": maxCost as Any, "tokenScopes": tokenScopes as Any,
            ])
    }
}

// MARK: - Registry

/// The user and the password of a private registry.
///
/// Printing it never shows the password.
public struct RegistryCredentials: Sendable, Hashable {
    /// The user.
    public var username: String
    private let password: String

    /// Creates the credentials of a registry.
    ///
    /// - Parameters:
    ///   - username: The user.
    ///   - password: The password, or a token of the registry.
    public init(username: String, password: String) {
        self.username = username
        self.password = password
    }

    /// Calls a closure with the password.
    ///
    /// - Parameter body: A closure that must not keep or print the password.
    /// - Returns: The closure's result.
    /// - Throws: The closure's error.
    public func withPassword<Result, Failure>(
        _ body: (String) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(password)
    }
}

extension RegistryCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The user, with a placeholder for the password.
    public var description: String { "\(username):…" }
    /// The user, with a placeholder for the password.
    public var debugDescription: String { description }
    /// A mirror with the user alone.
    public var customMirror: Mirror { Mirror(self, children: ["username": username]) }
}

// MARK: - Requests

/// The body of `POST /v1/pods`.
struct NewPod: Encodable {
    let specification: PodSpecification

    private enum CodingKeys: String, CodingKey {
        case name, image, cpu, memory, disk, ports, env, command, volumes, labels
        case gpuType = "gpu_type"
        case gpuCount = "gpu_count"
        case projectID = "project_id"
        case registryAuth = "registry_auth"
        case stopAfter = "stop_after"
        case deleteAfter = "delete_after"
        case maxCost = "max_cost"
        case tokenScopes = "token_scopes"
    }

    func encode(to encoder: any Encoder) throws {
        let pod = specification
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(pod.name, forKey: .name)
        try container.encode(pod.image, forKey: .image)
        if let gpuType = pod.gpuType {
            try container.encode(gpuType, forKey: .gpuType)
            try container.encode(pod.gpuCount, forKey: .gpuCount)
        }
        try container.encode(pod.cpu, forKey: .cpu)
        try container.encode(pod.memory, forKey: .memory)
        try container.encode(pod.disk, forKey: .disk)
        if !pod.ports.isEmpty { try container.encode(pod.ports, forKey: .ports) }
        if !pod.env.isEmpty { try container.encode(pod.env, forKey: .env) }
        try container.encodeIfPresent(pod.command, forKey: .command)
        if !pod.volumes.isEmpty { try container.encode(pod.volumes, forKey: .volumes) }
        if !pod.labels.isEmpty { try container.encode(pod.labels, forKey: .labels) }
        try container.encodeIfPresent(pod.projectID, forKey: .projectID)
        if let auth = pod.registryAuth {
            let fields = auth.withPassword { ["username": auth.username, "password": $0] }
            try container.encode(fields, forKey: .registryAuth)
        }
        try container.encodeIfPresent(pod.stopAfter?.wholeSeconds, forKey: .stopAfter)
        try container.encodeIfPresent(pod.deleteAfter?.wholeSeconds, forKey: .deleteAfter)
        try container.encodeIfPresent(pod.maxCost, forKey: .maxCost)
        try container.encodeIfPresent(pod.tokenScopes, forKey: .tokenScopes)
    }

    /// The specification as the check for misplaced tokens sees it: without the values that are secrets anyway.
    ///
    /// A program in the pod may need a token of Podstack, in a variable or as the password of a registry.
    var withoutSecrets: NewPod {
        var specification = specification
        specification.env = Dictionary(uniqueKeysWithValues: specification.env.keys.map { ($0, "") })
        specification.registryAuth = specification.registryAuth.map {
            RegistryCredentials(username: $0.username, password: "")
        }
        return NewPod(specification: specification)
    }
}

/// The body of `PATCH /v1/pods/{id}`.
struct PodUpdate: Encodable {
    var name: String?
    var labels: [String: String]?
    var stopAfter: LimitChange<Int>
    var deleteAfter: LimitChange<Int>
    var maxCost: LimitChange<Amount>

    private enum CodingKeys: String, CodingKey {
        case name, labels
        case stopAfter = "stop_after"
        case deleteAfter = "delete_after"
        case maxCost = "max_cost"
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(name, forKey: .name)
        try container.encodeIfPresent(labels, forKey: .labels)
        try stopAfter.encode(to: &container, forKey: .stopAfter)
        try deleteAfter.encode(to: &container, forKey: .deleteAfter)
        try maxCost.encode(to: &container, forKey: .maxCost)
    }
}
