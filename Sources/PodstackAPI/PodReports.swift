#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

// MARK: - Events

/// An event in the life of a pod.
public struct PodEvent: Codable, Sendable, Hashable {
    /// The time of the event.
    public var timestamp: Date
    /// The kind of event, such as `started` or `limit_reached`.
    public var type: String
    /// A sentence for people.
    public var message: String

    /// Creates an event.
    ///
    /// - Parameters:
    ///   - timestamp: The time of the event.
    ///   - type: The kind of event, such as `started` or `limit_reached`.
    ///   - message: A sentence for people.
    public init(
        timestamp: Date, type: String, message: String
    ) {
        self.timestamp = timestamp
        self.type = type
        self.message = message
    }

    private enum CodingKeys: String, CodingKey {
        case timestamp, type, message
    }
}

extension PodEvent: Listed {
    package static var listKey: String { "events" }
}

// MARK: - Metrics

/// The use of a pod's resources at one moment.
public struct PodMetrics: Codable, Sendable, Hashable {
    /// The time of the measurement.
    public var timestamp: Date
    /// The use of the GPUs in percent, 0 to 100; nil if the engine cannot measure it.
    public var gpuUtilization: Double?
    /// The used memory of the GPUs in bytes; nil if the engine cannot measure it.
    public var gpuMemoryUsed: Int64?
    /// The memory of the GPUs in bytes; nil if the engine cannot measure it.
    public var gpuMemoryTotal: Int64?
    /// The use of the CPU in percent of one core: 250 for two and a half cores.
    public var cpuUsage: Double
    /// The used memory in bytes.
    public var memoryUsed: Int64
    /// The memory that the pod may use, in bytes.
    public var memoryTotal: Int64

    /// Creates metrics.
    ///
    /// - Parameters:
    ///   - timestamp: The time of the measurement.
    ///   - gpuUtilization: The use of the GPUs in percent, 0 to 100.
    ///   - gpuMemoryUsed: The used memory of the GPUs in bytes.
    ///   - gpuMemoryTotal: The memory of the GPUs in bytes.
    ///   - cpuUsage: The use of the CPU in percent of one core: 250 for two and a half cores.
    ///   - memoryUsed: The used memory in bytes.
    ///   - memoryTotal: The memory that the pod may use, in bytes.
    public init(
        timestamp: Date, gpuUtilization: Double? = nil, gpuMemoryUsed: Int64? = nil, gpuMemoryTotal: Int64? = nil,
        cpuUsage: Double, memoryUsed: Int64, memoryTotal: Int64
    ) {
        self.timestamp = timestamp
        self.gpuUtilization = gpuUtilization
        self.gpuMemoryUsed = gpuMemoryUsed
        self.gpuMemoryTotal = gpuMemoryTotal
        self.cpuUsage = cpuUsage
        self.memoryUsed = memoryUsed
        self.memoryTotal = memoryTotal
    }

    private enum CodingKeys: String, CodingKey {
        case timestamp
        case gpuUtilization = "gpu_utilization"
        case gpuMemoryUsed = "gpu_memory_used"
        case gpuMemoryTotal = "gpu_memory_total"
        case cpuUsage = "cpu_usage"
        case memoryUsed = "memory_used"
        case memoryTotal = "memory_total"
    }

    /// Encodes the value.
    ///
    /// A missing value becomes `null`, because the API always sends every field.
    ///
    /// - Parameter encoder: The encoder to write to.
    /// - Throws: `EncodingError` if the encoder cannot represent a value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(timestamp, forKey: .timestamp)
        try container.encode(gpuUtilization, forKey: .gpuUtilization)
        try container.encode(gpuMemoryUsed, forKey: .gpuMemoryUsed)
        try container.encode(gpuMemoryTotal, forKey: .gpuMemoryTotal)
        try container.encode(cpuUsage, forKey: .cpuUsage)
        try container.encode(memoryUsed, forKey: .memoryUsed)
        try container.encode(memoryTotal, forKey: .memoryTotal)
    }
}

// MARK: - Commands

/// The result of a command in a pod.
public struct PodExecResult: Codable, Sendable, Hashable {
    /// The exit code of the command.
    public var exitCode: Int
    /// The text that the command wrote to its standard output.
    public var stdout: String
    /// The text that the command wrote to its standard error.
    public var stderr: String
    /// Whether output beyond the limit of 1 MiB was dropped.
    public var isTruncated: Bool

    /// Creates a result.
    ///
    /// - Parameters:
    ///   - exitCode: The exit code of the command.
    ///   - stdout: The text that the command wrote to its standard output.
    ///   - stderr: The text that the command wrote to its standard error.
    ///   - isTruncated: Whether output beyond the limit of 1 MiB was dropped.
    public init(
        exitCode: Int, stdout: String, stderr: String, isTruncated: Bool
    ) {
        self.exitCode = exitCode
        self.stdout = stdout
        self.stderr = stderr
        self.isTruncated = isTruncated
    }

    private enum CodingKeys: String, CodingKey {
        case stdout, stderr
        case exitCode = "exit_code"
        case isTruncated = "truncated"
    }
}

// MARK: - GPUs

/// A type of GPU that the service offers.
public struct GPU: Codable, Sendable, Hashable, Identifiable {
    /// The type, such as `A100`.
    public var id: String
    /// The memory of one GPU in gigabytes; nil if the operator has not set it.
    public var memory: Int?
    /// The number of GPUs of this type.
    public var total: Int
    /// The number of GPUs that no pod uses.
    public var available: Int
    /// The price of one GPU for an hour.
    public var pricePerHour: Amount

    /// Creates a GPU type.
    ///
    /// - Parameters:
    ///   - id: The type, such as `A100`.
    ///   - memory: The memory of one GPU in gigabytes.
    ///   - total: The number of GPUs of this type.
    ///   - available: The number of GPUs that no pod uses.
    ///   - pricePerHour: The price of one GPU for an hour.
    public init(
        id: String, memory: Int? = nil, total: Int, available: Int, pricePerHour: Amount
    ) {
        self.id = id
        self.memory = memory
        self.total = total
        self.available = available
        self.pricePerHour = pricePerHour
    }

    private enum CodingKeys: String, CodingKey {
        case memory, total, available
        case id = "type"
        case pricePerHour = "price_per_hour"
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
        try container.encode(memory, forKey: .memory)
        try container.encode(total, forKey: .total)
        try container.encode(available, forKey: .available)
        try container.encode(pricePerHour, forKey: .pricePerHour)
    }
}

extension GPU: Listed {
    package static var listKey: String { "gpus" }
}
