// The values of the Docker Engine API that only a Docker Swarm has.

extension Docker {
    /// The number that a change of an object must name, so that it does not undo another change.
    struct ObjectVersion: Decodable {
        var index: UInt64

        private enum CodingKeys: String, CodingKey { case index = "Index" }
    }

    // MARK: Nodes

    struct Node: Decodable, Sendable {
        var id: String
        var specification: Specification
        var description: Description
        var status: Status
        var manager: Manager?

        struct Specification: Decodable, Sendable {
            /// `active`, `pause` or `drain`.
            var availability: String?

            private enum CodingKeys: String, CodingKey { case availability = "Availability" }
        }

        struct Description: Decodable, Sendable {
            var hostname: String?
            var resources: Resources?
            var engine: Engine?

            private enum CodingKeys: String, CodingKey {
                case hostname = "Hostname"
                case resources = "Resources"
                case engine = "Engine"
            }
        }

        struct Resources: Decodable, Sendable {
            var nanoCPUs: Int64?
            var memory: Int64?
            var generic: [GenericResource]?

            private enum CodingKeys: String, CodingKey {
                case nanoCPUs = "NanoCPUs"
                case memory = "MemoryBytes"
                case generic = "GenericResources"
            }
        }

        struct Engine: Decodable, Sendable {
            var version: String?
            var labels: [String: String]?

            private enum CodingKeys: String, CodingKey {
                case version = "EngineVersion"
                case labels = "Labels"
            }
        }

        struct Status: Decodable, Sendable {
            /// `unknown`, `down`, `ready` or `disconnected`.
            var state: String
            var address: String?

            private enum CodingKeys: String, CodingKey {
                case state = "State"
                case address = "Addr"
            }
        }

        struct Manager: Decodable, Sendable {
            /// The address and port of the manager.
            var address: String?

            private enum CodingKeys: String, CodingKey { case address = "Addr" }
        }

        private enum CodingKeys: String, CodingKey {
            case id = "ID"
            case specification = "Spec"
            case description = "Description"
            case status = "Status"
            case manager = "ManagerStatus"
        }
    }

    /// A resource that the operator has given a node.
    struct GenericResource: Decodable, Sendable {
        /// One resource with an ID.
        struct Named: Decodable, Sendable {
            var kind: String
            var value: String

            private enum CodingKeys: String, CodingKey {
                case kind = "Kind"
                case value = "Value"
            }
        }

        /// A number of resources without IDs.
        struct Discrete: Decodable, Sendable {
            var kind: String
            var value: Int64

            private enum CodingKeys: String, CodingKey {
                case kind = "Kind"
                case value = "Value"
            }
        }

        var named: Named?
        var discrete: Discrete?

        private enum CodingKeys: String, CodingKey {
            case named = "NamedResourceSpec"
            case discrete = "DiscreteResourceSpec"
        }
    }

    struct SwarmInspection: Decodable {
        var specification: Specification

        struct Specification: Decodable {
            var orchestration: Orchestration?

            private enum CodingKeys: String, CodingKey { case orchestration = "Orchestration" }
        }

        struct Orchestration: Decodable {
            var history: Int64?

            private enum CodingKeys: String, CodingKey { case history = "TaskHistoryRetentionLimit" }
        }

        private enum CodingKeys: String, CodingKey { case specification = "Spec" }
    }

    // MARK: Tasks

    /// One run of a service on a node.
    struct Task: Decodable, Sendable {
        var id: String
        var serviceID: String
        var nodeID: String?
        var createdAt: String
        var updatedAt: String
        var specification: Specification
        var status: Status
        var desiredState: String

        /// The part of a service that its tasks have as it was when they were created.
        struct Specification: Decodable, Sendable {
            var forceUpdate: UInt64?
            var container: Container?
            var resources: Resources?

            struct Resources: Decodable, Sendable {
                var reservations: Reservations?

                private enum CodingKeys: String, CodingKey { case reservations = "Reservations" }
            }

            struct Container: Decodable, Sendable {
                var labels: [String: String]?

                private enum CodingKeys: String, CodingKey { case labels = "Labels" }
            }

            private enum CodingKeys: String, CodingKey {
                case forceUpdate = "ForceUpdate"
                case container = "ContainerSpec"
                case resources = "Resources"
            }
        }

        /// The part of a node that a task has for itself.
        struct Reservations: Codable, Sendable {
            var nanoCPUs: Int64?
            var memory: Int64?

