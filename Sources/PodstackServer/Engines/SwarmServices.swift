import PodstackAPI
import PodstackTransport

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The services, tasks and stored values of a Docker Swarm, as its manager has them.
struct SwarmServices: Sendable {
    let client: DockerClient

    private static func filter(_ label: String) -> String { #"{"label":["\#(label)"]}"# }

    // MARK: - Services

    /// Returns the service of a pod; nil if it does not exist.
    func find(_ podID: String) throws -> Docker.Service? { try get(podID, Docker.Service.self) }

    private func get<Value: Decodable>(_ podID: String, _ type: Value.Type) throws -> Value? {
        let response = try client.send("GET", .init("services", podID))
        if response.status == 404 { return nil }
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
        return try DockerClient.decode(type, response.body)
    }

    func require(_ podID: String) throws -> Docker.Service {
        guard let service = try find(podID) else {
            throw EngineFailure(kind: .notFound, reason: "The swarm has no service \(podID)")
        }
        return service
    }

    /// Returns the services with a label.
    func list(label: String) throws -> [Docker.Service] {
        try client.value([Docker.Service].self, "GET", .init("services").with("filters", Self.filter(label)))
    }

    /// Returns the tasks whose services have a label, also of services that are being removed.
    func tasks(label: String) throws -> [Docker.Task] {
        try client.value([Docker.Task].self, "GET", .init("tasks").with("filters", Self.filter(label)))
    }

    func tasks(of podID: String) throws -> [Docker.Task] { try tasks(label: "\(DockerEngine.Label.pod)=\(podID)") }

    /// Creates a service; returns false if another request has created it.
    func create(_ request: Docker.ServiceRequest, headers: [HeaderField]) throws -> Bool {
        let response = try client.send("POST", .init("services", "create"), body: request, headers: headers)
        if response.isSuccess { return true }
        guard response.status == 409 else { throw client.failure(response.status, response.body) }
        return false
    }

    func remove(_ podID: String) throws { try remove("services", podID) }

    private func remove(_ kind: String, _ name: String) throws {
        let response = try client.send("DELETE", .init(kind, name))
        guard !response.isSuccess, response.status != 404 else { return }
        throw client.failure(response.status, response.body)
    }

    /// The most attempts to change a service that others change at the same time.
    private static let maxAttempts = 10

    /// Changes the service of a pod.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - change: Changes the specification; called again if others have changed it at the same time.
    /// - Throws: ``EngineFailure``, of the kind `notFound` if the service does not exist.
    func change(_ podID: String, _ change: (inout SwarmServiceSpecification) -> Void) throws {
        for _ in 0..<Self.maxAttempts {
            guard let service = try get(podID, JSONValue.self) else {
                throw EngineFailure(kind: .notFound, reason: "The swarm has no service \(podID)")
            }
            guard let id = service["ID"].stringValue, let version = service["Version"]["Index"].integerValue else {
                throw EngineFailure(kind: .failed, reason: "The engine sent a service that is not as its API describes")
            }
            var specification = SwarmServiceSpecification(json: service["Spec"])
            change(&specification)
            let target = DockerClient.Target("services", id, "update").with("version", String(version))
                .with("registryAuthFrom", "spec")
            let response = try client.send("POST", target, body: specification.json)
            if response.isSuccess { return }
            let failure = client.failure(response.status, response.body)
            guard failure.reason.contains("out of sequence") else { throw failure }
        }
        throw EngineFailure(kind: .failed, reason: "The service \(podID) is being changed by others all the time")
    }

    // MARK: - Stored values

    /// Stores a secret unless it exists, and returns its ID.
    func ensureSecret(_ name: String, _ content: [UInt8], labels: [String: String]) throws -> String {
        try ensureValue("secrets", name, content, labels).id
    }

    func removeSecret(_ name: String) throws { try remove("secrets", name) }

    /// Returns the names of the secrets with a label.
    func secrets(label: String) throws -> [String] {
        try client.value([Docker.StoredValue].self, "GET", .init("secrets").with("filters", Self.filter(label)))
            .compactMap(\.specification.name)
    }

    /// Stores labels under a name unless the name exists, and returns the stored labels.
    func ensureRecord(_ name: String, labels: [String: String]) throws -> [String: String] {
        // A configuration value of the swarm; it must have content.
        try ensureValue("configs", name, Array(name.utf8), labels).specification.labels ?? [:]
    }

    /// Returns the labels of a name; nil if it has none.
    func record(_ name: String) throws -> [String: String]? {
        try value("configs", name).map { $0.specification.labels ?? [:] }
    }

    func removeRecord(_ name: String) throws { try remove("configs", name) }

    private func value(_ kind: String, _ name: String) throws -> Docker.StoredValue? {
        let response = try client.send("GET", .init(kind, name))
        if response.status == 404 { return nil }
        guard response.isSuccess else { throw client.failure(response.status, response.body) }
        return try DockerClient.decode(Docker.StoredValue.self, response.body)
    }

    private func ensureValue(
        _ kind: String, _ name: String, _ content: [UInt8], _ labels: [String: String]
    ) throws -> Docker.StoredValue {
        if let existing = try value(kind, name) { return existing }
        let request = Docker.StoredValueRequest(name: name, labels: labels, data: Data(content).base64EncodedString())
        let response = try client.send("POST", .init(kind, "create"), body: request)
        // Another request may have created it meanwhile.
        guard response.isSuccess || response.status == 409 else { throw client.failure(response.status, response.body) }
        guard let created = try value(kind, name) else {
            throw EngineFailure(kind: .failed, reason: "The swarm does not have \(name), which it has just stored")
        }
        return created
    }
}

/// The specification of a service, which goes back to the manager with all fields that are not known here.
struct SwarmServiceSpecification {
    fileprivate(set) var json: JSONValue

