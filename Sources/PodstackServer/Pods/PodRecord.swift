import PodstackAPI

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A pod as the service stores it.
///
/// Times are milliseconds since 1970, because bills follow the engine's clock. Amounts are millionths.
struct PodRecord: Sendable, Equatable {
    var id: String
    /// The account of the project, which pays for the pod.
    var accountID: String
    var projectID: String
    /// The user who created the pod, and the key of the token that did; nil if it was created in the dashboard.
    var userID: String
    var tokenID: String?
    /// The key of the token that requested the latest run, whose spend limit that run counts for.
    var chargedTokenID: String?
    var name: String
    var configuration: PodConfiguration
    var labels: [String: String]
    var gpuType: String?
    var gpuCount: Int
    /// The devices that the service has assigned; empty if the engine assigns them, or while the pod does not run.
    var devices: [String]
    var pricePerHour: Int64
    var limits: PodLimits
    /// The key of the pod's own token; nil if it has none.
    var ownTokenID: String?
    var state = PodState()
    var lastEventNumber: Int64 = 0
    var createdAt: Int64
    var changedAt: Int64
    var terminatedAt: Int64?

    var isTerminated: Bool { state.status == .terminated }

    /// Whether the pod occupies its GPUs: it runs, will run, or has not ended yet.
    var holdsDevices: Bool {
        switch state.status {
        case .creating, .pending, .running, .stopping: true
        case .stopped, .failed: state.desired == .running || state.isRunOpen
        case .terminated: false
        }
    }

    /// The approximate number of bytes that the pod takes in a list.
    var listedBytes: Int {
        900 + configuration.image.utf8.count + (configuration.command?.utf8.count ?? 0)
            + configuration.environment.reduce(0) { $0 + $1.utf8.count + 3 }
            + labels.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count + 6 }
    }

    var charge: PodCharge {
        PodCharge(
            podID: id, accountID: accountID, projectID: projectID, tokenID: chargedTokenID,
            pricePerHour: pricePerHour, maxCost: limits.maxCost)
    }
}

/// The part of a pod that never changes.
struct PodConfiguration: Encodable, Sendable, Equatable {
    var image: String
    var cpuMillicores: Int
    var memoryGiB: Int
    var diskGiB: Int
    var ports: [Int]
    /// The names of the variables, sorted; their values are sealed.
    var environment: [String]
    var command: String?
    var volumes: [Mount]
    /// The scopes of the pod's own token; nil if it has none.
    var tokenScopes: [String]?

    struct Mount: Encodable, Sendable, Equatable {
        var volumeID: String
        var path: String

        private enum CodingKeys: String, CodingKey {
            case volumeID = "volume"
            case path
        }
    }

    private enum CodingKeys: String, CodingKey {
        case image, ports, environment, command, volumes
        case cpuMillicores = "cpu_millicores"
        case memoryGiB = "memory_gib"
        case diskGiB = "disk_gib"
        case tokenScopes = "token_scopes"
    }
}

extension PodConfiguration {
    /// Creates the value from its JSON; nil if something is missing.
    init?(_ fields: [String: JSONValue]) {
        func value(_ key: CodingKeys) -> JSONValue { fields[key.rawValue] ?? .null }
        func list<Element>(_ key: CodingKeys, _ read: (JSONValue) -> Element?) -> [Element]? {
            guard case .array(let values) = value(key) else { return nil }
            let elements = values.compactMap(read)
            return elements.count == values.count ? elements : nil
        }
        guard let image = value(.image).stringValue, let cpuMillicores = value(.cpuMillicores).integerValue,
            let memoryGiB = value(.memoryGiB).integerValue, let diskGiB = value(.diskGiB).integerValue,
            let ports = list(.ports, \.integerValue), let environment = list(.environment, \.stringValue),
            let volumes = list(.volumes, Mount.init)
        else { return nil }
        self.init(
            image: image, cpuMillicores: cpuMillicores, memoryGiB: memoryGiB, diskGiB: diskGiB, ports: ports,
            environment: environment, command: value(.command).stringValue, volumes: volumes,
            tokenScopes: list(.tokenScopes, \.stringValue))
    }
}

extension PodConfiguration.Mount {
    /// Creates the value from its JSON; nil if something is missing.
    init?(_ json: JSONValue) {
        guard case .object(let fields) = json, let volumeID = fields[CodingKeys.volumeID.rawValue]?.stringValue,
            let path = fields[CodingKeys.path.rawValue]?.stringValue
        else { return nil }
        self.init(volumeID: volumeID, path: path)
    }
}

