import PodstackAPI
import PodstackCryptography

/// A token whose secret was drawn here: the service is told only the digest, so that the secret does not cross the
/// network before its first use, and asking again after a lost answer makes nothing twice.
struct GeneratedToken {
    let id: String
    let secret: APIToken
    /// Of the whole token, hexadecimal.
    let sha256: String

    /// - Parameter id: Of the token that gets a new secret; nil makes a new one.
    init(id: String? = nil) {
        var generator = SecureGenerator()
        let id = id ?? TokenFormat.makeID(using: &generator)
        let text = TokenFormat.makeToken(id: id, using: &generator)
        self.id = id
        secret = APIToken(text)
        sha256 = Sodium.sha256(text.utf8).hexadecimal
    }
}
