import PodstackCryptography

/// What is kept of a secret: the HMAC-SHA-256, under a pepper that is not in the database, of its SHA-256.
struct SecretDigest: Sendable {
    private let peppers: Peppers

    init(_ peppers: Peppers) { self.peppers = peppers }

    func digest(ofSHA256 hash: [UInt8]) -> [UInt8] { Sodium.hmacSHA256(hash, key: peppers.current.bytes) }

    /// Under the pepper before the current one; nil when there is none any more.
    func previous(ofSHA256 hash: [UInt8]) -> [UInt8]? {
        peppers.previous.map { Sodium.hmacSHA256(hash, key: $0.bytes) }
    }
}
