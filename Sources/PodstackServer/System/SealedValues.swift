import PodstackCryptography

/// Encrypts values that the service must be able to read again, such as the variables of a pod.
///
/// The key is derived from the pepper, so that a stolen database reveals none of them. A sealed value consists of a
/// version, the name of its key, a nonce, and the ciphertext (XChaCha20-Poly1305), which is bound to a context, such as the
/// ID of the pod: a value that is copied to another row cannot be opened there.
struct SealedValues: Sendable {
    private struct Key: Sendable {
        var name: [UInt8]
        var bytes: [UInt8]

        init(_ pepper: Pepper) {
            bytes = Sodium.hmacSHA256(Array("podstack sealed values 1".utf8), key: pepper.bytes)
            let name = Sodium.hmacSHA256(Array("podstack sealed values 1: name".utf8), key: pepper.bytes)
            self.name = Array(name.prefix(SealedValues.nameLength))
        }
    }

    private static let version: UInt8 = 1
    private static let nameLength = 8

    private let current: Key
    /// The keys of the other peppers, which a rotation replaces.
    private let others: [Key]

    init(_ peppers: Peppers) {
        current = Key(peppers.current)
        others = [peppers.previous, peppers.next].compactMap { $0.map(Key.init) }
    }

    /// Encrypts a value with the key of the current pepper.
    ///
    /// - Parameters:
    ///   - value: The value.
    ///   - context: The thing that the value belongs to.
    /// - Returns: The sealed value.
    func seal(_ value: [UInt8], for context: String) -> [UInt8] {
        let nonce = Sodium.randomBytes(Sodium.sealNonceLength)
        let header = [Self.version] + current.name + nonce
        return header + Sodium.seal(value, context: Array(context.utf8), nonce: nonce, key: current.bytes)
    }

    /// Decrypts a value.
    ///
    /// - Returns: The value; nil if no known pepper has sealed it for this context, or if it was changed.
    func open(_ sealed: [UInt8], for context: String) -> [UInt8]? {
        let nonceStart = 1 + Self.nameLength
        let start = nonceStart + Sodium.sealNonceLength
        guard sealed.count >= start, sealed[0] == Self.version else { return nil }
        let name = Array(sealed[1..<nonceStart])
        guard let key = ([current] + others).first(where: { $0.name == name }) else { return nil }
        return Sodium.open(
            Array(sealed[start...]), context: Array(context.utf8), nonce: Array(sealed[nonceStart..<start]),
            key: key.bytes)
    }
}
