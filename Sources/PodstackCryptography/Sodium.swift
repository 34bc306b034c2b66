import CSodium

/// What the project takes from libsodium; the only file that calls it.
public enum Sodium {
    /// Initialises the library once; every function below goes through it.
    private static let ready: Bool = sodium_init() >= 0

    /// The 32 bytes of the SHA-256 of `bytes`.
    public static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        precondition(ready, "libsodium could not be initialised")
        let input = Array(bytes)
        return fill(Int(crypto_hash_sha256_BYTES)) { _ = crypto_hash_sha256($0, input, UInt64(input.count)) }
    }

    /// The 32 bytes of HMAC-SHA-256 of `message` under a `key` of any length.
    public static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
        precondition(ready, "libsodium could not be initialised")
        var state = crypto_auth_hmacsha256_state()
        crypto_auth_hmacsha256_init(&state, key, key.count)
        crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
        return fill(Int(crypto_auth_hmacsha256_BYTES)) { _ = crypto_auth_hmacsha256_final(&state, $0) }
    }

    /// Whether two digests are equal, in a time that depends on their length alone.
    public static func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        precondition(ready, "libsodium could not be initialised")
        return left.count == right.count && sodium_memcmp(left, right, left.count) == 0
    }

    /// `count` bytes from the system's generator.
    public static func randomBytes(_ count: Int) -> [UInt8] {
        precondition(ready, "libsodium could not be initialised")
        return fill(count) { randombytes_buf($0, count) }
    }

    private static func fill(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { output, initialised in
            guard let start = output.baseAddress else { return }
            body(start)
            initialised = count
        }
    }
}
