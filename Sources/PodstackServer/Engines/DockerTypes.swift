/// The values of the Docker Engine API, as far as the pods need them.
///
/// Unknown fields are ignored, and fields that not every version sends are optional; a value of another type is an error.
enum Docker {
    // MARK: Engine

    struct Version: Decodable {
        var version: String
        var apiVersion: String
        var minAPIVersion: String?
        var system: String
        var components: [Component]?

        struct Component: Decodable {
            var name: String

            private enum CodingKeys: String, CodingKey { case name = "Name" }
        }

        private enum CodingKeys: String, CodingKey {
            case version = "Version"
            case apiVersion = "ApiVersion"
            case minAPIVersion = "MinAPIVersion"
            case system = "Os"
            case components = "Components"
        }
    }

    struct Info: Decodable, Sendable {
        var driver: String
        var driverStatus: [[String]]?
        var limitsMemory: Bool?
        var limitsCPU: Bool?
        var limitsProcesses: Bool?
        var processors: Int?
        var memoryBytes: Int64?
        var name: String?
        /// The time by the engine's clock.
        var time: String?
        var swarm: Swarm?

        struct Swarm: Decodable, Sendable {
            var state: String?
            var isManager: Bool?
            var nodeID: String?

            private enum CodingKeys: String, CodingKey {
                case state = "LocalNodeState"
                case isManager = "ControlAvailable"
                case nodeID = "NodeID"
            }
        }

        private enum CodingKeys: String, CodingKey {
            case driver = "Driver"
            case driverStatus = "DriverStatus"
            case limitsMemory = "MemoryLimit"
            case limitsCPU = "CpuCfsQuota"
            case limitsProcesses = "PidsLimit"
            case processors = "NCPU"
            case memoryBytes = "MemTotal"
            case name = "Name"
            case time = "SystemTime"
            case swarm = "Swarm"
        }
    }

    struct ErrorBody: Decodable {
        var message: String
    }

    struct Created: Decodable {
        var id: String

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
        }
    }

    // MARK: Containers

    /// A container in a list.
    struct Summary: Decodable {
        var id: String
        var names: [String]
        var state: String
        var status: String
        var labels: [String: String]?
        var ports: [Port]?
        var networks: Networks?

        struct Port: Decodable, Hashable {
            var address: String?
            var privatePort: Int
            var publicPort: Int?

            private enum CodingKeys: String, CodingKey {
                case address = "IP"
                case privatePort = "PrivatePort"
                case publicPort = "PublicPort"
            }
        }

        struct Networks: Decodable {
            var networks: [String: Endpoint]?

            private enum CodingKeys: String, CodingKey { case networks = "Networks" }
        }

        struct Endpoint: Decodable {
            /// Empty unless the container runs; another one with each start.
            var id: String?

            private enum CodingKeys: String, CodingKey { case id = "EndpointID" }
        }

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case names = "Names"
            case state = "State"
            case status = "Status"
            case labels = "Labels"
            case ports = "Ports"
            case networks = "NetworkSettings"
        }
    }

    struct Container: Decodable {
        var id: String
        var state: State
        var configuration: Configuration
        var network: Network?

        struct State: Decodable {
            var status: String
            var exitCode: Int
            var isOutOfMemory: Bool
            var error: String?
            var startedAt: String
            var finishedAt: String

            private enum CodingKeys: String, CodingKey {
                case status = "Status"
                case exitCode = "ExitCode"
                case isOutOfMemory = "OOMKilled"
                case error = "Error"
                case startedAt = "StartedAt"
                case finishedAt = "FinishedAt"
            }
        }

        struct Configuration: Decodable {
            var labels: [String: String]?

            private enum CodingKeys: String, CodingKey { case labels = "Labels" }
        }

        struct Network: Decodable {
            var ports: [String: [Binding]?]?
            var networks: [String: Endpoint]?

            private enum CodingKeys: String, CodingKey {
                case ports = "Ports"
                case networks = "Networks"
            }
        }

        struct Endpoint: Decodable {
            var networkID: String?

            private enum CodingKeys: String, CodingKey { case networkID = "NetworkID" }
        }

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case state = "State"
            case configuration = "Config"
            case network = "NetworkSettings"
        }
    }

    struct Binding: Codable, Equatable {
        var address: String
        /// Empty for a port that the engine chooses.
        var port: String

        private enum CodingKeys: String, CodingKey {
            case address = "HostIp"
            case port = "HostPort"
        }
    }

    // MARK: Commands

    struct ExecRequest: Encodable {
        var command: [String]
        var hasInput: Bool
        var hasTerminal: Bool
        var hasOutput = true
        var hasErrors = true
        /// The rows and columns of the terminal; engines before version 1.42 of the API ignore it.
        var terminalSize: [Int]?

        private enum CodingKeys: String, CodingKey {
            case command = "Cmd"
            case hasInput = "AttachStdin"
            case hasOutput = "AttachStdout"
            case hasErrors = "AttachStderr"
            case hasTerminal = "Tty"
            case terminalSize = "ConsoleSize"
        }
    }

    struct ExecStart: Encodable {
        var isDetached = false
        var hasTerminal: Bool

        private enum CodingKeys: String, CodingKey {
            case isDetached = "Detach"
            case hasTerminal = "Tty"
        }
    }

    struct Exec: Decodable {
        var isRunning: Bool
        var exitCode: Int?

        private enum CodingKeys: String, CodingKey {
            case isRunning = "Running"
            case exitCode = "ExitCode"
        }
    }

    // MARK: Streams of values

    /// A line of the progress of a pull.
    struct Progress: Decodable {
        var id: String?
        var status: String?
        var detail: Detail?
        var error: String?

        struct Detail: Decodable {
            var current: Int64?
            var total: Int64?
        }

        private enum CodingKeys: String, CodingKey {
            case id, status, error
            case detail = "progressDetail"
        }
    }

    struct Event: Decodable {
        var action: String
        var actor: Actor
        var nanoseconds: Int64

        struct Actor: Decodable {
            var attributes: [String: String]

            private enum CodingKeys: String, CodingKey { case attributes = "Attributes" }
        }

        private enum CodingKeys: String, CodingKey {
            case action = "Action"
            case actor = "Actor"
            case nanoseconds = "timeNano"
        }
    }

    // MARK: Statistics

    struct Statistics: Decodable {
        var read: String
        var cpu: CPU
        var memory: Memory

        struct CPU: Decodable {
            var usage: Usage

            struct Usage: Decodable {
                var total: UInt64

                private enum CodingKeys: String, CodingKey { case total = "total_usage" }
            }

            private enum CodingKeys: String, CodingKey { case usage = "cpu_usage" }
        }

        struct Memory: Decodable {
            var usage: UInt64?
            var limit: UInt64?
            /// Counts of the kernel by name, which depend on the version of control groups.
            var details: [String: UInt64]?

            private enum CodingKeys: String, CodingKey {
                case usage, limit
                case details = "stats"
            }
        }

        private enum CodingKeys: String, CodingKey {
            case read
            case cpu = "cpu_stats"
            case memory = "memory_stats"
        }
    }

    // MARK: Volumes and networks

    struct VolumeRequest: Encodable {
        var name: String
        var labels: [String: String]

        private enum CodingKeys: String, CodingKey {
            case name = "Name"
            case labels = "Labels"
        }
    }

    struct ConnectRequest: Encodable {
        var container: String

        private enum CodingKeys: String, CodingKey { case container = "Container" }
    }

    struct Network: Decodable {
        var id: String
        var driver: String

        private enum CodingKeys: String, CodingKey {
            case id = "Id"
            case driver = "Driver"
        }
    }

    struct NetworkRequest: Encodable {
        var name: String
        var labels: [String: String]
        var driver: String
        /// Networks with the same name would otherwise be possible.
        var checksDuplicates = true

        private enum CodingKeys: String, CodingKey {
            case name = "Name"
            case labels = "Labels"
            case driver = "Driver"
            case checksDuplicates = "CheckDuplicate"
        }
    }
}

