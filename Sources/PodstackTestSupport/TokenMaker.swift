internal import PodstackAPI

/// Creates well-formed tokens that no server knows.
package enum TokenMaker {
    package static func token(id: String) -> String {
        var generator = SecureGenerator()
        return TokenFormat.generateToken(id: id, using: &generator)
    }
}
