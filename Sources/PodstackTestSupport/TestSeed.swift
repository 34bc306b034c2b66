#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The seeds of random tests, which print them, so that a failure can be repeated with `PODSTACK_TEST_SEED`.
package enum TestSeed {
    private static let given: UInt64? = {
        guard let text = ProcessInfo.processInfo.environment["PODSTACK_TEST_SEED"] else { return nil }
        guard let seed = UInt64(text) else { preconditionFailure("PODSTACK_TEST_SEED must be a number") }
        return seed
    }()

    /// The seeds for the arguments of a test: 1 and a random one, or only that of `PODSTACK_TEST_SEED`.
    ///
    /// Swift Testing prints the arguments of a test that fails.
    package static let selected: [UInt64] = given.map { [$0] } ?? [1, .random(in: 2...UInt64.max)]

    /// Returns a generator whose seed is that of `PODSTACK_TEST_SEED` or a random one, and prints the seed.
    package static func generator(of test: String = #function) -> SeededGenerator {
        let seed = given ?? .random(in: 0...UInt64.max)
        print("\(test): PODSTACK_TEST_SEED=\(seed)")
        return SeededGenerator(seed: seed)
    }
}

/// A SplitMix64 generator: one seed always gives the same numbers.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
