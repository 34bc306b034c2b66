import PodstackAPI

/// The OpenAPI 3.1 document, built from the table of routes.
///
/// Source: the OpenAPI Specification, version 3.1.0.
enum OpenAPIDocument {
    /// Returns the routes together with the one that serves the document, which describes itself too.
    static func adding(to routes: [Route], version: String) throws -> [Route] {
        func route(_ body: [UInt8]) -> Route {
            let constant = ConstantBody(body)
            return Route("GET", "/openapi.json", .noToken, .getDocument, on: .memory()) { _ in
                var response = Response(status: 200, body: body)
                response.constant = constant
                return response
            }
        }
        return routes + [route(try APICoding.encode(create(routes + [route([])], version: version)))]
    }

    static func create(_ routes: [Route], version: String) -> JSONValue {
        var paths: [String: [String: JSONValue]] = [:]
        for route in routes { paths[route.path, default: [:]][route.method.lowercased()] = describe(route) }
        return [
            "openapi": "3.1.0",
            "info": [
                "title": "Podstack", "version": .string(version), "summary": "The API of Podstack, the GPU cloud",
                "description": .string(introduction), "license": ["name": "MIT", "identifier": "MIT"],
            ],
            "servers": .array([["url": "/", "description": "This service"]]),
            "tags": .array(
                OperationTag.allCases.map {
                    ["name": .string($0.rawValue), "description": .string($0.description)]
                }),
            "paths": .object(paths.mapValues(JSONValue.object)),
            "components": [
                "schemas": .object(Schema.all),
                "securitySchemes": [
                    "token": [
                        "type": "http", "scheme": "bearer", "bearerFormat": "podstack_…",
                        "description": "An API token. The scope that an operation requires is in its list.",
                    ]
                ],
                "responses": [
                    "Error": error("The request failed; the body says why", "Error", Examples.errors),
                    "OAuthError": error(
                        "The request failed; the body says why, as RFC 6749 defines it", "OAuthError",
                        Examples.oauthErrors),
                ],
            ],
        ]
    }

    private static let introduction = """
        Authenticate with `Authorization: Bearer TOKEN`. Times are ISO 8601 in UTC. IDs are opaque: do not parse \
        them.

        Lists are paged: send the `next_cursor` of a page as `cursor` to get the next one; it is `null` on the last \
        page.

        An unknown field in a body is an error, so that a misspelled restriction never means no restriction. Every \
        response has an `X-Request-ID`, which an error repeats as `request_id`.
        """

    private static func error(_ description: String, _ schema: String, _ examples: [String: JSONValue]) -> JSONValue {
        [
            "description": .string(description),
            "content": [
                "application/json": [
                    "schema": Schema.reference(schema),
                    "examples": .object(examples.mapValues { ["value": $0] }),
                ]
            ],
        ]
    }

    /// Returns the description of a body, with an example of it.
    private static func content(_ schema: JSONValue, _ example: JSONValue?) -> JSONValue {
        guard let example else { return ["schema": schema] }
        return ["schema": schema, "example": example]
    }

    private static func describe(_ route: Route) -> JSONValue {
        let details = route.operation.details
        var fields: [String: JSONValue] = [
            "operationId": .string(route.operation.rawValue), "summary": .string(details.summary),
            "tags": .array([.string(route.operation.tag.rawValue)]),
            "security": .array(security(route.access)), "responses": .object(responses(route, details)),
        ]
        if let description = details.description { fields["description"] = .string(description) }
        let parameters = parameters(route, details)
        if !parameters.isEmpty { fields["parameters"] = .array(parameters) }
        if let body = details.body {
            fields["requestBody"] = [
                "required": .bool(!details.isBodyOptional),
                "content": [details.bodyType: content(Schema.reference(body), Examples.requests[body])],
            ]
        }
        return .object(fields)
    }

    private static func security(_ access: Access) -> [JSONValue] {
        switch access {
        case .noToken: []
        case .anyToken, .ownMembership, .projectOrOwnMembership: [["token": .array([])]]
        case .scope(let scope), .project(let scope), .object(let scope):
            [["token": .array([.string(scope.description)])]]
        }
    }

    private static func parameters(_ route: Route, _ details: OperationDescription) -> [JSONValue] {
        func parameter(
            _ place: String, _ name: String, _ schema: JSONValue, isRequired: Bool, _ own: Examples.Parameter? = nil
        ) -> JSONValue {
            var fields: [String: JSONValue] = [
                "in": .string(place), "name": .string(name), "required": .bool(isRequired), "schema": schema,
            ]
            if let text = own ?? Examples.parameters[name == "id" ? resource(of: route) : name] {
                fields["description"] = .string(text.description)
                fields["example"] = text.example
            }
            return .object(fields)
        }
        var parameters = route.pattern.filter { $0.hasPrefix("{") }.map {
            parameter("path", String($0.dropFirst().dropLast()), Schema.segment, isRequired: true)
        }
        parameters += details.query.map {
            parameter("query", $0.name, $0.schema, isRequired: $0.isRequired, $0.meaning)
        }
        guard route.requiresToken else { return parameters }
        parameters.append(parameter("header", "X-Project-ID", Schema.string, isRequired: false))
        if route.method == "POST" {
            let key = Schema.text(1...255, pattern: "^[!-~]+$")
            parameters.append(parameter("header", "Idempotency-Key", key, isRequired: false))
        }
        return parameters
    }

    /// Returns the kind of resource that `{id}` names: what the path lists before it.
    private static func resource(of route: Route) -> String {
        let list = route.pattern.firstIndex(of: "{id}").flatMap { $0 > 0 ? route.pattern[$0 - 1] : nil } ?? ""
        return String(list.dropLast())
    }

    private static func responses(_ route: Route, _ details: OperationDescription) -> [String: JSONValue] {
        var success: [String: JSONValue] = ["description": .string(details.summary)]
        if let response = details.response {
            var types = [details.responseType: content(Schema.reference(response), Examples.responses[response])]
            if route.operation == .listAuditLogs { types["text/csv"] = content(Schema.string, Examples.csv) }
            success["content"] = .object(types)
        }
        var statuses = [400, 414, 431, 500, 503]
        if route.requiresToken { statuses += [401, 403, 404, 406, 429] }
        if details.body != nil { statuses += [413, 415, 429] }
        if details.body != nil { statuses.append(details.isOAuth ? 401 : 422) }
        // A query parameter, or an Idempotency-Key of another request, can be invalid.
        if !details.query.isEmpty || route.requiresToken && route.method == "POST" { statuses.append(422) }
        if route.requiresToken, route.method != "GET" { statuses.append(409) }
        // Without the ID in the middle, the path is that of another route.
        if route.pattern.count > 4, route.pattern.last?.hasPrefix("{") == false { statuses.append(405) }
        statuses += details.otherErrors
        var responses: [String: JSONValue] = [String(details.status): .object(success)]
        for status in details.otherSuccesses { responses[String(status)] = ["description": .string(details.summary)] }
        let error: JSONValue = .string("#/components/responses/\(details.isOAuth ? "OAuthError" : "Error")")
        for status in statuses { responses[String(status)] = ["$ref": error] }
        return responses
    }
}
