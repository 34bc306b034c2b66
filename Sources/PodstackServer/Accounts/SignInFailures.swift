import PodstackCryptography

/// Slows down who guesses passwords: after some wrong ones each further one must wait longer than the one before.
///
/// Counted for an e-mail address as it is tried from one neighbourhood, so that nobody is locked out by what others do
/// elsewhere, and for an address that nobody has just as for one that somebody has.
struct SignInFailures: Sendable {
    /// So many are free.
    private static let free: Int64 = 5
    private static let longestWait: Int64 = 900
    /// After so long without one all is forgotten.
    private static let forgottenAfter: Int64 = 86_400

    let digest: SecretDigest

    /// Seconds until another may be tried; 0 when one may.
    func wait(_ email: String, from address: ClientAddress, now: Int64, in connection: any DatabaseConnection) throws
        -> Int64
    {
        guard let (count, failedAt) = try find(email, address, now, connection), count >= Self.free else { return 0 }
        let wait = min(Self.longestWait, 1 << min(count - Self.free, 20))
        return max(0, failedAt + wait - now)
    }

    func note(_ email: String, from address: ClientAddress, now: Int64, in connection: any DatabaseConnection) throws {
        let count = try find(email, address, now, connection)?.count ?? 0
        try forget(email, from: address, in: connection)
        try connection.run("DELETE FROM sign_in_failures WHERE failed_at <= ?", [.integer(now - Self.forgottenAfter)])
        try connection.run(
            "INSERT INTO sign_in_failures (who, count, failed_at) VALUES (?, ?, ?)",
            [.blob(who(email, address)), .integer(count + 1), .integer(now)])
    }

    func forget(_ email: String, from address: ClientAddress, in connection: any DatabaseConnection) throws {
        try connection.run("DELETE FROM sign_in_failures WHERE who = ?", [.blob(who(email, address))])
    }

    private func find(
        _ email: String, _ address: ClientAddress, _ now: Int64, _ connection: any DatabaseConnection
    ) throws -> (count: Int64, failedAt: Int64)? {
        try connection.run(
            "SELECT count, failed_at FROM sign_in_failures WHERE who = ? AND failed_at > ?",
            [.blob(who(email, address)), .integer(now - Self.forgottenAfter)]
        ).first.map { (try $0.integer(0), try $0.integer(1)) }
    }

    private func who(_ email: String, _ address: ClientAddress) -> [UInt8] {
        digest.digest(ofSHA256: Sodium.sha256("\(email.lowercased())\n\(address.network)".utf8))
    }
}
