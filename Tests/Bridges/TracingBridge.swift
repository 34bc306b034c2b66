// snippet
import Podstack
import Tracing

struct TracingBridge: ClientTracer {
    func withSpan<Value: Sendable>(
        _ name: String, _ body: @Sendable (any ClientSpan) async throws -> Value
    ) async throws -> Value {
        try await Tracing.withSpan(name, ofKind: .client) { span in try await body(BridgedSpan(span: span)) }
    }
}

struct BridgedSpan: ClientSpan, Injector {
    let span: any Span

    func set(_ attribute: String, to value: String) { span.attributes[attribute] = .string(value) }
    var headers: [HeaderField] {
        var headers: [HeaderField] = []
        InstrumentationSystem.instrument.inject(span.context, into: &headers, using: self)
        return headers
    }
    func inject(_ value: String, forKey key: String, into headers: inout [HeaderField]) {
        headers.append(HeaderField(key, value))
    }
}
// end
