import PodstackTestSupport
import Synchronization

@testable import PodstackServer

/// An empty database of the kind that the test runs on, without a service.
struct OpenedDatabase: Sendable {
    let database: any Database
    private let folder: TemporaryDirectory
    let cluster: PostgresCluster.Database?

    init() throws {
        folder = try TemporaryDirectory()
        cluster = try TestDatabase.current.create(for: .anything)
        database = try Self.open(folder, cluster)
    }

    /// Opens the database again, as another program would.
    func another() throws -> any Database { try Self.open(folder, cluster) }

    private static func open(
        _ folder: TemporaryDirectory, _ cluster: PostgresCluster.Database?
    ) throws -> any Database {
        guard let cluster else { return try SQLiteDatabase(path: folder.file("db")) }
        guard let url = PostgresURL(cluster.url) else { throw SetupFailure("no URL") }
        return PostgresDatabase(url)
    }
}

// MARK: - Counted transactions

/// A database that counts its transactions.
final class CountingDatabase: Database {
    private let inner: any Database
    private let count = Atomic<Int>(0)
    private let checks = Atomic<Int>(0)

    init(_ inner: any Database) { self.inner = inner }

    var calls: Int { count.load(ordering: .relaxed) }
    var writeChecks: Int { checks.load(ordering: .relaxed) }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        count.add(1, ordering: .relaxed)
        return try inner.read(body)
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        count.add(1, ordering: .relaxed)
        return try inner.write(body)
    }

    func checkWritable() throws {
        checks.add(1, ordering: .relaxed)
        try inner.checkWritable()
    }
}

// MARK: - A closure after a read

/// A database that runs a closure once, after a number of reads.
final class HookedDatabase: Database {
    private let inner: any Database
    private let hook: @Sendable () throws -> Void
    private let reads = Atomic<Int>(0)
    private let number: Int

    init(_ inner: any Database, afterRead number: Int, _ hook: @escaping @Sendable () throws -> Void) {
        self.inner = inner
        self.number = number
        self.hook = hook
    }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let result = try inner.read(body)
        if reads.add(1, ordering: .relaxed).newValue == number { try hook() }
        return result
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        try inner.write(body)
    }

    func checkWritable() throws { try inner.checkWritable() }
}
