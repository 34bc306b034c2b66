import PodstackAPI

/// The keys under which the service stores tokens.
///
/// A key is the token's ID, followed by a suffix if a token of another account has the same ID. Clients may choose IDs,
/// and no response may reveal that another account uses one. So accounts can share an ID; the secret then identifies the
/// token. A key never leaves the service.
enum TokenKey {
    /// The most tokens that can share an ID, each of another account.
    static let maxSharing = 64
    private static let suffixLength = 4

    /// Returns the ID of the token with a key.
    static func tokenID(of key: String) -> String { String(key.prefix(TokenFormat.idLength)) }

    /// Generates a key for an ID that a token of another account has.
    static func generate(for id: String) -> String {
        var generator = SecureGenerator()
        return id + TokenFormat.generateID(using: &generator).prefix(suffixLength)
    }

    /// Returns the last key that an ID can have.
    static func last(for id: String) -> String { id + String(repeating: "z", count: suffixLength) }
}
