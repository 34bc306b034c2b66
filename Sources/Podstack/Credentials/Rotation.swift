import PodstackAPI

/// Rotates the token in use: make, write beside the old one, tell the service, use once, put in the old one's place.
///
/// The service accepts the old secret until the new one is first used, and the new one is written down before the
/// service knows of it. So whichever step is the last before a crash, a token in the file works. A command that keeps
/// one token is given the new one between telling the service and its first use, when both work.
struct Rotation {
    let pipeline: Pipeline

    func rotate(grace: Duration?) async throws -> (token: Token, secret: APIToken) {
        let place = TokenStorage(pipeline.credentials.provider)
        // One at a time: of two, the slower one would write a token that the faster one has already replaced.
        let lock = try await place.lock(pipeline.time)
        defer { lock?.release() }
        let current = try await lock == nil ? pipeline.credentials.token() : recovered(place)
        // What cannot be written stops it before it begins.
        try await place.keep(current)
        guard let id = current.withSecret({ TokenFormat.id(of: $0) }) else {
            return try await rotateByService(grace: grace, place)
        }
        let made = GeneratedToken(id: id)
        try place.prepare(made.secret)
        let rotation = TokenRotation(graceSeconds: grace?.wholeSeconds, id: id, sha256: made.sha256)
        do {
            try await pipeline.call(.post("/v1/tokens/self/rotate", rotation))
        } catch let error as any ServiceError {
            // It was refused. Of no answer, or of a failing service, nobody knows whether it took effect.
            if let status = error.statusCode, status < 500 { try? place.abandon(made.secret) }
            throw error
        }
        return try await finish(made.secret, place)
    }

    /// The token that works, after a rotation that may not have come to its end: then it is ended now, or taken back.
    private func recovered(_ place: TokenStorage) async throws -> APIToken {
        guard let pending = try place.pending() else { return try await pipeline.credentials.reread() }
        do {
            return try await finish(pending, place).secret
        } catch is AuthenticationError {
            try place.abandon(pending)
            return try await pipeline.credentials.reread()
        }
    }

    /// A token of another shape has no id to make a secret for.
    private func rotateByService(grace: Duration?, _ place: TokenStorage) async throws -> (
        token: Token, secret: APIToken
    ) {
        let call = try Call.post("/v1/tokens/self/rotate", TokenRotation(graceSeconds: grace?.wholeSeconds))
        let created: CreatedToken = try await pipeline.call(call)
        guard let text = created.secret else { throw ErrorMapping.secretNotShown() }
        let secret = APIToken(text)
        try place.prepare(secret)
        return try await finish(secret, place)
    }

    private func finish(_ secret: APIToken, _ place: TokenStorage) async throws -> (token: Token, secret: APIToken) {
        try await place.keep(secret)
        let token: Token = try await pipeline.call(Call.get("/v1/tokens/self").with(secret))
        try place.complete(secret)
        pipeline.credentials.use(secret)
        if case .elsewhere = place {
            let source = pipeline.credentials.provider.source
            let place = source.kind == "argument" ? "" : ", \(source.origin)"
            pipeline.events.send {
                .warning("the new secret is in this client alone: put it where the old one came from\(place)")
            }
        }
        return (token, secret)
    }
}
