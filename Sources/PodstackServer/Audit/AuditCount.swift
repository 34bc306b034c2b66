#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// How many events the audit log has ever had, outside the database.
//
// The seals of the log are in the database. A program that can write to the database, and has no pepper, cannot forge a
// seal, but it can put back an older state: a seal that was valid once, with the events of that time. It can also remove
// everything of an account. Both leave fewer events than were written, and only something that the program cannot reach
// tells that: a file beside the pepper.
//
// Invariants; the tests are in AuditCountTests:
//  1. The number is never greater than that of the events in an unchanged database: it grows only after the transaction is
//     durable, and a lock excludes that another process counts the same events.
//  2. It is smaller only after a process ended between its commit and the count, until the next start.
//
// Instances on PostgreSQL have no common file, so there is no such number.

/// The number of all audit events that were ever written, in a file of the data directory.
struct AuditCount: Sendable {
    let path: String

    /// The digits of the number in the file.
    private static let digits = 19
    /// The attempts to get the lock, and the pause between them: a stopped process must not stop the changes of others.
    private static let attempts = 200
    private static let pauseMicroseconds: UInt32 = 5_000

    /// The lock on the file, which is held until this is released.
    final class Lock {
        private let file: Int32

        fileprivate init(_ file: Int32) { self.file = file }

        deinit { close(file) }

        /// The number, or nil if the file has none.
        fileprivate var number: Int64? { AuditCount.number(in: file) }

        fileprivate func set(_ number: Int64) {
            let text = String(number)
            let zeros = String(repeating: "0", count: max(0, AuditCount.digits - text.utf8.count))
            let line = Array((zeros + text + "\n").utf8)
            // One call, which either changes all of these few bytes or, on a full disk, none.
            _ = pwrite(file, line, line.count, 0)
        }

        /// Counts events whose transaction is durable.
        func add(_ events: Int) {
            guard events > 0, let number else { return }
            let (sum, isTooLarge) = number.addingReportingOverflow(Int64(events))
            if !isTooLarge { set(sum) }
        }
    }

    /// Takes the lock, for a transaction that is about to be committed.
    ///
    /// - Returns: The lock, or nil if the file cannot be used. Then the events are counted at the next start: no change may
    ///   fail because of the file.
    func lock() -> Lock? { open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW) }

    private func open(_ path: String, _ flags: Int32) -> Lock? {
        let file = systemOpen(path, flags, 0o600)
        guard file >= 0 else { return nil }
        for _ in 0..<Self.attempts {
            if flock(file, LOCK_EX | LOCK_NB) == 0 { return Lock(file) }
            guard errno == EWOULDBLOCK || errno == EINTR else { break }
            usleep(Self.pauseMicroseconds)
        }
        close(file)
        return nil
    }

    /// Counts the events that are in the database and were not counted, or all if the file is missing.
    ///
    /// - Parameter events: Returns the number of the events that were ever written, according to the database.
    /// - Throws: The error of `events`.
    func raise(to events: () throws -> Int64) throws {
        guard let lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW) else { return }
        let events = try events()
        if lock.number ?? -1 < events { lock.set(events) }
    }

    /// The number in the file; nil if the file is missing or has none.
    var value: Int64? {
        let file = systemOpen(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0)
        guard file >= 0 else { return nil }
        defer { close(file) }
        return Self.number(in: file)
    }

    private static func number(in file: Int32) -> Int64? {
        var bytes = [UInt8](repeating: 0, count: digits)
        guard pread(file, &bytes, digits, 0) == digits else { return nil }
        return Int64(String(decoding: bytes, as: UTF8.self))
    }
}

/// The C library's `open`, which is shadowed by the method of the same name.
private let systemOpen: @Sendable (String, Int32, mode_t) -> Int32 = { open($0, $1, $2) }
