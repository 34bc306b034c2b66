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

    /// A secret of the token that is still kept under the pepper before is kept under the current one from now on.
    func renew(_ hash: [UInt8], of tokenID: String, in connection: any DatabaseConnection) throws {
        guard let old = previous(ofSHA256: hash) else { return }
        try SecretStore.replace(old, by: digest(ofSHA256: hash), of: tokenID, in: connection)
    }
}
