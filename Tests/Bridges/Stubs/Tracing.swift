// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// The part of swift-distributed-tracing's API that the bridge uses, in the same shape.

public struct ServiceContext: Sendable {
    public static let topLevel = ServiceContext()
    @TaskLocal public static var current: ServiceContext?
}

public enum SpanKind: Sendable { case server, client, producer, consumer, `internal` }

public enum SpanAttribute: Sendable, ExpressibleByStringLiteral {
    case int32(Int32), int64(Int64), double(Double), bool(Bool), string(String)
    public init(stringLiteral value: String) { self = .string(value) }
}

public struct SpanAttributes: Sendable {
    private var values: [String: SpanAttribute] = [:]
    public subscript(_ name: String) -> SpanAttribute? {
        get { values[name] }
        set { values[name] = newValue }
    }
}

public protocol Span: Sendable {
    var context: ServiceContext { get }
    var attributes: SpanAttributes { get nonmutating set }
}

public protocol Injector: Sendable {
    associatedtype Carrier: Sendable
    func inject(_ value: String, forKey key: String, into carrier: inout Carrier)
}

public protocol Instrument: Sendable {
    func inject<Carrier, Inject>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject: Injector, Inject.Carrier == Carrier
}

struct StubInstrument: Instrument {
    func inject<Carrier, Inject>(_ context: ServiceContext, into carrier: inout Carrier, using injector: Inject)
    where Inject: Injector, Inject.Carrier == Carrier {
        injector.inject("00-1-2-01", forKey: "traceparent", into: &carrier)
    }
}

public enum InstrumentationSystem { public static var instrument: any Instrument { StubInstrument() } }

struct StubSpan: Span {
    var context: ServiceContext { .topLevel }
    var attributes: SpanAttributes {
        get { SpanAttributes() }
        nonmutating set {}
    }
}

public func withSpan<T>(
    _ operationName: String, context: @autoclosure () -> ServiceContext = .current ?? .topLevel,
    ofKind kind: SpanKind = .internal, isolation: isolated (any Actor)? = #isolation, function: String = #function,
    file fileID: String = #fileID, line: UInt = #line, _ operation: (any Span) async throws -> T
) async rethrows -> T { try await operation(StubSpan()) }
