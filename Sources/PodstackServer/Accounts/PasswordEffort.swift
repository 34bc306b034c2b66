import PodstackCryptography
import Synchronization

/// Hashes passwords, one at a time: each takes 64 MiB and some 100 ms of a processor, and who floods the sign-in page is
/// to keep one thread busy, not all that answer.
final class PasswordEffort: Sendable {
    private let turn = Mutex(())
    private let count = Atomic<Int>(0)
    /// How many passwords were hashed, and how many are being.
    var hashed: Int { count.load(ordering: .relaxed) }
    /// What a password that nobody chose is compared with, so that an unknown address takes as long as a known one.
    private static let nobodys = Sodium.passwordHash(Identifier.make("")) ?? ""

    /// False too where there is no hash. Throws when another password is being hashed.
    func isPassword(_ password: String, hashedAs hash: String?) throws -> Bool {
        let nobodys = Self.nobodys
        // Longer ones than can be chosen are not worth the work.
        guard password.utf8.count <= Password.longest else { return false }
        let isIt = try alone { Sodium.isPassword(password, hashedAs: hash ?? nobodys) }
        return isIt && hash != nil
    }

    /// Throws when another password is being hashed.
    func hash(_ password: String) throws -> String {
        guard let hash = try alone({ Sodium.passwordHash(password) }) else { throw Self.busy }
        return hash
    }

    private func alone<Result: Sendable>(_ work: () -> Result) throws -> Result {
        guard
            let result = turn.withLockIfAvailable({ _ in
                count.add(1, ordering: .relaxed)
                return work()
            })
        else { throw Self.busy }
        return result
    }

    private static let busy = APIError(
        status: 503, code: .unavailable, message: "Others are signing in at this very moment: try again",
        headers: [("Retry-After", "1")])
}
