/// The system's generator, for what must not be guessed.
///
/// Unlike the standard library's own it has a size: the thread sanitizer reads at the address of what is passed
/// `inout`, and a value without a size has none.
public struct SecureGenerator: RandomNumberGenerator, Sendable {
    private var count: UInt64 = 0

    public init() {}

    public mutating func next() -> UInt64 {
        count &+= 1
        return UInt64.random(in: .min ... .max)
    }
}
