import PodstackAPI

/// The route `POST /v1/tokens/report`.
struct ReportRoute: Sendable {
    let report: LeakReport
    let limit: RateLimiter<ClientAddress>?
    let now: @Sendable () -> Int64

    /// Revokes the reported tokens.
    ///
    /// The response is the same for every valid report, whatever its tokens are.
    @Sendable func receive(_ exchange: Exchange) throws -> Response {
        if let verdict = limit?.take(exchange.request.address.network), !verdict.isAllowed {
            throw verdict.error
        }
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
        try report.receive(tokens ?? [], by: Actor(exchange.request, nil), now: now())
        return Response(status: 202)
    }
}
