#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Pod

/// A pod: a container, with or without GPUs, in a project.
///
/// Source: the page's "Quick Start" and "Pods".
public struct Pod: Codable, Sendable, Hashable, Identifiable {
    /// The ID: `pod_` and 20 base62 characters.
    public var id: String
    /// The name, which is unique in the project.
    public var name: String
    /// The ID of the project.
    public var projectID: Project.ID
    /// The image, such as `ubuntu:24.04`.
    public var image: String
    /// The type of the GPUs, such as `A100`; nil for a pod without GPUs.
    public var gpuType: String?
    /// The number of GPUs; 0 for a pod without GPUs.
    public var gpuCount: Int
    /// The number of CPU cores.
    public var cpu: Double
    /// The memory in gibibytes.
    public var memory: Int
    /// The disk in gibibytes.
    public var disk: Int
    /// The ports that the pod publishes.
    public var ports: [Port]
    /// The names of the environment variables.
    ///
    /// The API never returns their values.
    public var env: [String]
    /// The command line; nil for the image's own.
    public var command: String?
    /// The volumes that the pod mounts.
    public var volumes: [VolumeMount]
    /// The labels.
    public var labels: [String: String]
    /// The state.
    public var status: Status
    /// The reason for the state, such as why the image could not be pulled; nil if there is none.
    public var statusReason: String?
    /// The machine that the pod runs on; nil before it is chosen.
    public var node: String?
    /// The time of creation.
    public var createdAt: Date
    /// The time of the latest start; nil if the pod has never run.
    public var startedAt: Date?
    /// The time at which the latest run ended; nil while the pod runs.
    public var finishedAt: Date?
    /// The exit code of the latest run; nil while the pod runs.
    public var exitCode: Int?
    /// The price of an hour in which the pod runs.
    public var pricePerHour: Amount
    /// The cost so far.
    public var cost: Amount
    /// The limits of the pod's time and cost.
    public var limits: Limits
    /// The scopes of the pod's own token; nil if it has none.
    public var tokenScopes: [Scope]?
    /// The user and the token that created the pod.
    public var createdBy: Creator
    /// Whether the engine is unreachable, so that the state may be older.
    public var isStale: Bool

    /// Creates a pod's description.
    ///
    /// - Parameters:
    ///   - id: The ID: `pod_` and 20 base62 characters.
    ///   - name: The name, which is unique in the project.
    ///   - projectID: The ID of the project.
    ///   - image: The image, such as `ubuntu:24.04`.
    ///   - gpuType: The type of the GPUs, such as `A100`.
    ///   - gpuCount: The number of GPUs; 0 for a pod without GPUs.
    ///   - cpu: The number of CPU cores.
    ///   - memory: The memory in gibibytes.
    ///   - disk: The disk in gibibytes.
    ///   - ports: The ports that the pod publishes.
    ///   - env: The names of the environment variables.
    ///   - command: The command line.
    ///   - volumes: The volumes that the pod mounts.
    ///   - labels: The labels.
    ///   - status: The state.
    ///   - statusReason: The reason for the state, such as why the image could not be pulled.
    ///   - node: The machine that the pod runs on.
    ///   - createdAt: The time of creation.
    ///   - startedAt: The time of the latest start.
    ///   - finishedAt: The time at which the latest run ended.
    ///   - exitCode: The exit code of the latest run.
    ///   - pricePerHour: The price of an hour in which the pod runs.
    ///   - cost: The cost so far.
    ///   - limits: The limits of the pod's time and cost.
    ///   - tokenScopes: The scopes of the pod's own token.
    ///   - createdBy: The user and the token that created the pod.
    ///   - isStale: Whether the engine is unreachable, so that the state may be older.
    public init(
        id: String, name: String, projectID: Project.ID, image: String, gpuType: String? = nil, gpuCount: Int,
        cpu: Double, memory: Int, disk: Int, ports: [Port], env: [String], command: String? = nil,
        volumes: [VolumeMount], labels: [String: String], status: Status, statusReason: String? = nil,
        node: String? = nil, createdAt: Date, startedAt: Date? = nil, finishedAt: Date? = nil, exitCode: Int? = nil,
        pricePerHour: Amount, cost: Amount, limits: Limits, tokenScopes: [Scope]? = nil, createdBy: Creator,
        isStale: Bool
    ) {
        self.id = id
        self.name = name
        self.projectID = projectID
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
        self.status = status
        self.statusReason = statusReason
        self.node = node
        self.createdAt = createdAt
        self.startedAt = startedAt
        self.finishedAt = finishedAt
        self.exitCode = exitCode
        self.pricePerHour = pricePerHour
        self.cost = cost
        self.limits = limits
        self.tokenScopes = tokenScopes
        self.createdBy = createdBy
        self.isStale = isStale
    }

