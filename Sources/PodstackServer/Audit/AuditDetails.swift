import PodstackAPI

extension [String: JSONValue] {
    /// The values that differ, as they were and as they are.
    static func changed(from old: [String: JSONValue], to new: [String: JSONValue]) -> [String: JSONValue] {
        let names = Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }
        func only(_ values: [String: JSONValue]) -> JSONValue {
            .object(Dictionary(uniqueKeysWithValues: names.map { ($0, values[$0] ?? .null) }))
        }
        return ["old": only(old), "new": only(new)]
    }
}

extension ProjectRecord {
    /// What the audit log tells of a project.
    var audited: [String: JSONValue] {
        ["name": .string(name), "description": description.map(JSONValue.string) ?? .null]
    }
}
