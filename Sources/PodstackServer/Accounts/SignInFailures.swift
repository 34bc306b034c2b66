import PodstackCryptography

/// Slows down password guessing: after some wrong passwords, each further one has to wait longer than the one before.
///
/// Failures are counted for an email address as tried from one neighborhood of client addresses. So failures elsewhere
/// lock no user out, and an unknown email address behaves like a known one.
///
/// A row has less than 200 bytes and there are at most ``capacity`` of them: an attacker cannot fill the disk.
struct SignInFailures: Sendable {
    /// The number of failures without a wait.
    private static let freeCount: Int64 = 5
    private static let maximumWaitSeconds: Int64 = 900
    /// The time after the last failure when the count starts over.
    private static let retentionSeconds: Int64 = 86_400
    /// The most rows that are stored; the oldest are removed first.
    static let capacity = 50_000

    let digest: SecretDigest
    /// Returns the time of the system's clock.
    ///
    /// Waits are compared with it and not with the service's clock, which is slow while it is ahead.
    let systemTime: @Sendable () -> Int64

    /// A count of failures, and the time of the last one in seconds since 1970.
    struct Count: Sendable, Equatable {
        var count: Int64
        var failedAt: Int64
    }

    /// Returns the seconds until the next attempt is allowed, or 0 if it is allowed now.
    func wait(_ email: String, from address: ClientAddress, in connection: any DatabaseConnection) throws -> Int64 {
        let now = systemTime()
        guard let failures = try find(email, address, now, connection), failures.count >= Self.freeCount else {
            return 0
        }
        let wait = min(Self.maximumWaitSeconds, 1 << min(failures.count - Self.freeCount, 20))
        return StoredTime.remaining(of: wait, since: failures.failedAt, now: now)
    }

    /// Counts a failure.
    func count(_ email: String, from address: ClientAddress, in connection: any DatabaseConnection) throws {
        let now = systemTime()
        let count = try find(email, address, now, connection)?.count ?? 0
        try SignInStore.removeFailures(until: now - Self.retentionSeconds, keeping: Self.capacity, in: connection)
        try SignInStore.setFailures(Count(count: count + 1, failedAt: now), key: key(email, address), in: connection)
    }

    /// Forgets the failures after a successful attempt.
    func forget(_ email: String, from address: ClientAddress, in connection: any DatabaseConnection) throws {
        try SignInStore.removeFailures(key: key(email, address), in: connection)
    }

    /// Forgets the failures for an email address from all client addresses.
    func forgetAll(_ email: String, in connection: any DatabaseConnection) throws {
        let first = prefix(EmailAddress.key(email))
        try SignInStore.removeFailures(
            from: first, through: first + Array(repeating: UInt8.max, count: first.count), in: connection)
    }

    private func find(
        _ email: String, _ address: ClientAddress, _ now: Int64, _ connection: any DatabaseConnection
    ) throws -> Count? {
        let found = try SignInStore.failures(key: key(email, address), in: connection)
        return found.flatMap { $0.failedAt > now - Self.retentionSeconds ? $0 : nil }
    }

    /// Returns the key of the row: two digests, so that the database holds no list of the addresses that were tried.
    ///
    /// The first one is the same for all rows of an email address.
    private func key(_ email: String, _ address: ClientAddress) -> [UInt8] {
        let emailKey = EmailAddress.key(email)
        return prefix(emailKey) + digest.digest(ofSHA256: Sodium.sha256("\(emailKey)\n\(address.network)".utf8))
    }

    private func prefix(_ emailKey: String) -> [UInt8] { digest.digest(ofSHA256: Sodium.sha256("\(emailKey)\n".utf8)) }
}
