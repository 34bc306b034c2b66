import PodstackAPI

// The bodies of the pod and volume routes as the values of the domain's requests. Only types are checked here; the domain
// validates the values.

extension PodRequest {
    /// Reads the body of `POST /v1/pods`.
    init(json fields: [String: JSONValue]) throws {
        var reader = FieldReader(
            fields, of: "a pod",
            known: [
                "name", "image", "gpu_type", "gpu_count", "cpu", "memory", "disk", "ports", "env", "command", "volumes",
                "labels", "project_id", "registry_auth", "stop_after", "delete_after", "max_cost", "token_scopes",
            ])
        var values = Values()
        values.name = reader.takeString("name")
        values.image = reader.takeString("image")
        values.gpuType = reader.takeUnlessNull("gpu_type", FieldReader.string)
        values.gpuCount = reader.takeUnlessNull("gpu_count", FieldReader.integer)
        values.cpu = reader.takeUnlessNull("cpu", FieldReader.number)
        values.memory = reader.takeUnlessNull("memory", FieldReader.integer)
        values.disk = reader.takeUnlessNull("disk", FieldReader.integer)
        values.ports = reader.takeUnlessNull("ports", FieldReader.integers)
        values.environment = reader.takeUnlessNull("env", FieldReader.texts)
        values.command = reader.takeUnlessNull("command", FieldReader.string)
        values.volumes = reader.takeUnlessNull("volumes", Self.mounts)
        values.labels = reader.takeUnlessNull("labels", FieldReader.texts)
        values.projectID = reader.takeUnlessNull("project_id", FieldReader.string)
        values.registry = reader.takeUnlessNull("registry_auth", Self.registry)
        values.stopAfter = reader.takeUnlessNull("stop_after", FieldReader.seconds)
        values.deleteAfter = reader.takeUnlessNull("delete_after", FieldReader.seconds)
        values.maxCost = reader.takeUnlessNull("max_cost", FieldReader.number)
        values.tokenScopes = reader.takeStringsOrNull("token_scopes") ?? nil
        try self.init(values, problems: reader.problems)
    }

    private static func mounts(
        _ value: JSONValue
    ) throws(InvalidValue) -> [(volumeID: String, mountPath: String)] {
        let problem = InvalidValue("must be a list of objects with volume_id and mount_path")
        guard case .array(let elements) = value else { throw problem }
        var mounts: [(volumeID: String, mountPath: String)] = []
        for element in elements {
            guard case .object(let fields) = element, fields.count == 2, let id = fields["volume_id"]?.stringValue,
                let path = fields["mount_path"]?.stringValue
            else { throw problem }
            mounts.append((id, path))
        }
        return mounts
    }

    private static func registry(_ value: JSONValue) throws(InvalidValue) -> (username: String, password: String) {
        guard case .object(let fields) = value, fields.count == 2, let username = fields["username"]?.stringValue,
            let password = fields["password"]?.stringValue
        else { throw InvalidValue("must be an object with username and password") }
        return (username, password)
    }
}

extension PodUpdate {
    /// Reads the body of `PATCH /v1/pods/{pod}`.
    init(json fields: [String: JSONValue]) throws {
        var reader = FieldReader(
            fields, of: "a pod that can change", known: ["name", "labels", "stop_after", "delete_after", "max_cost"])
        var values = Values()
        values.name = reader.takeString("name")
        values.labels = reader.take("labels", FieldReader.texts)
        values.stopAfter = reader.takeOrNull("stop_after", FieldReader.seconds)
        values.deleteAfter = reader.takeOrNull("delete_after", FieldReader.seconds)
        values.maxCost = reader.takeOrNull("max_cost", FieldReader.number)
        try self.init(values, problems: reader.problems)
    }
}

extension VolumeRequest {
    /// Reads the body of `POST /v1/volumes`.
    init(json fields: [String: JSONValue]) throws {
        var reader = FieldReader(fields, of: "a volume", known: ["name", "project_id"])
        let name = reader.takeString("name")
        let projectID = reader.takeUnlessNull("project_id", FieldReader.string)
        try self.init(name: name, projectID: projectID, problems: reader.problems)
    }
}

// MARK: - Types of values

extension FieldReader {
    /// Returns the value of a field that may be `null`, which means the same as a missing one.
    mutating func takeUnlessNull<Value>(
        _ name: String, _ read: (JSONValue) throws(InvalidValue) -> Value
    ) -> Value? {
        takeOrNull(name, read) ?? nil
    }

    /// Returns the value of a field that may be `null`.
    ///
    /// - Returns: `.some(nil)` for `null`; nil if the field is missing or invalid.
    mutating func takeOrNull<Value>(_ name: String, _ read: (JSONValue) throws(InvalidValue) -> Value) -> Value?? {
        take(name) { value throws(InvalidValue) -> Value? in value == .null ? nil : try read(value) }
    }

    static func string(_ value: JSONValue) throws(InvalidValue) -> String {
        guard let text = value.stringValue else { throw InvalidValue("must be a string") }
        return text
    }

    static func integer(_ value: JSONValue) throws(InvalidValue) -> Int {
        guard let number = value.integerValue else { throw InvalidValue("must be a whole number") }
        return number
    }

    static func number(_ value: JSONValue) throws(InvalidValue) -> Double {
        guard let number = value.doubleValue else { throw InvalidValue("must be a number") }
        return number
    }

    static func integers(_ value: JSONValue) throws(InvalidValue) -> [Int] {
        guard case .array(let values) = value, case let numbers = values.compactMap(\.integerValue),
            numbers.count == values.count
        else { throw InvalidValue("must be a list of whole numbers") }
        return numbers
    }

    static func texts(_ value: JSONValue) throws(InvalidValue) -> [String: String] {
        guard case .object(let values) = value, case let texts = values.compactMapValues(\.stringValue),
            texts.count == values.count
        else { throw InvalidValue("must be an object whose values are strings") }
        return texts
    }

    /// Returns the seconds of a number, or of a text such as `90m`.
    static func seconds(_ value: JSONValue) throws(InvalidValue) -> Int {
        if let seconds = value.integerValue { return seconds }
        guard let text = value.stringValue else { throw DurationText.invalid }
        return try DurationText.seconds(text)
    }
}
