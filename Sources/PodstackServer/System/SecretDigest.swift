import PodstackCryptography

/// Computes the digest that is stored in place of a secret: the HMAC-SHA-256 of the secret's SHA-256, keyed with the
/// pepper.
///
/// It is used for tokens, session cookies, sign-in links and device codes.
struct SecretDigest: Sendable {
    private let peppers: Peppers

    init(_ peppers: Peppers) { self.peppers = peppers }

    /// Returns the digest under the current pepper.
    func digest(ofSHA256 hash: [UInt8]) -> [UInt8] { Sodium.hmacSHA256(hash, key: peppers.current.bytes) }

    /// Returns the digest under the previous pepper, or nil if there is no previous pepper.
    func previous(ofSHA256 hash: [UInt8]) -> [UInt8]? {
        peppers.previous.map { Sodium.hmacSHA256(hash, key: $0.bytes) }
    }
}
