import PodstackAPI
package import PodstackTransport

/// A request that is sent as it is, once, and whose response is returned whatever its status.
package struct RawCall: Sendable {
    package var method: String
    /// The path and the query, which start with a slash.
    package var path: String
    /// Headers in addition to those of the client, or instead of those with the same name.
    package var headers: [HeaderField]
    package var body: [UInt8]?

    package init(method: String, path: String, headers: [HeaderField] = [], body: [UInt8]? = nil) {
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
    }
}

extension Client {
    /// Returns the transport of clients that are not given one.
    package static func transport(environment: PodstackEnvironment) -> any Transport {
        DefaultTransport(environment: environment)
    }

    /// Sends a request with the client's token and project.
    ///
    /// - Parameter call: The request.
    /// - Returns: The response, whatever its status.
    /// - Throws: ``NetworkError`` if no response arrives, and the error of the token's source.
    package func send(_ call: RawCall) async throws -> TransportResponse {
        let token = try await pipeline.credentials.token()
        var headers = [
            HeaderField("Accept", "application/json"),
            HeaderField("User-Agent", "podstack-swift/\(PodstackVersion.current)"),
        ]
        if let project = pipeline.project { headers.append(HeaderField("X-Project-ID", project.value)) }
        if call.body != nil { headers.append(HeaderField("Content-Type", "application/json")) }
        let given = Set(call.headers.map { $0.name.lowercased() })
        headers.removeAll { given.contains($0.name.lowercased()) }
        let request = TransportRequest(
            method: call.method, url: pipeline.endpoint.url + call.path, credential: token.credential,
            headers: headers + call.headers, body: call.body, timeout: pipeline.timeout)
        do { return try await pipeline.transport.send(request) } catch let failure as TransportFailure {
            throw ErrorMapping.network(failure, endpoint: pipeline.endpoint)
        }
    }

    /// Returns the error that the client's own calls would throw for a response that is not a success.
    package func error(for response: TransportResponse) async throws -> any PodstackError {
        ErrorMapping.error(
            for: response, token: try await pipeline.credentials.token(),
            source: pipeline.credentials.provider.source, project: pipeline.project,
            otherTokens: pipeline.otherTokens)
    }
}
