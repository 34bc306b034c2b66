// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Public names of Vapor, Hummingbird, Fluent and swift-configuration, with just enough behavior for a program to use
// them.

public struct Environment: Sendable, Equatable {
    public let name: String
    public static let development = Environment(name: "development")
    public static func get(_ name: String) -> String? { nil }
}

public protocol Client { func get(_ url: String) async throws -> Response }

public struct Request {
    public var path: String
    public init(path: String) { self.path = path }
}

public struct Response {
    public var status: Int
    public init(status: Int) { self.status = status }
}

public final class Application {
    public let environment: Environment
    public private(set) var routes: [String: (Request) -> Response] = [:]
    public init(_ environment: Environment) { self.environment = environment }
    public func get(_ path: String, use handler: @escaping (Request) -> Response) { routes[path] = handler }
}

public struct Page<Item> {
    public var items: [Item]
    public init(items: [Item]) { self.items = items }
}

public struct PageRequest { public init() {} }
public struct Configuration { public init() {} }
public struct ConfigReader { public init() {} }
public struct ConfigKey { public init() {} }
public struct Setting { public init() {} }
public struct Source { public init() {} }
public struct Endpoint { public init() {} }
public struct EnvironmentVariable { public init() {} }
public struct Router { public init() {} }
public struct Route { public init() {} }
public struct Middleware { public init() {} }
public struct Session { public init() {} }
public struct Cookie { public init() {} }
public struct HTTPError: Error { public init() {} }
public struct Abort: Error { public init() {} }
public struct ValidationsError: Error { public init() {} }
public struct Model { public init() {} }
public struct Field { public init() {} }
public struct Database { public init() {} }
public struct Migration { public init() {} }