    private enum CodingKeys: String, CodingKey {
        case id, name, image, cpu, memory, disk, ports, env, command, volumes, labels, status, node, cost, limits
        case projectID = "project_id"
        case gpuType = "gpu_type"
        case gpuCount = "gpu_count"
        case statusReason = "status_reason"
        case createdAt = "created_at"
        case startedAt = "started_at"
        case finishedAt = "finished_at"
        case exitCode = "exit_code"
        case pricePerHour = "price_per_hour"
        case tokenScopes = "token_scopes"
        case createdBy = "created_by"
        case isStale = "stale"
    }

    /// Encodes the value.
    ///
    /// A missing value becomes `null`, because the API always sends every field.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(id, forKey: .id)
        try container.encode(name, forKey: .name)
        try container.encode(projectID, forKey: .projectID)
        try container.encode(image, forKey: .image)
        try container.encode(gpuType, forKey: .gpuType)
        try container.encode(gpuCount, forKey: .gpuCount)
        try container.encode(cpu, forKey: .cpu)
        try container.encode(memory, forKey: .memory)
        try container.encode(disk, forKey: .disk)
        try container.encode(ports, forKey: .ports)
        try container.encode(env, forKey: .env)
        try container.encode(command, forKey: .command)
        try container.encode(volumes, forKey: .volumes)
        try container.encode(labels, forKey: .labels)
        try container.encode(status, forKey: .status)
        try container.encode(statusReason, forKey: .statusReason)
        try container.encode(node, forKey: .node)
        try container.encode(createdAt, forKey: .createdAt)
        try container.encode(startedAt, forKey: .startedAt)
        try container.encode(finishedAt, forKey: .finishedAt)
        try container.encode(exitCode, forKey: .exitCode)
        try container.encode(pricePerHour, forKey: .pricePerHour)
        try container.encode(cost, forKey: .cost)
        try container.encode(limits, forKey: .limits)
        try container.encode(tokenScopes, forKey: .tokenScopes)
        try container.encode(createdBy, forKey: .createdBy)
        try container.encode(isStale, forKey: .isStale)
    }
}

extension Pod: Listed {
    package static var listKey: String { "pods" }
}

// MARK: - Parts

extension Pod {
    /// A port that a pod publishes.
    public struct Port: Codable, Sendable, Hashable {
        /// The port inside the pod, 1 to 65535.
        public var containerPort: Int
        /// The address and port that reach it, such as `127.0.0.1:49153`; nil while the pod does not run.
        public var address: String?

        /// Creates a port.
        ///
        /// - Parameters:
        ///   - containerPort: The port inside the pod, 1 to 65535.
        ///   - address: The address and port that reach it, such as `127.0.0.1:49153`.
        public init(
            containerPort: Int, address: String? = nil
        ) {
            self.containerPort = containerPort
            self.address = address
        }

        private enum CodingKeys: String, CodingKey {
            case address
            case containerPort = "container_port"
        }

