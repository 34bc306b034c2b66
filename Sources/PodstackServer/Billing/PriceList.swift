import PodstackAPI

/// A type of GPU that the operator offers.
struct GPUType: Sendable, Equatable {
    var name: String
    var memoryGigabytes: Int64?
    /// Millionths, for one GPU.
    var pricePerHour: Int64
    /// The devices of the engine that have this type: indexes or UUIDs.
    var devices: [String]
}

/// A resource whose use has a price in addition to that of GPUs.
enum PricedResource: String, Sendable, CaseIterable {
    /// A core.
    case cpu
    /// A gibibyte of memory.
    case memory
    /// A gibibyte of disk.
    case disk
}

/// The operator's GPU types and prices.
enum PriceList {
    /// The longest name of a GPU type, in bytes.
    static let maximumNameLength = 32
    /// The most GPU types.
    static let maximumTypes = 100
    /// The most devices of one type.
    static let maximumDevices = 1000

    /// Returns a name of a GPU type if it is valid.
    static func validate(name: String) throws(InvalidValue) -> String {
        func isAllowed(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        guard (1...maximumNameLength).contains(name.utf8.count), name.utf8.allSatisfy(isAllowed) else {
            throw InvalidValue("must have 1 to \(maximumNameLength) letters, digits, dots, dashes or underscores")
        }
        return name
    }

    /// Returns a device of the engine if its name is valid.
    static func validate(device: String) throws(InvalidValue) -> String {
        func isAllowed(_ byte: UInt8) -> Bool {
            UnicodeScalar(byte).properties.isASCIIHexDigit || byte == UInt8(ascii: "-")
                || UnicodeScalar(byte).properties.isAlphabetic && byte < 0x80 || byte == UInt8(ascii: ":")
        }
        guard (1...64).contains(device.utf8.count), device.utf8.allSatisfy(isAllowed) else {
            throw InvalidValue("must be an index such as 0 or the UUID of a GPU")
        }
        return device
    }

    /// Returns the price of an hour of a pod, in millionths.
    ///
    /// - Throws: ``DomainError/gpuNotAvailable(type:availableTypes:)`` for an unknown type.
    static func pricePerHour(
        gpuType: String?, gpuCount: Int, cpuMillicores: Int, memoryGiB: Int, diskGiB: Int,
        in connection: any DatabaseConnection
    ) throws -> Int64 {
        let prices = try BillingStore.resourcePrices(in: connection)
        var total = (prices[.cpu] ?? 0) * Int64(cpuMillicores) / 1000
        total += (prices[.memory] ?? 0) * Int64(memoryGiB) + (prices[.disk] ?? 0) * Int64(diskGiB)
        if let gpuType, gpuCount > 0 {
            total += try type(gpuType, in: connection).pricePerHour * Int64(gpuCount)
        }
        guard total <= RunCost.maximumPricePerHour else {
            throw DomainError.conflict("The price of this pod exceeds 1,000,000 an hour")
        }
        return total
    }

    /// Returns free devices of a type.
    ///
    /// - Parameters:
    ///   - count: The number of devices.
    ///   - gpuType: The type.
    ///   - used: The devices that pods have.
    ///   - connection: The transaction that also stores the assignment.
    /// - Returns: The devices.
    /// - Throws: ``DomainError/gpuNotAvailable(type:availableTypes:)`` if too few are free.
    static func assign(
        _ count: Int, of gpuType: String, used: [String], in connection: any DatabaseConnection
    ) throws -> [String] {
        let free = try type(gpuType, in: connection).devices.filter { !used.contains($0) }
        guard free.count >= count else {
            throw DomainError.gpuNotAvailable(
                type: gpuType, availableTypes: try availableTypes(count, used: used, in: connection))
        }
        return Array(free.prefix(count))
    }

    /// Returns the types of GPUs with the numbers of all of them and of those that are free.
    ///
    /// - Parameters:
    ///   - counts: The numbers of GPUs by type that the engine has; nil if it has the devices that the operator named.
    ///   - connection: The connection.
    /// - Returns: The types, sorted by name. One that only the engine has is free of charge.
    /// - Throws: ``DatabaseFailure``.
    static func offers(
        engine counts: [String: Int]?, in connection: any DatabaseConnection
    ) throws -> [(type: GPUType, total: Int, available: Int)] {
        let types = try BillingStore.gpuTypes(in: connection)
        guard let counts else {
            let used = Set(try BillingStore.usedDevices(in: connection))
            return types.map { type in
                (type, type.devices.count, type.devices.count { !used.contains($0) })
            }
        }
        let used = try BillingStore.usedGPUs(in: connection)
        let unknown = counts.keys.filter { name in !types.contains { $0.name == name } }.map {
            GPUType(name: $0, memoryGigabytes: nil, pricePerHour: 0, devices: [])
        }
        return (types + unknown).sorted { $0.name < $1.name }.map { type in
            let total = counts[type.name] ?? 0
            return (type, total, max(0, total - (used[type.name] ?? 0)))
        }
    }

    private static func type(_ name: String, in connection: any DatabaseConnection) throws -> GPUType {
        let types = try BillingStore.gpuTypes(in: connection)
        guard let type = types.first(where: { $0.name == name }) else {
            throw DomainError.gpuNotAvailable(type: name, availableTypes: types.map(\.name))
        }
        return type
    }

    private static func availableTypes(
        _ count: Int, used: [String], in connection: any DatabaseConnection
    ) throws -> [String] {
        try BillingStore.gpuTypes(in: connection).filter { type in
            type.devices.count { !used.contains($0) } >= count
        }.map(\.name)
    }
}
