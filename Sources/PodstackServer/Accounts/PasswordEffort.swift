import PodstackCryptography
import Synchronization

/// Hashes passwords, one at a time: each takes 64 MiB and some 100 ms of a processor, and who floods the sign-in page is
/// to keep one thread busy, and none of those that answer.
final class PasswordEffort: Sendable {
    /// Whatever hashes a password for a visitor waits here for its turn: a few seconds at most, which is why its places
    /// are few.
    let queue = WorkQueue(capacity: 16)
    private let count = Atomic<Int>(0)
    /// How many passwords were hashed, and how many are being.
    var hashed: Int { count.load(ordering: .relaxed) }
    /// What a password that nobody chose is compared with, so that an unknown address takes as long as a known one.
    private static let nobodys = Sodium.passwordHash(Identifier.generate("")) ?? ""

    /// A response for which passwords have to be hashed.
    ///
    /// - Parameter make: Called on another thread. It is given the refusal that it has to throw, or to show, when its turn
    ///   does not come.
    func later(_ make: @escaping @Sendable (_ turn: Result<Void, DomainError>) throws -> Response) -> Response {
        .deferred(on: queue) { isTurn in try make(isTurn ? .success(()) : .failure(Self.busy)) }
    }

    /// False too where there is no hash.
    func isPassword(_ password: String, hashedAs hash: String?) -> Bool {
        let nobodys = Self.nobodys
        // Longer ones than can be chosen are not worth the work.
        guard password.utf8.count <= Password.longest else { return false }
        count.add(1, ordering: .relaxed)
        return Sodium.isPassword(password, hashedAs: hash ?? nobodys) && hash != nil
    }

    /// Throws when there is no memory for it.
    func hash(_ password: String) throws -> String {
        count.add(1, ordering: .relaxed)
        guard let hash = Sodium.passwordHash(password) else { throw Self.busy }
        return hash
    }

    private static let busy = DomainError.unavailable(
        "Too many users are signing in at this moment; try again", retryAfterSeconds: 1)
}
