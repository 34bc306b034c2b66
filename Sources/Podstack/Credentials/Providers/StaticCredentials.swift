/// One token that never changes.
public struct StaticCredentials: CredentialProvider {
    private let token: APIToken
    public let source: Source

    init(_ token: APIToken, source: Source) {
        self.token = token
        self.source = source
    }

    public func credential(insteadOf refused: APIToken?) async throws -> Credential { Credential(token) }
}

extension CredentialProvider where Self == StaticCredentials {
    public static func `static`(_ token: APIToken) -> StaticCredentials {
        StaticCredentials(token, source: .argument("credentials:"))
    }
}