            private enum CodingKeys: String, CodingKey {
                case nanoCPUs = "NanoCPUs"
                case memory = "MemoryBytes"
            }
        }

        struct Status: Decodable, Sendable {
            var timestamp: String?
            var state: String
            var error: String?
            var container: ContainerStatus?
            var ports: PortStatus?

            private enum CodingKeys: String, CodingKey {
                case timestamp = "Timestamp"
                case state = "State"
                case error = "Err"
                case container = "ContainerStatus"
                case ports = "PortStatus"
            }
        }

        struct ContainerStatus: Decodable, Sendable {
            var id: String?
            var exitCode: Int?

            private enum CodingKeys: String, CodingKey {
                case id = "ContainerID"
                case exitCode = "ExitCode"
            }
        }

        struct PortStatus: Decodable, Sendable {
            var ports: [Port]?

            private enum CodingKeys: String, CodingKey { case ports = "Ports" }
        }

        struct Port: Codable, Sendable {
            var networkProtocol = "tcp"
            var target: Int
            /// The port of the node; nil for one that the node chooses.
            var published: Int?
            var mode = "host"

            private enum CodingKeys: String, CodingKey {
                case networkProtocol = "Protocol"
                case target = "TargetPort"
                case published = "PublishedPort"
                case mode = "PublishMode"
            }
        }

        private enum CodingKeys: String, CodingKey {
            case id = "ID"
            case serviceID = "ServiceID"
            case nodeID = "NodeID"
            case createdAt = "CreatedAt"
            case updatedAt = "UpdatedAt"
            case specification = "Spec"
            case status = "Status"
            case desiredState = "DesiredState"
        }
    }

    // MARK: Services

    struct Service: Decodable, Sendable {
        var id: String
        var specification: Specification

        struct Specification: Decodable, Sendable {
            var name: String
            var labels: [String: String]?
            var task: Task.Specification
            var mode: Mode

            private enum CodingKeys: String, CodingKey {
                case name = "Name"
                case labels = "Labels"
                case task = "TaskTemplate"
                case mode = "Mode"
            }
        }

        struct Mode: Codable, Sendable {
            var replicated: Replicated?

            struct Replicated: Codable, Sendable {
                var replicas: UInt64?

                private enum CodingKeys: String, CodingKey { case replicas = "Replicas" }
            }

            private enum CodingKeys: String, CodingKey { case replicated = "Replicated" }
        }

        /// The number of containers that the service should have: 0 or 1.
        var replicas: UInt64 { specification.mode.replicated?.replicas ?? 0 }
        /// The number of the latest start.
        var generation: UInt64 { specification.task.forceUpdate ?? 0 }

        private enum CodingKeys: String, CodingKey {
            case id = "ID"
            case specification = "Spec"
        }
    }

    struct ServiceRequest: Encodable {
        var name: String
        var labels: [String: String]
        var task: TaskTemplate
        var mode = Service.Mode(replicated: .init(replicas: 0))
        var endpoint: Endpoint
        var update = Update()

        struct TaskTemplate: Encodable {
            var container: Container
            var resources: Resources
            var restartPolicy = RestartPolicy()
            var placement: Placement
            var networks: [Network]
            var log = Log()

            private enum CodingKeys: String, CodingKey {
                case container = "ContainerSpec"
                case resources = "Resources"
                case restartPolicy = "RestartPolicy"
                case placement = "Placement"
                case networks = "Networks"
                case log = "LogDriver"
            }
        }

        struct Container: Encodable {
            var image: String
            var entrypoint: [String]?
            var arguments: [String]?
            var environment: [String]
            var labels: [String: String]
            var capDrop = ["ALL"]
            var privileges: Privileges?
            var mounts: [Mount]
            var secrets: [Secret]
            /// Nanoseconds.
            var stopGracePeriod: Int64

            struct Privileges: Encodable {
                var noNewPrivileges = true

                private enum CodingKeys: String, CodingKey { case noNewPrivileges = "NoNewPrivileges" }
            }

            struct Secret: Encodable {
                var id: String
                var name: String
                var file: File

                struct File: Encodable {
                    var path: String
                    var userID = "0"
                    var groupID = "0"
                    var mode = 0o444

                    private enum CodingKeys: String, CodingKey {
                        case path = "Name"
                        case userID = "UID"
                        case groupID = "GID"
                        case mode = "Mode"
                    }
                }

