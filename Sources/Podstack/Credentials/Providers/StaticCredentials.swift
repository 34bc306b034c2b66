/// One token that never changes.
public struct StaticCredentials: CredentialProvider {
    let token: APIToken
    public let source: ClientConfiguration.Source

    public func credential(insteadOf refused: APIToken?) async throws -> Credential { Credential(token) }
}

extension CredentialProvider where Self == StaticCredentials {
    public static func `static`(_ token: APIToken) -> StaticCredentials {
        StaticCredentials(token: token, source: .argument("credentials:"))
    }
}