    private static let container = ["TaskTemplate", "ContainerSpec"]

    /// The number of containers: 0 or 1.
    var replicas: Int {
        get { json.value(["Mode", "Replicated", "Replicas"]).integerValue ?? 0 }
        set { json.set(["Mode", "Replicated", "Replicas"], to: .integer(newValue)) }
    }

    /// The number of the latest start.
    var generation: Int {
        get { json.value(["TaskTemplate", "ForceUpdate"]).integerValue ?? 0 }
        set { json.set(["TaskTemplate", "ForceUpdate"], to: .integer(newValue)) }
    }

    var labels: [String: String] {
        get { json.value(["Labels"]).texts }
        set { json.set(["Labels"], to: .object(newValue.mapValues(JSONValue.string))) }
    }

    var containerLabels: [String: String] {
        get { json.value(Self.container + ["Labels"]).texts }
        set { json.set(Self.container + ["Labels"], to: .object(newValue.mapValues(JSONValue.string))) }
    }

    var environment: [String] {
        get { json.value(Self.container + ["Env"]).list }
        set { json.set(Self.container + ["Env"], to: .array(newValue.map(JSONValue.string))) }
    }

    var constraints: [String] {
        get { json.value(["TaskTemplate", "Placement", "Constraints"]).list }
        set { json.set(["TaskTemplate", "Placement", "Constraints"], to: .array(newValue.map(JSONValue.string))) }
    }
}

extension JSONValue {
    /// The value of a field; null if this is not an object that has it.
    fileprivate subscript(_ name: String) -> JSONValue {
        guard case .object(let fields) = self else { return .null }
        return fields[name] ?? .null
    }

    fileprivate func value(_ path: [String]) -> JSONValue { path.reduce(self) { $0[$1] } }

    /// The texts of an array.
    fileprivate var list: [String] {
        guard case .array(let values) = self else { return [] }
        return values.compactMap(\.stringValue)
    }

    /// The texts of an object.
    fileprivate var texts: [String: String] {
        guard case .object(let fields) = self else { return [:] }
        return fields.compactMapValues(\.stringValue)
    }

    /// Sets the value at a path of fields, which are created if they do not exist.
    fileprivate mutating func set(_ path: [String], to value: JSONValue) { set(path[...], to: value) }

    private mutating func set(_ path: ArraySlice<String>, to value: JSONValue) {
        guard let name = path.first else {
            self = value
            return
        }
        var fields: [String: JSONValue] = [:]
        if case .object(let existing) = self { fields = existing }
        var field = fields[name] ?? .null
        field.set(path.dropFirst(), to: value)
        fields[name] = field
        self = .object(fields)
    }
}