                private enum CodingKeys: String, CodingKey {
                    case id = "SecretID"
                    case name = "SecretName"
                    case file = "File"
                }
            }

            private enum CodingKeys: String, CodingKey {
                case image = "Image"
                case entrypoint = "Command"
                case arguments = "Args"
                case environment = "Env"
                case labels = "Labels"
                case capDrop = "CapabilityDrop"
                case privileges = "Privileges"
                case mounts = "Mounts"
                case secrets = "Secrets"
                case stopGracePeriod = "StopGracePeriod"
            }
        }

        struct Mount: Encodable {
            var type: String
            var source: String?
            var target: String
            var volume: VolumeOptions?
            var memory: MemoryOptions?

            struct VolumeOptions: Encodable {
                var labels: [String: String]

                private enum CodingKeys: String, CodingKey { case labels = "Labels" }
            }

            struct MemoryOptions: Encodable {
                var size: Int64
                var mode = 0o1777

                private enum CodingKeys: String, CodingKey {
                    case size = "SizeBytes"
                    case mode = "Mode"
                }
            }

            private enum CodingKeys: String, CodingKey {
                case type = "Type"
                case source = "Source"
                case target = "Target"
                case volume = "VolumeOptions"
                case memory = "TmpfsOptions"
            }
        }

        struct Resources: Encodable {
            var limits: Limits
            var reservations: Task.Reservations

            struct Limits: Encodable {
                var nanoCPUs: Int64
                var memory: Int64
                var maxProcesses: Int

                private enum CodingKeys: String, CodingKey {
                    case nanoCPUs = "NanoCPUs"
                    case memory = "MemoryBytes"
                    case maxProcesses = "Pids"
                }
            }

            private enum CodingKeys: String, CodingKey {
                case limits = "Limits"
                case reservations = "Reservations"
            }
        }

        /// A program that has ended is not started again.
        struct RestartPolicy: Encodable {
            var condition = "none"

            private enum CodingKeys: String, CodingKey { case condition = "Condition" }
        }

        struct Placement: Encodable {
            var constraints: [String]

            private enum CodingKeys: String, CodingKey { case constraints = "Constraints" }
        }

        struct Network: Encodable {
            var target: String

            private enum CodingKeys: String, CodingKey { case target = "Target" }
        }

        /// The output of a pod is kept up to 32 MB.
        struct Log: Encodable {
            var name = "json-file"
            var options = ["max-size": "16m", "max-file": "2"]

            private enum CodingKeys: String, CodingKey {
                case name = "Name"
                case options = "Options"
            }
        }

        struct Endpoint: Encodable {
            /// The service has no address of its own, which would need a load balancer in the kernel of each node.
            var mode = "dnsrr"
            var ports: [Task.Port]

            private enum CodingKeys: String, CodingKey {
                case mode = "Mode"
                case ports = "Ports"
            }
        }

        /// A start that fails does not block the next one.
        struct Update: Encodable {
            var failureAction = "continue"

            private enum CodingKeys: String, CodingKey { case failureAction = "FailureAction" }
        }

        private enum CodingKeys: String, CodingKey {
            case name = "Name"
            case labels = "Labels"
            case task = "TaskTemplate"
            case mode = "Mode"
            case endpoint = "EndpointSpec"
            case update = "UpdateConfig"
        }
    }

    // MARK: Stored values

    /// A request to store a secret, or a configuration value, which are alike.
    struct StoredValueRequest: Encodable {
        var name: String
        var labels: [String: String]
        /// In Base64.
        var data: String

        private enum CodingKeys: String, CodingKey {
            case name = "Name"
            case labels = "Labels"
            case data = "Data"
        }
    }

    struct StoredValue: Decodable {
        var id: String
        var specification: Specification

        struct Specification: Decodable {
            var name: String?
            var labels: [String: String]?

            private enum CodingKeys: String, CodingKey {
                case name = "Name"
                case labels = "Labels"
            }
        }

        private enum CodingKeys: String, CodingKey {
            case id = "ID"
            case specification = "Spec"
        }
    }

    /// The response about an image that its registry has.
    struct Distribution: Decodable {
        var descriptor: Descriptor

        struct Descriptor: Decodable {
            var digest: String

            private enum CodingKeys: String, CodingKey { case digest }
        }

        private enum CodingKeys: String, CodingKey { case descriptor = "Descriptor" }
    }
}