// MARK: - Creating a container

extension Docker {
    struct ContainerRequest: Encodable {
        var image: String
        var entrypoint: [String]?
        var command: [String]?
        var environment: [String]
        var labels: [String: String]
        var exposedPorts: [String: Nothing]
        var host: HostConfiguration

        private enum CodingKeys: String, CodingKey {
            case image = "Image"
            case entrypoint = "Entrypoint"
            case command = "Cmd"
            case environment = "Env"
            case labels = "Labels"
            case exposedPorts = "ExposedPorts"
            case host = "HostConfig"
        }
    }

    /// The empty object.
    struct Nothing: Encodable {}

    struct HostConfiguration: Encodable {
        var capDrop = ["ALL"]
        var securityOptions = ["no-new-privileges"]
        var isPrivileged = false
        var ipcMode = "private"
        var cgroupNamespaceMode = "private"
        var networkMode: String
        var restartPolicy = RestartPolicy()
        var portBindings: [String: [Binding]]
        var mounts: [Mount]
        var memory: Int64
        /// The memory together with the swap: the same number means no swap.
        var memoryAndSwap: Int64
        var nanoCPUs: Int64
        var maxProcesses: Int
        var sharedMemory: Int64
        var storageOptions: [String: String]?
        var deviceRequests: [DeviceRequest]?
        var runtime: String?
        var log = Log()

        struct RestartPolicy: Encodable {
            var name = "no"

            private enum CodingKeys: String, CodingKey { case name = "Name" }
        }

        struct Mount: Encodable {
            var type = "volume"
            var source: String
            var target: String

            private enum CodingKeys: String, CodingKey {
                case type = "Type"
                case source = "Source"
                case target = "Target"
            }
        }

        struct DeviceRequest: Encodable {
            /// The number of devices; 0 if their IDs are given.
            var count: Int
            var devices: [String]?
            var capabilities = [["gpu"]]

            private enum CodingKeys: String, CodingKey {
                case count = "Count"
                case devices = "DeviceIDs"
                case capabilities = "Capabilities"
            }
        }

        /// The output of a pod is kept up to 32 MB.
        struct Log: Encodable {
            var type = "json-file"
            var options = ["max-size": "16m", "max-file": "2"]

            private enum CodingKeys: String, CodingKey {
                case type = "Type"
                case options = "Config"
            }
        }

        private enum CodingKeys: String, CodingKey {
            case capDrop = "CapDrop"
            case securityOptions = "SecurityOpt"
            case isPrivileged = "Privileged"
            case ipcMode = "IpcMode"
            case cgroupNamespaceMode = "CgroupnsMode"
            case networkMode = "NetworkMode"
            case restartPolicy = "RestartPolicy"
            case portBindings = "PortBindings"
            case mounts = "Mounts"
            case memory = "Memory"
            case memoryAndSwap = "MemorySwap"
            case nanoCPUs = "NanoCpus"
            case maxProcesses = "PidsLimit"
            case sharedMemory = "ShmSize"
            case storageOptions = "StorageOpt"
            case deviceRequests = "DeviceRequests"
            case runtime = "Runtime"
            case log = "LogConfig"
        }
    }
}
