import PodstackAPI

/// A source of tokens with what is wrong with its token, for programs that diagnose settings.
package struct TokenInspection: Sendable {
    package var source: ClientConfiguration.Source
    /// The token; nil when a command supplies it, or when it cannot be read.
    package var token: APIToken?
    /// The reason why the token cannot be sent, as a predicate for its source.
    package var defect: String?
    /// A likely reason why the service will reject the token, as a sentence.
    package var suspicion: String?
    /// The rights of others to the file that contains only the token, such as "read"; nil when they have none.
    package var rightsOfOthers: String?
    /// The reason why the token cannot be read.
    package var error: (any Error)?

    /// Inspects every source that has a token, in the order of precedence.
    ///
    /// - Parameters:
    ///   - apiToken: The token that the program was given.
    ///   - source: The source of that token.
    ///   - profile: The name of a profile.
    ///   - environment: The environment that variables and the home directory are read from.
    /// - Returns: The sources. Those that cannot be found are missing; a client reports them as errors.
    package static func all(
        apiToken: String?, from source: ClientConfiguration.Source, profile: String?, environment: PodstackEnvironment
    ) -> [TokenInspection] {
        let argument = apiToken.map { text in
            TokenInspection(of: APIToken(text), from: source)
        }
        var search = TokenSearch(Resolution(profile: profile, environment: environment))
        return (argument.map { [$0] } ?? []) + search.lowerCandidates().map { inspect($0, environment) }
    }

    /// Inspects the token of every profile of a credentials file.
    package static func all(in file: CredentialsFile) -> [TokenInspection] {
        file.profileNames.compactMap { file.profile($0) }.compactMap { profile in
            profile.entry(.apiToken).map { TokenInspection(of: APIToken($0.value), from: profile.source($0)) }
        }
    }

    private static func inspect(_ match: TokenCandidateMatch, _ environment: PodstackEnvironment) -> TokenInspection {
        switch match.content {
        case .token(let token): return TokenInspection(of: token, from: match.source)
        case .command: return TokenInspection(source: match.source)
        case .file(let path):
            do {
                // Without waiting, because a pipe gives its token only once.
                guard
                    let content = try SecureFile.read(environment.path(path), within: .zero, most: APIToken.largestText)
                else {
                    throw ErrorMapping.missingFile(match.source)
                }
                let token = APIToken(String(decoding: content.bytes, as: UTF8.self))
                var inspection = TokenInspection(of: token, from: match.source)
                inspection.rightsOfOthers = content.rightsOfOthers
                return inspection
            } catch { return TokenInspection(source: match.source, error: error) }
        }
    }

    private init(source: ClientConfiguration.Source, error: (any Error)? = nil) {
        self.source = source
        self.error = error
    }

    private init(of token: APIToken, from source: ClientConfiguration.Source) {
        self.source = source
        self.token = token
        defect = token.defect
        suspicion = token.suspicion ?? Self.wrongLength(of: token)
    }

    /// Returns the suspicion that a token in the service's format was cut or joined with other text.
    private static func wrongLength(of token: APIToken) -> String? {
        token.withSecret { text in
            guard text.hasPrefix("podstack_"), text.utf8.count != TokenFormat.length else { return nil }
            return
                "It has \(text.utf8.count) characters instead of \(TokenFormat.length): it was copied incompletely, or "
                + "joined with other text"
        }
    }
}

extension ClientConfiguration {
    /// Returns the token in use, which a command may have to supply.
    ///
    /// - Parameter environment: The environment of the command.
    /// - Returns: The token.
    /// - Throws: ``tokenError``, or the error of the command.
    package func currentToken(_ environment: PodstackEnvironment) async throws -> APIToken {
        if let error = tokenError { throw error }
        if let token = apiToken?.value { return token }
        return try await token.provider(environment).credential(insteadOf: nil).token
    }
}