/// The limits of a pod's time and cost; nil for no limit.
struct PodLimits: Sendable, Equatable {
    /// Seconds after the start of the latest run.
    var stopAfterSeconds: Int64?
    var deleteAfterSeconds: Int64?
    /// Millionths.
    var maxCost: Int64?

    /// Whether one of the limits is higher than before, or gone.
    func isLooser(than other: PodLimits) -> Bool {
        [
            (stopAfterSeconds, other.stopAfterSeconds), (deleteAfterSeconds, other.deleteAfterSeconds),
            (maxCost, other.maxCost),
        ].contains { $0.0 ?? .max > $0.1 ?? .max }
    }
}

/// The values of a pod that are sealed at rest.
struct PodSecrets: Codable, Sendable, Equatable {
    var environment: [String: String] = [:]
    var registry: Registry?
    /// The pod's own token.
    var token: String?

    struct Registry: Codable, Sendable, Equatable {
        var username: String
        var password: String
    }

    var isEmpty: Bool { environment.isEmpty && registry == nil && token == nil }
}

extension PodSecrets: CustomStringConvertible, CustomReflectable {
    var description: String { "the secrets of a pod" }
    var customMirror: Mirror { Mirror(self, children: [:]) }
}

// MARK: - The API

extension PodRecord {
    /// Returns the pod as the API describes it.
    ///
    /// - Parameters:
    ///   - email: The address of the user who created it; nil if that user no longer exists.
    ///   - cost: The cost so far, in millionths.
    ///   - isStale: Whether the engine is unreachable.
    /// - Returns: The pod.
    func apiModel(email: String?, cost: Int64, isStale: Bool) -> Pod {
        Pod(
            id: id, name: name, projectID: projectID, image: configuration.image, gpuType: gpuType, gpuCount: gpuCount,
            cpu: Double(configuration.cpuMillicores) / 1000, memory: configuration.memoryGiB,
            disk: configuration.diskGiB,
            ports: configuration.ports.map { Pod.Port(containerPort: $0, address: state.addresses[$0]) },
            env: configuration.environment, command: configuration.command,
            volumes: configuration.volumes.map { Pod.VolumeMount(volumeID: $0.volumeID, mountPath: $0.path) },
            labels: labels, status: Pod.Status(rawValue: state.status.rawValue), statusReason: state.reason,
            node: state.node, createdAt: Date(milliseconds: createdAt),
            startedAt: state.startedAt.map(Date.init(milliseconds:)),
            finishedAt: state.finishedAt.map(Date.init(milliseconds:)), exitCode: state.exitCode.map { Int($0) },
            pricePerHour: Amount(millionths: pricePerHour), cost: Amount(millionths: cost),
            limits: Pod.Limits(
                stopAfter: limits.stopAfterSeconds.map { Int($0) },
                deleteAfter: limits.deleteAfterSeconds.map { Int($0) },
                maxCost: limits.maxCost.map { Amount(millionths: $0) }),
            tokenScopes: configuration.tokenScopes?.map(Scope.init(rawValue:)),
            createdBy: Pod.Creator(userID: userID, email: email, tokenID: tokenID.map(TokenKey.tokenID)),
            isStale: isStale)
    }
}

extension Date {
    /// Creates a date from milliseconds since 1970.
    init(milliseconds: Int64) { self.init(timeIntervalSince1970: Double(milliseconds) / 1000) }
}

// MARK: - Audit log

extension PodRecord {
    /// The values that the audit log records of a pod.
    var audited: [String: JSONValue] {
        [
            "name": .string(name), "image": .string(configuration.image),
            "gpu_type": gpuType.map(JSONValue.string) ?? .null, "gpu_count": .integer(gpuCount),
            "labels": .object(labels.mapValues(JSONValue.string)),
            "stop_after": limits.stopAfterSeconds.map { .integer(Int($0)) } ?? .null,
            "delete_after": limits.deleteAfterSeconds.map { .integer(Int($0)) } ?? .null,
            "max_cost": limits.maxCost.map { .string(Amount(millionths: $0).description) } ?? .null,
            "token_scopes": configuration.tokenScopes.map { .array($0.map(JSONValue.string)) } ?? .null,
        ]
    }
}

extension AuditResource {
    init(_ pod: PodRecord) {
        self.init(type: "pod", id: pod.id, name: pod.name, accountID: pod.accountID, projectID: pod.projectID)
    }
}
