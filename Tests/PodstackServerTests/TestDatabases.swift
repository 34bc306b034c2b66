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

// MARK: - Overtaken transactions

/// A database on which something else happens once at a chosen moment, as another request might make it happen.
final class OvertakenDatabase: Database {
    /// A moment, counted from the call of ``overtake(_:by:)``, from 1.
    enum Moment: Sendable, Equatable {
        case afterRead(Int)
        case beforeWrite(Int)
    }

    private struct Plan {
        var moment: Moment
        var reads = 0
        var writes = 0
        var act: @Sendable () throws -> Void
    }

    private let inner: any Database
    private let plan = Mutex<Plan?>(nil)
    private let committed = Atomic<Int>(0)

    init(_ inner: any Database) { self.inner = inner }

    /// Whether the moment is still to come.
    var isDue: Bool { plan.withLock { $0 != nil } }

    /// The number of writes that were not rolled back, since the last call of ``overtake(_:by:)``.
    var commits: Int { committed.load(ordering: .relaxed) }

    func overtake(_ moment: Moment, by act: @escaping @Sendable () throws -> Void) {
        committed.store(0, ordering: .relaxed)
        plan.withLock { $0 = Plan(moment: moment, act: act) }
    }

    func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        let result = try inner.read(body)
        try pass { plan in
            plan.reads += 1
            return .afterRead(plan.reads)
        }
        return result
    }

    func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
        try pass { plan in
            plan.writes += 1
            return .beforeWrite(plan.writes)
        }
        let result = try inner.write(body)
        committed.add(1, ordering: .relaxed)
        return result
    }

    private func pass(_ count: (inout Plan) -> Moment) throws {
        let act: (@Sendable () throws -> Void)? = plan.withLock { plan in
            guard var current = plan else { return nil }
            let isNow = count(&current) == current.moment
            plan = isNow ? nil : current
            return isNow ? current.act : nil
        }
        try act?()
    }

    func checkWritable() throws { try inner.checkWritable() }
}