        /// Encodes the value.
        ///
        /// A missing value becomes `null`, because the API always sends every field.
        ///
        /// - Parameter encoder: The encoder to write to.
        /// - Throws: `EncodingError` if the encoder cannot represent a value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(containerPort, forKey: .containerPort)
            try container.encode(address, forKey: .address)
        }
    }

    /// A volume and the directory at which a pod mounts it.
    public struct VolumeMount: Codable, Sendable, Hashable {
        /// The ID of the volume.
        public var volumeID: Volume.ID
        /// The absolute path of the directory.
        public var mountPath: String

        /// Creates a mount.
        ///
        /// - Parameters:
        ///   - volumeID: The ID of the volume.
        ///   - mountPath: The absolute path of the directory.
        public init(
            volumeID: Volume.ID, mountPath: String
        ) {
            self.volumeID = volumeID
            self.mountPath = mountPath
        }

        private enum CodingKeys: String, CodingKey {
            case volumeID = "volume_id"
            case mountPath = "mount_path"
        }
    }

    /// The limits of a pod's time and cost.
    ///
    /// A pod that reaches one is stopped or deleted within five seconds.
    public struct Limits: Codable, Sendable, Hashable {
        /// The seconds after the start at which the pod is stopped; nil for no limit.
        public var stopAfter: Int?
        /// The seconds after the start at which the pod is deleted; nil for no limit.
        public var deleteAfter: Int?
        /// The cost at which the pod is stopped; nil for no limit.
        public var maxCost: Amount?

        /// Creates limits.
        ///
        /// - Parameters:
        ///   - stopAfter: The seconds after the start at which the pod is stopped.
        ///   - deleteAfter: The seconds after the start at which the pod is deleted.
        ///   - maxCost: The cost at which the pod is stopped.
        public init(
            stopAfter: Int? = nil, deleteAfter: Int? = nil, maxCost: Amount? = nil
        ) {
            self.stopAfter = stopAfter
            self.deleteAfter = deleteAfter
            self.maxCost = maxCost
        }

        private enum CodingKeys: String, CodingKey {
            case stopAfter = "stop_after"
            case deleteAfter = "delete_after"
            case maxCost = "max_cost"
        }

        /// Encodes the value.
        ///
        /// A missing value becomes `null`, because the API always sends every field.
        ///
        /// - Parameter encoder: The encoder to write to.
        /// - Throws: `EncodingError` if the encoder cannot represent a value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(stopAfter, forKey: .stopAfter)
            try container.encode(deleteAfter, forKey: .deleteAfter)
            try container.encode(maxCost, forKey: .maxCost)
        }
    }

    /// The user and the token that created a pod or a volume.
    public struct Creator: Codable, Sendable, Hashable {
        /// The ID of the user.
        public var userID: String
        /// The user's email address; nil if the user no longer exists.
        public var email: String?
        /// The ID of the token; nil if the user created it in the dashboard.
        public var tokenID: String?

        /// Creates a creator.
        ///
        /// - Parameters:
        ///   - userID: The ID of the user.
        ///   - email: The user's email address.
        ///   - tokenID: The ID of the token.
        public init(
            userID: String, email: String? = nil, tokenID: String? = nil
        ) {
            self.userID = userID
            self.email = email
            self.tokenID = tokenID
        }

        private enum CodingKeys: String, CodingKey {
            case email
            case userID = "user_id"
            case tokenID = "token_id"
        }

        /// Encodes the value.
        ///
        /// A missing value becomes `null`, because the API always sends every field.
        ///
        /// - Parameter encoder: The encoder to write to.
        /// - Throws: `EncodingError` if the encoder cannot represent a value.
        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(userID, forKey: .userID)
            try container.encode(email, forKey: .email)
            try container.encode(tokenID, forKey: .tokenID)
        }
    }
}

// MARK: - State

extension Pod {
    /// The state of a pod.
    public struct Status: APIName {
        /// The name as the API sends it.
        public let rawValue: String

        /// Creates a state, known or unknown.
        ///
        /// - Parameter rawValue: The name as the API sends it.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The engine prepares the pod: it pulls the image and creates the container.
        public static let creating = Status(rawValue: "creating")
        /// The pod waits for a GPU or another resource.
        public static let pending = Status(rawValue: "pending")
        /// The pod runs, and is the only state that is billed.
        public static let running = Status(rawValue: "running")
        /// The pod is being stopped.
        public static let stopping = Status(rawValue: "stopping")
        /// The pod does not run, and keeps its configuration.
        public static let stopped = Status(rawValue: "stopped")
        /// The pod could not be created or started, or its program ended with an error; ``Pod/statusReason`` says why.
        public static let failed = Status(rawValue: "failed")
        /// The pod is deleted, and the engine has confirmed that it is gone.
        public static let terminated = Status(rawValue: "terminated")
    }
}
