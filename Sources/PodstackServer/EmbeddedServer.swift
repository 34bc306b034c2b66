/// A whole service on a socket of this process, for tests and for whoever embeds it.
package final class EmbeddedServer: Sendable {
    let service: Service
    let handler: RequestHandler
    private let listener: Listener

    /// - Parameters:
    ///   - directory: The data directory; made when it is not there.
    ///   - database: The URL of a database of PostgreSQL; nil for one in the data directory.
    ///   - failedAuthentications: From each address in a minute; nil for no limit, as with the three after it.
    ///   - requests: With each token in a minute.
    ///   - reports: Of leaked tokens, from each address in a minute.
    ///   - deviceCodes: From each address in a minute.
    ///   - proxies: The addresses whose X-Forwarded-For counts.
    ///   - requestTime: Seconds that a request may take to arrive.
    ///   - now: Seconds since 1970.
    ///   - log: Gets each line of the log.
    package init(
        directory: String, database: String? = nil, maxActiveTokens: Int = 5, failedAuthentications: Int? = nil,
        requests: Int? = nil, reports: Int? = nil, deviceCodes: Int? = nil, proxies: [String] = [],
        requestTime: Int = 30,
        now: (@Sendable () -> Int64)? = nil,
        log: @escaping @Sendable ([UInt8]) -> Void = { _ in }
    ) throws {
        let url = try database.map { text in
            guard let url = PostgresURL(text) else { throw SetupFailure("the database's URL is none") }
            return url
        }
        service = try Service(
            directory: DataDirectory(directory), database: url,
            settings: Settings(
                maxActiveTokens: maxActiveTokens, failedAuthentications: failedAuthentications, requests: requests,
                reports: reports, deviceCodes: deviceCodes,
                proxies: TrustedProxies(proxies.compactMap(ClientAddress.init))), log: Log(sink: log),
            now: now ?? Service.systemClock)
        try service.start()
        let handler = service.handler
        self.handler = handler
        listener = try Listener(ListenAddress("127.0.0.1:0"), threads: 2, requestTime: requestTime) {
            handler.handle($0)
        }
    }

    /// To be called now and then: ends the connections that take longer than they may.
    package func endOverdue() { listener.endOverdue() }
    package var openConnections: Int { listener.openConnections }

    package var port: UInt16 { listener.port }
    package var url: String { "http://127.0.0.1:\(listener.port)" }

    package func stop() throws {
        listener.stop()
        try service.stop()
    }

    /// The id of the new account.
    @discardableResult
    package func addUser(_ email: String) throws -> String {
        try service.changes.make(by: .administrator, at: service.now()) {
            try AccountStore.addUser(email: email, name: nil, in: $0)
        }
    }

    /// The path of a page where a user chooses a password, once; nil for the one that makes the first account.
    package func signInLink(_ email: String?) throws -> String {
        let user = try email.flatMap { email in
            try service.database.read { try AccountStore.user(email: email, in: $0) }
        }
        if let email, user == nil { throw SetupFailure("nobody has the address \(email)") }
        let secret = try service.changes.make(by: .administrator, at: service.now()) {
            try service.signIn.links.make(for: user?.id, in: $0)
        }
        return Link("/welcome", secret).text
    }

    /// A whole token, as the operator's command makes it. `expiresAt` in seconds since 1970, nil for the default.
    package func makeToken(_ email: String, name: String = "test", expiresAt: Int64? = nil) throws -> String {
        guard let user = try service.database.read({ try AccountStore.user(email: email, in: $0) }) else {
            throw SetupFailure("nobody has the address \(email)")
        }
        let request = TokenRequest(
            name: name, expiry: expiresAt.map { .at($0) } ?? .standard, scopes: nil, projectIDs: nil)
        let maker = Grant(accountID: user.accountID, userID: user.id)
        return try service.changes.make(by: .administrator, at: service.now()) {
            try service.tokens.create(request, by: maker, in: $0).secret ?? ""
        }
    }
}
