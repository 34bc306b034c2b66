#if canImport(CryptoKit)
    import CryptoKit
#endif

/// The SHA-256 of the SDK, which is the system's: CryptoKit on Apple platforms, libsodium elsewhere.
package enum Hash {
    /// Returns the 32 bytes of the SHA-256 of some bytes.
    package static func sha256(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        #if canImport(CryptoKit)
            Array(SHA256.hash(data: Array(bytes)))
        #else
            Sodium.sha256(bytes)
        #endif
    }
}
