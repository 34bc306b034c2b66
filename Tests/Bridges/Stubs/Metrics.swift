// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation
// The part of swift-metrics' API that the bridge uses, in the same shape.

public final class Counter: Sendable {
    let label: String
    let dimensions: [(String, String)]
    public init(label: String, dimensions: [(String, String)] = []) {
        (self.label, self.dimensions) = (label, dimensions)
    }
    public func increment<DataType: BinaryInteger>(by amount: DataType) { print(label, dimensions.count, amount) }
    public func increment() { increment(by: 1) }
}

public final class Timer: Sendable {
    let label: String
    let dimensions: [(String, String)]
    public init(label: String, dimensions: [(String, String)] = []) {
        (self.label, self.dimensions) = (label, dimensions)
    }
    public func recordNanoseconds(_ duration: Int64) { print(label, dimensions.count, duration) }
}
