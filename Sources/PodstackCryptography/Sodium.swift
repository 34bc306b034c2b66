import CSodium

/// What the project takes from libsodium; the only file that calls it.
public enum Sodium {
    /// Initialises the library once; every function below goes through it.
    private static let ready: Bool = sodium_init() >= 0

    /// The 32 bytes of the SHA-256 of `bytes`.
    public static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable(sha256) ?? Array(bytes).withUnsafeBufferPointer(sha256)
    }

    private static func sha256(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        precondition(ready, "libsodium could not be initialised")
        return fill(Int(crypto_hash_sha256_BYTES)) {
            _ = crypto_hash_sha256($0, input.baseAddress, UInt64(input.count))
        }
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

    /// Argon2id of a password, with its salt and its cost, as text; nil when there is no memory for it (64 MiB).
    /// Takes some 100 ms on purpose.
    public static func passwordHash(_ password: String) -> String? {
        precondition(ready, "libsodium could not be initialised")
        var output = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let result = withUTF8CChars(password) { bytes, count in
            crypto_pwhash_str(
                &output, bytes, count, UInt64(crypto_pwhash_OPSLIMIT_INTERACTIVE),
                Int(crypto_pwhash_MEMLIMIT_INTERACTIVE))
        }
        guard result == 0 else { return nil }
        return String(decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Whether `hash` is one of `password`, in the time that making it took.
    public static func isPassword(_ password: String, hashedAs hash: String) -> Bool {
        precondition(ready, "libsodium could not be initialised")
        var text = hash.utf8.map(CChar.init(bitPattern:))
        guard text.count < Int(crypto_pwhash_STRBYTES) else { return false }
        text += [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES) - text.count)
        return withUTF8CChars(password) { crypto_pwhash_str_verify(text, $0, $1) } == 0
    }

    private static func withUTF8CChars<Result>(
        _ text: String, _ body: (UnsafePointer<CChar>, UInt64) -> Result
    ) -> Result {
        // The NUL at its end is not counted, and not read.
        text.withCString { body($0, UInt64(text.utf8.count)) }
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
