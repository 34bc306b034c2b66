import PodstackCryptography

/// A random secret that its holder gets once, and that the service stores only as a digest.
///
/// It is the secret of a session cookie, a form cookie, a sign-in link or a device code. Printing, interpolating or
/// dumping it shows no part of it: ``text`` is the only way to read it.
struct OneTimeSecret: Sendable {
    /// The number of random base62 characters, which hold 238 bits.
    static let length = 40

    /// The secret itself, for the one response that contains it.
    let text: String

    /// Wraps the text that a client sent.
    init(_ text: String) { self.text = text }

    /// Generates a secret from the system's random generator.
    ///
    /// The prefix is text in front of the random characters that names the purpose of the secret.
    static func generate(prefix: String = "") -> OneTimeSecret {
        OneTimeSecret(Identifier.generate(prefix) + Identifier.generate(""))
    }
}

extension OneTimeSecret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "OneTimeSecret(redacted)" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}

extension SecretDigest {
    /// Returns the digest under which the secret is stored and found.
    func digest(of secret: OneTimeSecret) -> [UInt8] { digest(ofSHA256: Sodium.sha256(secret.text.utf8)) }
}
