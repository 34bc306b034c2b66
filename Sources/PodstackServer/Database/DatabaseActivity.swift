import Synchronization

/// Counts the transactions of a database, their durations and their failures.
final class DatabaseActivity: Sendable {
    enum Kind: Int, Sendable, CaseIterable { case read, write }

    let reads = LatencyHistogram()
    let writes = LatencyHistogram()
    private let failures = Mutex<[String: Int]>([:])

    /// Runs a transaction; the time includes waiting for a connection and for locks.
    func measure<Result>(_ kind: Kind, _ body: () throws -> Result) rethrows -> Result {
        let start = MonotonicClock.nanoseconds
        defer { (kind == .read ? reads : writes).record(nanoseconds: MonotonicClock.nanoseconds - start) }
        do { return try body() } catch {
            if let failure = error as? DatabaseFailure {
                failures.withLock { $0[failure.kind.rawValue, default: 0] += 1 }
            }
            throw error
        }
    }

    /// The failed transactions by the name of the failure's kind.
    var failuresByKind: [String: Int] {
        let all = Dictionary(uniqueKeysWithValues: DatabaseFailure.Kind.allCases.map { ($0.rawValue, 0) })
        return all.merging(failures.withLock { $0 }) { $1 }
    }
}

/// The connections of a database at one time.
struct DatabaseConnections: Sendable {
    /// The name of the pool.
    var pool: String
    var busy: Int
    var idle: Int
    var max: Int
}
