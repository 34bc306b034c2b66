import PodstackAPI

/// The route `POST /v1/tokens/report`.
struct ReportRoute: Sendable {
    let report: LeakReport
    /// The limits of anonymous clients; nil for none.
    let limits: ReportLimits?
    /// The workers that revoke what was found.
    let writes: WorkQueue
    let now: @Sendable () -> Int64

    /// Revokes the reported tokens.
    ///
    /// The response is the same for every valid report, whatever its tokens are. The tokens are looked up on a worker for
    /// reports; only a report of an existing token, with its secret, takes a worker for writes.
    @Sendable func receive(_ exchange: Exchange) throws -> Response {
        let network = exchange.request.address.network
        try limits?.countReport(of: network)
        var reader = FieldReader(try JSONBody.object(of: exchange.request), of: "a report", known: ["tokens"])
        reader.require("tokens")
        let tokens = reader.take("tokens") { value throws(InvalidValue) in
            guard case .array(let values) = value, values.count <= TokenReport.largestCount else {
                throw InvalidValue("must be a list of at most \(TokenReport.largestCount) tokens")
            }
            let texts = values.compactMap(\.stringValue)
            guard texts.count == values.count else { throw InvalidValue("must be a list of strings") }
            return texts
        }
        try reader.finish()
        let candidates = report.candidates(tokens ?? [])
        try limits?.count(tokens: candidates.count, of: network)
        let proven = try report.proven(candidates, now: now())
        guard !proven.isEmpty else { return Self.accepted }
        let actor = Actor(exchange.request, nil)
        return .deferred(on: writes) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            try report.revoke(proven, by: actor, now: now())
            return Self.accepted
        }
    }

    private static let accepted = Response(status: 202)
}

/// The limits of reports, whose senders are anonymous.
struct ReportLimits: Sendable {
    /// The well-formed tokens that one address may report in a minute.
    static let tokensPerAddress = 5_000
    /// The well-formed tokens that all addresses together may report in a minute: about ten seconds of work for one thread.
    static let allTokens = 50_000

    private let reports: RateLimiter<ClientAddress>
    private let tokens: RateLimiter<ClientAddress>
    private let total: RateLimiter<Bool>

    /// Creates the limits.
    ///
    /// - Parameters:
    ///   - reports: The reports that one address may send in a minute.
    ///   - elapsed: Returns the nanoseconds of a monotonic clock.
    init(reports: Int, elapsed: @escaping @Sendable () -> Int64) {
        self.reports = RateLimiter(RateLimit(name: "report", count: reports), elapsed: elapsed)
        tokens = RateLimiter(RateLimit(name: "reported-tokens", count: Self.tokensPerAddress), elapsed: elapsed)
        total = RateLimiter(RateLimit(name: "all-reported-tokens", count: Self.allTokens), elapsed: elapsed)
    }

    /// Counts a report; throws ``DomainError/rateLimited(_:_:)`` if the address has sent too many.
    func countReport(of network: ClientAddress) throws { try check(reports.take(network)) }

    /// Counts the tokens of a report; throws ``DomainError/rateLimited(_:_:)`` if there were too many in a minute.
    func count(tokens count: Int, of network: ClientAddress) throws {
        guard count > 0 else { return }
        try check(tokens.take(network, cost: count))
        try check(total.take(true, cost: count))
    }

    private func check(_ verdict: RateLimit.Verdict) throws {
        guard verdict.isAllowed else { throw verdict.error }
    }
}
