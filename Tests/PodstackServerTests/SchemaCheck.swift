import PodstackAPI

/// Checks a JSON value against a schema of the OpenAPI document, with the part of JSON Schema that the document uses.
struct SchemaCheck {
    let document: JSONValue

    /// Returns each mismatch with its path.
    func faults(_ value: JSONValue, _ schema: JSONValue, _ path: String = "$") -> [String] {
        if let reference = schema["$ref"]?.stringValue {
            let target = reference.split(separator: "/").dropFirst()
                .reduce(Optional(document)) { $0?[String($1)] }
            return target.map { faults(value, $0, path) } ?? ["\(path): \(reference) is not there"]
        }
        if case .array(let choices)? = schema["anyOf"] {
            let fits = choices.contains { faults(value, $0, path).isEmpty }
            return fits ? [] : ["\(path): fits none of the choices"]
        }
        if case .array(let allowed)? = schema["enum"], !allowed.contains(value) { return ["\(path): is not allowed"] }
        switch (schema["type"]?.stringValue, value) {
        case (nil, _), ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer),
            ("number", .number):
            return []
        case ("string", .string(let text)):
            let isTime = schema["format"] != "date-time" || Timestamp.parse(text) != nil
            return isTime ? [] : ["\(path): is no time"]
        case ("array", .array(let elements)):
            return elements.enumerated().flatMap { faults($1, schema["items"] ?? .null, "\(path)[\($0)]") }
        case ("object", .object(let fields)): return faults(fields, schema, path)
        case (let type?, _): return ["\(path): is not of type \(type)"]
        }
    }

    private func faults(_ fields: [String: JSONValue], _ schema: JSONValue, _ path: String) -> [String] {
        var faults: [String] = []
        if case .array(let required)? = schema["required"] {
            faults += required.compactMap(\.stringValue).filter { fields[$0] == nil }.map {
                "\(path).\($0): is missing"
            }
        }
        for (name, value) in fields {
            if let property = schema["properties"]?[name] {
                faults += self.faults(value, property, "\(path).\(name)")
            } else if schema["additionalProperties"] == .bool(false) {
                faults.append("\(path).\(name): is not described")
            } else if let other = schema["additionalProperties"], schema["properties"] == nil {
                faults += self.faults(value, other, "\(path).\(name)")
            }
        }
        return faults
    }
}

extension JSONValue {
    subscript(name: String) -> JSONValue? { if case .object(let fields) = self { fields[name] } else { nil } }
}
