/// A file that holds just a token, read at each question: a mounted secret may change at any time.
struct TokenFileCredentials: CredentialProvider {
    let path: String
    let source: Source

    /// Beside the file while its token is being rotated.
    static func pendingPath(_ path: String) -> String { path + ".pending" }

    func credential(insteadOf refused: APIToken?) async throws -> Credential {
        guard let text = try Self.read(path) else {
            throw ConfigurationError(message: "\(source) is not there")
        }
        let token = try ErrorMapping.usable(text, from: source)
        if token == refused, let pending = try Self.read(Self.pendingPath(path)) {
            return Credential(try ErrorMapping.usable(pending, from: source))
        }
        return Credential(token)
    }

    private static func read(_ path: String) throws -> String? {
        try SecureFile.read(path).map { String(decoding: $0.bytes, as: UTF8.self) }
    }
}
