import PodstackAPI

/// The OpenAPI 3.1 document, made from the table of routes. Source: the OpenAPI Specification, version 3.1.0.
enum OpenAPIDocument {
    static func make(_ routes: [Route]) -> JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes { paths[route.path, default: [:]][route.method.lowercased()] = operation(route) }
        return [
            "openapi": "3.1.0",
            "info": ["title": "Podstack", "version": .string(ServerTool.versionNumber)],
            "servers": .array([["url": "/"]]),
            "paths": .object(paths.mapValues(JSONValue.object)),
            "components": [
                "schemas": .object(Schema.all),
                "securitySchemes": ["token": ["type": "http", "scheme": "bearer"]],
                "responses": [
                    "Error": [
                        "description": "Why the request was not granted",
                        "content": ["application/json": ["schema": Schema.reference("Error")]],
                    ]
                ],
            ],
        ]
    }

    private static func operation(_ route: Route) -> JSONValue {
        let shape = route.operation.shape
        var fields: [String: JSONValue] = [
            "operationId": .string(route.operation.rawValue), "summary": .string(shape.summary),
            "security": .array(security(route.access)), "responses": .object(responses(route, shape)),
        ]
        let parameters = parameters(route, shape)
        if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
        if let body = shape.body {
            fields["requestBody"] = [
                "required": .bool(!shape.isBodyOptional),
                "content": ["application/json": ["schema": Schema.reference(body)]],
            ]
        }
        return .object(fields)
    }

    private static func security(_ access: Access) -> [JSONValue] {
        switch access {
        case .anybody: []
        case .anyToken: [["token": .array([])]]
        case .scope(let scope), .project(let scope): [["token": .array([.string(scope.description)])]]
        }
    }

    private static func parameters(_ route: Route, _ shape: Operation.Shape) -> [JSONValue] {
        func parameter(_ place: String, _ name: String, _ schema: JSONValue, isRequired: Bool) -> JSONValue {
            ["in": .string(place), "name": .string(name), "required": .bool(isRequired), "schema": schema]
        }
        var parameters = route.pattern.filter { $0.hasPrefix("{") }.map {
            parameter("path", String($0.dropFirst().dropLast()), Schema.segment, isRequired: true)
        }
        parameters += shape.query.map { parameter("query", $0.name, $0.schema, isRequired: $0.isRequired) }
        guard route.hasCaller else { return parameters }
        parameters.append(parameter("header", "X-Project-ID", Schema.string, isRequired: false))
        if route.method == "POST" {
            let key = Schema.text(1...255, pattern: "^[!-~]+$")
            parameters.append(parameter("header", "Idempotency-Key", key, isRequired: false))
        }
        return parameters
    }

    private static func responses(_ route: Route, _ shape: Operation.Shape) -> [String: JSONValue] {
        var success: [String: JSONValue] = ["description": .string(shape.summary)]
        if let answer = shape.answer {
            var content: [String: JSONValue] = [shape.answerType: ["schema": Schema.reference(answer)]]
            if route.operation == .listAuditLogs { content["text/csv"] = ["schema": Schema.string] }
            success["content"] = .object(content)
        }
        var statuses = [400, 414, 431, 500, 503]
        if route.hasCaller { statuses += [401, 403, 404, 406, 429] }
        if shape.body != nil { statuses += [413, 415, 422, 429] }
        if !shape.query.isEmpty { statuses.append(422) }
        if route.hasCaller, route.method != "GET" { statuses.append(409) }
        var responses: [String: JSONValue] = [String(shape.status): .object(success)]
        for status in statuses { responses[String(status)] = ["$ref": "#/components/responses/Error"] }
        return responses
    }
}
