/// A file that holds just a token, read at each question: a mounted secret may change at any time.
package struct TokenFileCredentials: CredentialProvider {
    let path: String
    package let source: ClientConfiguration.Source

    /// Beside the file while its token is being rotated.
    static func pendingPath(_ path: String) -> String { path + ".pending" }

    package func credential(insteadOf refused: APIToken?) async throws -> Credential {
        // A pipe may keep its reader waiting.
        try await BlockingThread.run {
            let patience = refused == nil ? SecureFile.defaultTimeLimit : SecureFile.timeLimitForMore
            guard let text = try Self.read(path, within: patience) else {
                throw ConfigurationError(message: "\(source) is not there")
            }
            let token = try ErrorMapping.usable(text, from: source)
            if token == refused, let pending = try Self.read(Self.pendingPath(path)) {
                return Credential(try ErrorMapping.usable(pending, from: source))
            }
            return Credential(token)
        }
    }

    /// Nil when there is no such file.
    package static func read(_ path: String, within patience: Duration = SecureFile.defaultTimeLimit) throws -> String?
    {
        try SecureFile.read(path, within: patience, most: APIToken.largestText).map {
            String(decoding: $0.bytes, as: UTF8.self)
        }
    }
}
