import Synchronization

@testable import PodstackServer

/// A database that counts its transactions.
final class CountingDatabase: Database {
    private let inner: any Database
    private let count = Atomic<Int>(0)

    init(_ inner: any Database) { self.inner = inner }

    var calls: Int { count.load(ordering: .relaxed) }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        count.add(1, ordering: .relaxed)
        return try inner.read(body)
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        count.add(1, ordering: .relaxed)
        return try inner.write(body)
    }
}
