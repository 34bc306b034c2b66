import PodstackAPI

/// Makes the JSON Schemas of the document.
enum Schema {
    static let string: JSONValue = ["type": "string"]
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

    static func page(_ key: String, of element: String) -> JSONValue {
        object([key: list(of: reference(element)), "next_cursor": orNull(string)])
    }
}
