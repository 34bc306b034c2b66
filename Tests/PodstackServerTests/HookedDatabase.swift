import Synchronization

@testable import PodstackServer

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
}
