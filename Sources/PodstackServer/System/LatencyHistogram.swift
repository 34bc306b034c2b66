import Synchronization

/// Counts durations in buckets, without locks and allocations.
// Safe: the memory is allocated once, is freed with the object, and contains only atomics.
final class LatencyHistogram: @unchecked Sendable {
    /// The upper bounds of the buckets, in microseconds; a last bucket has none.
    static let bounds: [Int64] = [
        500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
        10_000_000,
    ]
    /// The bounds in nanoseconds, as a tuple would be: an array whose buffer is shared by all histograms.
    private static let nanoseconds = bounds.map { $0 * 1000 }

    /// The values of a histogram at one time.
    struct Values: Equatable {
        /// The number of durations in each bucket, those of smaller ones not included.
        var counts: [Int]
        var seconds: Double

        var count: Int { counts.reduce(0, +) }

        static let empty = Values(counts: [Int](repeating: 0, count: bounds.count + 1), seconds: 0)

        static func += (left: inout Values, right: Values) {
            for index in left.counts.indices { left.counts[index] += right.counts[index] }
            left.seconds += right.seconds
        }
    }

    /// One counter for each bucket, and the sum of the durations in nanoseconds.
    private let counters: UnsafeMutablePointer<Atomic<Int>>
    private static let size = bounds.count + 2

    init() {
        counters = .allocate(capacity: Self.size)
        for index in 0..<Self.size { (counters + index).initialize(to: Atomic(0)) }
    }

    deinit {
        counters.deinitialize(count: Self.size)
        counters.deallocate()
    }

    func record(nanoseconds: Int64) {
        var bucket = 0
        Self.nanoseconds.withUnsafeBufferPointer { bounds in
            while bucket < bounds.count, nanoseconds > bounds[bucket] { bucket += 1 }
        }
        counters[bucket].add(1, ordering: .relaxed)
        counters[Self.size - 1].add(Int(nanoseconds), ordering: .relaxed)
    }

    var values: Values {
        Values(
            counts: (0...Self.bounds.count).map { counters[$0].load(ordering: .relaxed) },
            seconds: Double(counters[Self.size - 1].load(ordering: .relaxed)) / 1e9)
    }
}
