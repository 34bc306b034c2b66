// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// Public names of SwiftUI and of frameworks for apps, with just enough behavior for a program to use them.

public struct EnvironmentValues { public var locale = "en_US" }

@propertyWrapper
public struct Environment<Value> {
    private let keyPath: KeyPath<EnvironmentValues, Value>
    public init(_ keyPath: KeyPath<EnvironmentValues, Value>) { self.keyPath = keyPath }
    public var wrappedValue: Value { EnvironmentValues()[keyPath: keyPath] }
}

@propertyWrapper
public struct State<Value> {
    public var wrappedValue: Value
    public init(wrappedValue: Value) { self.wrappedValue = wrappedValue }
}

public protocol View {
    associatedtype Body
    var body: Body { get }
}

public struct Text {
    public let content: String
    public init(_ content: String) { self.content = content }
}

public struct Setting { public init() {} }
public struct Settings { public init() {} }
public struct Configuration { public init() {} }
public struct Source { public init() {} }
public struct Shadow { public init() {} }
public struct Endpoint { public init() {} }
public struct Scene { public init() {} }
public struct Transaction { public init() {} }
public struct Page { public init() {} }
public struct Variable { public init() {} }
public struct Answer { public init() {} }
