/// A resolved setting: its value, where it came from, and which other sources it hides.
public struct Setting<Value: Sendable & Hashable>: Sendable, Hashable {
    public var value: Value
    public var source: Source
    /// Sources of lower precedence that hold a value too.
    public var shadows: [Source]

    init(_ value: Value, _ source: Source, shadows: [Source] = []) {
        self.value = value
        self.source = source
        self.shadows = shadows
    }
}
