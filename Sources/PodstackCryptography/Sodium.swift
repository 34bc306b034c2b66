#if canImport(CSodium)
    import CSodium

    /// The functions of libsodium that this package uses.
    package enum Sodium {
        /// Whether the library is initialized, which happens once; every function below checks it.
        private static let ready: Bool = sodium_init() >= 0

        /// Returns the 32 bytes of the SHA-256 of some bytes.
        package static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
            bytes.withContiguousStorageIfAvailable(sha256) ?? Array(bytes).withUnsafeBufferPointer(sha256)
        }

        private static func sha256(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8] {
            precondition(ready, "libsodium could not be initialized")
            return fill(Int(crypto_hash_sha256_BYTES)) {
                _ = crypto_hash_sha256($0, input.baseAddress, UInt64(input.count))
            }
        }

        /// Returns the 32 bytes of the HMAC-SHA-256 of a message, with a key of any length.
        package static func hmacSHA256(_ message: [UInt8], key: [UInt8]) -> [UInt8] {
            precondition(ready, "libsodium could not be initialized")
            var state = crypto_auth_hmacsha256_state()
            crypto_auth_hmacsha256_init(&state, key, key.count)
            crypto_auth_hmacsha256_update(&state, message, UInt64(message.count))
            return fill(Int(crypto_auth_hmacsha256_BYTES)) { _ = crypto_auth_hmacsha256_final(&state, $0) }
        }

        /// Returns whether two digests are equal, in a time that depends only on their length.
        package static func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
            precondition(ready, "libsodium could not be initialized")
            return left.count == right.count && sodium_memcmp(left, right, left.count) == 0
        }

        /// Returns the Argon2id hash of a password as text, with its salt and its cost; nil if its 64 MiB of memory
        /// are not available.
        ///
        /// It takes about 100 ms, so that guessing passwords is slow.
        package static func passwordHash(_ password: String) -> String? {
            precondition(ready, "libsodium could not be initialized")
            var output = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
            let result = withUTF8CChars(password) { bytes, count in
                crypto_pwhash_str(
                    &output, bytes, count, UInt64(crypto_pwhash_OPSLIMIT_INTERACTIVE),
                    Int(crypto_pwhash_MEMLIMIT_INTERACTIVE))
            }
            guard result == 0 else { return nil }
            return String(decoding: output.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }

        /// Returns whether a hash belongs to a password.
        ///
        /// It takes as long as hashing the password.
        package static func isPassword(_ password: String, hashedAs hash: String) -> Bool {
            precondition(ready, "libsodium could not be initialized")
            var text = hash.utf8.map(CChar.init(bitPattern:))
            guard text.count < Int(crypto_pwhash_STRBYTES) else { return false }
            text += [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES) - text.count)
            return withUTF8CChars(password) { crypto_pwhash_str_verify(text, $0, $1) } == 0
        }

        private static func withUTF8CChars<Result>(
            _ text: String, _ body: (UnsafePointer<CChar>, UInt64) -> Result
        ) -> Result {
            // The NUL at the end is neither counted nor read.
            text.withCString { body($0, UInt64(text.utf8.count)) }
        }

        /// Returns random bytes from the system's generator.
        package static func randomBytes(_ count: Int) -> [UInt8] {
            precondition(ready, "libsodium could not be initialized")
            return fill(count) { randombytes_buf($0, count) }
        }

        /// The bytes of the nonce of ``seal(_:context:nonce:key:)``, which may be random.
        package static let sealNonceLength = Int(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)

        /// Encrypts bytes with XChaCha20-Poly1305, bound to a context.
        ///
        /// - Parameters:
        ///   - message: The bytes.
        ///   - context: Bytes that are required to decrypt the message, and are not part of the result.
        ///   - nonce: ``sealNonceLength`` bytes that are used once with the key.
        ///   - key: 32 bytes.
        /// - Returns: The ciphertext with its authenticator.
        package static func seal(_ message: [UInt8], context: [UInt8], nonce: [UInt8], key: [UInt8]) -> [UInt8] {
            precondition(ready, "libsodium could not be initialized")
            precondition(
                nonce.count == sealNonceLength && key.count == Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES),
                "the nonce or the key has the wrong length")
            return fill(message.count + Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)) {
                _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
                    $0, nil, message, UInt64(message.count), context, UInt64(context.count), nil, nonce, key)
            }
        }

        /// Decrypts the result of ``seal(_:context:nonce:key:)``; nil if it was changed, or belongs to another context or
        /// key.
        package static func open(_ sealed: [UInt8], context: [UInt8], nonce: [UInt8], key: [UInt8]) -> [UInt8]? {
            precondition(ready, "libsodium could not be initialized")
            let overhead = Int(crypto_aead_xchacha20poly1305_ietf_ABYTES)
            guard sealed.count >= overhead, nonce.count == sealNonceLength,
                key.count == Int(crypto_aead_xchacha20poly1305_ietf_KEYBYTES)
            else { return nil }
            var isAuthentic = false
            // One byte more, so that the memory of an empty message has an address.
            let message = fill(sealed.count - overhead + 1) { output in
                isAuthentic =
                    crypto_aead_xchacha20poly1305_ietf_decrypt(
                        output, nil, nil, sealed, UInt64(sealed.count), context, UInt64(context.count), nonce, key) == 0
                output[sealed.count - overhead] = 0
            }
            return isAuthentic ? Array(message.dropLast()) : nil
        }

        private static func fill(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Void) -> [UInt8] {
            [UInt8](unsafeUninitializedCapacity: count) { output, initialized in
                guard let start = output.baseAddress else { return }
                body(start)
                initialized = count
            }
        }
    }
#endif
