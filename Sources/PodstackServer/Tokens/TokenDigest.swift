import PodstackCryptography

/// What is kept of a secret: the HMAC-SHA-256, under a pepper that is not in the database, of its SHA-256.
struct TokenDigest: Sendable {
    private let pepper: [UInt8]

    init(pepper: Pepper) { self.pepper = pepper.bytes }

    func digest(ofSHA256 hash: [UInt8]) -> [UInt8] { Sodium.hmacSHA256(hash, key: pepper) }
}
