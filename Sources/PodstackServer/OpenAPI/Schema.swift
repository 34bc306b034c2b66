import PodstackAPI

/// Makes the JSON Schemas of the document.
enum Schema {
    static let string: JSONValue = ["type": "string"]
    /// What may be in a query: the URL has no NUL.
    static let parameter: JSONValue = ["type": "string", "pattern": #"^[^\u0000]*$"#]
    /// What may be between two slashes of a path.
    static let segment: JSONValue = ["type": "string", "pattern": #"^[^/\u0000]+$"#]
    static let time: JSONValue = ["type": "string", "format": "date-time"]
    static let boolean: JSONValue = ["type": "boolean"]
    static let any: JSONValue = .object([:])
    static let scope: JSONValue = choice(
        ["*"] + Scope.resources.flatMap { resource in (Scope.actions + ["*"]).map { "\(resource):\($0)" } })

    static func choice(_ values: [String]) -> JSONValue {
        ["type": "string", "enum": .array(values.map(JSONValue.string))]
    }

    static func text(_ lengths: ClosedRange<Int>, pattern: String? = nil) -> JSONValue {
        var fields: [String: JSONValue] = [
            "type": "string", "minLength": .integer(lengths.lowerBound), "maxLength": .integer(lengths.upperBound),
        ]
        if let pattern { fields["pattern"] = .string(pattern) }
        return .object(fields)
    }

    static func integer(from least: Int, to most: Int? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "integer", "minimum": .integer(least)]
        if let most { fields["maximum"] = .integer(most) }
        return .object(fields)
    }

    static func list(of element: JSONValue, _ counts: ClosedRange<Int>? = nil) -> JSONValue {
        var fields: [String: JSONValue] = ["type": "array", "items": element]
        if let counts {
            fields["minItems"] = .integer(counts.lowerBound)
            fields["maxItems"] = .integer(counts.upperBound)
        }
        return .object(fields)
    }

    static func orNull(_ schema: JSONValue) -> JSONValue {
        ["anyOf": .array([schema, ["type": "null"]])]
    }

    static func reference(_ name: String) -> JSONValue { ["$ref": .string("#/components/schemas/\(name)")] }

    static func object(_ required: [String: JSONValue], optional: [String: JSONValue] = [:]) -> JSONValue {
        var fields: [String: JSONValue] = [
            "type": "object", "properties": .object(required.merging(optional) { first, _ in first }),
            "additionalProperties": .bool(false),
        ]
        if !required.isEmpty { fields["required"] = .array(required.keys.sorted().map(JSONValue.string)) }
        return .object(fields)
    }

    /// The same schema, with what else must hold.
    static func with(_ more: [String: JSONValue], _ schema: JSONValue) -> JSONValue {
        guard case .object(let fields) = schema else { return schema }
        return .object(fields.merging(more) { $1 })
    }

    /// Holds where all of these fields are there.
    static func has(_ names: String...) -> JSONValue { ["required": .array(names.map(JSONValue.string))] }

    static func page(_ key: String, of element: String) -> JSONValue {
        object([key: list(of: reference(element)), "next_cursor": orNull(string)])
    }
}
