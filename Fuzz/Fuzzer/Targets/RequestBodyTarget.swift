import PodstackAPI

@testable import PodstackServer

/// JSON bodies, as the body of every kind of request that has one.
enum RequestBodyTarget {
    private static let now: Int64 = 1_800_000_000

    static func run(_ input: [UInt8]) {
        let body = FuzzInput.inserting(FuzzInput.token, in: input)
        let request = Request(
            method: "POST", path: "/v1/tokens", headers: [("content-type", "application/json")], body: body)
        guard let fields = attempt({ try JSONBody.object(of: request) }, [400, 422]) else { return }
        // Other JSON parsers may accept more, but must read the same.
        let other = try? APICoding.decode(JSONValue.self, from: body)
        require(other.map(comparable) == comparable(.object(fields)), "Foundation reads the same values")
        if let token = attempt({ try TokenRequest(json: fields, at: now) }) { check(token) }
        if let update = attempt({ try TokenUpdate(json: fields) }) {
            check(name: update.name, scopes: update.scopes)
        }
        if let rotation = attempt({ try RotationRequest(json: fields, tokenID: "zab5rrb1") }) {
            require((0...604_800).contains(rotation.graceSeconds), "the grace is at most 7 days")
            require(rotation.sha256.map { $0.count == 32 } ?? true, "a digest has 32 bytes")
        }
        for isNew in [false, true] {
            if let project = attempt({ try ProjectRequest(fields, isNew: isNew) }) {
                check(name: project.name, scopes: nil)
                require(!isNew || project.name != nil, "a new project has a name")
            }
            _ = attempt { try MemberRequest(fields, isNew: isNew) }
        }
    }

    /// Returns a value in which numbers are compared by their value.
    private static func comparable(_ value: JSONValue) -> JSONValue {
        switch value {
        case .integer(let number): .number(Double(number))
        case .array(let values): .array(values.map(comparable))
        case .object(let fields): .object(fields.mapValues(comparable))
        default: value
        }
    }

    /// Returns nil if the body is rejected with one of the documented errors.
    private static func attempt<Value>(_ read: () throws -> Value, _ statuses: Set<Int> = [422]) -> Value? {
        do { return try read() } catch {
            AuthorizationTarget.check(error, statuses)
            return nil
        }
    }

    private static func check(_ token: TokenRequest) {
        check(name: token.name, scopes: token.scopes)
        if case .at(let time) = token.expiry {
            require(time >= now && time < 253_402_300_800, "it expires in the future, and before the year 10000")
        }
        require((token.id == nil) == (token.sha256 == nil), "id and digest go together")
        require(token.id.map(TokenFormat.isID) ?? true, "an id has its form")
        require(token.sha256.map { $0.count == 32 } ?? true, "a digest has 32 bytes")
    }

    private static func check(name: String?, scopes: [Scope]?) {
        if let name {
            require((1...100).contains(name.count), "a name has 1 to 100 characters")
            require(!name.unicodeScalars.contains { $0.properties.generalCategory == .control }, "and no controls")
            require(!TokenFormat.isContained(in: name), "and no token")
        }
        if let scopes {
            require(!scopes.isEmpty, "there is a scope")
            require(scopes.allSatisfy { Scope($0.description) == $0 }, "and each is one")
        }
    }
}
