import PodstackCryptography
import Synchronization

/// The rules for a new password: its length counts, its kinds of characters do not.
///
/// Source: NIST SP 800-63B, section 3.1.1.
enum Password {
    /// In characters.
    static let minimumLength = 12
    /// In bytes of UTF-8: enough for any sentence.
    static let maximumBytes = 1024

    /// Returns why a password is not accepted, as the end of a sentence, or nil if it is accepted.
    static func problem(_ password: String, email: String) -> String? {
        // Bytes first: a longer password is not worth the work of the other rules.
        if password.utf8.count > maximumBytes { return "must not be longer than \(maximumBytes) bytes" }
        if password.count < minimumLength { return "must have at least \(minimumLength) characters" }
        let password = normalized(password)
        if password.lowercased().contains(Normalization.nfkc(email).lowercased()) {
            return "must not contain your email address"
        }
        if Set(password).count < 5 { return "must have at least five different characters" }
        return nil
    }

    /// Returns the form of a password that is hashed: keyboards encode an accented letter in different ways.
    ///
    /// Source: NIST SP 800-63B, section 3.1.1.2.
    static func normalized(_ password: String) -> String { Normalization.nfkc(password) }
}

/// Hashes and checks passwords.
///
/// A hash takes 64 MiB of memory and about 100 ms of a processor. Callers run it on ``queue``, one at a time, so that a
/// flood of sign-ins keeps one thread busy and none of the threads that serve other requests.
final class PasswordHasher: Sendable {
    /// The queue for work that hashes passwords.
    ///
    /// It is short, so that a request in it waits a few seconds at most.
    let queue = WorkQueue(capacity: 16)
    private let count = Atomic<Int>(0)

    /// The number of passwords that were hashed or are being hashed.
    var hashed: Int { count.load(ordering: .relaxed) }

    /// The hash that a password is compared with if there is none, so that an unknown email address takes as long as a
    /// known one.
    private static let unmatchable = Sodium.passwordHash(OneTimeSecret.generate().text) ?? ""

    /// The ways in which a password can match a hash.
    enum Match: Sendable { case normalized, asTyped }

    /// Returns how a password matches a hash, or nil if it does not, or if there is no hash.
    ///
    /// Releases before 0.3 hashed passwords as they were typed. Such a match asks for a new hash.
    func match(_ password: String, hashedAs hash: String?) -> Match? {
        // A longer password cannot have been chosen. A stand-in takes the time of any other wrong password.
        let isTooLong = password.utf8.count > Password.maximumBytes
        let typed = isTooLong ? Self.standIn : password
        let normalized = Password.normalized(typed)
        if isMatch(normalized, hash) { return isTooLong ? nil : .normalized }
        guard !normalized.utf8.elementsEqual(typed.utf8) else { return nil }
        return isMatch(typed, hash) ? .asTyped : nil
    }

    /// The text that is hashed in the place of a password that is too long.
    private static let standIn = "a password that is too long"

    private func isMatch(_ text: String, _ hash: String?) -> Bool {
        count.add(1, ordering: .relaxed)
        return Sodium.isPassword(text, hashedAs: hash ?? Self.unmatchable) && hash != nil
    }

    /// Returns the hash of a password.
    ///
    /// - Throws: ``busy`` if there is not enough memory.
    func hash(_ password: String) throws -> String {
        count.add(1, ordering: .relaxed)
        guard let hash = Sodium.passwordHash(Password.normalized(password)) else { throw Self.busy }
        return hash
    }

    /// The error of a request that the full ``queue`` does not accept.
    static let busy = DomainError.unavailable(
        "Too many users are signing in at this moment; try again", retryAfterSeconds: 1)
}
