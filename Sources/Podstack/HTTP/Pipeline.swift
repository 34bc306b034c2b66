import PodstackAPI

/// What a call goes through: prepare, authorise, send, decode or make the error.
struct Pipeline: Sendable {
    var token: Setting<APIToken>
    var endpoint: Endpoint
    var projectID: String?
    var timeout: Duration
    var transport: any Transport
    var onEvent: (@Sendable (ClientEvent) -> Void)?

    func call<Answer: Decodable>(_ call: Call, answering: Answer.Type = Answer.self) async throws -> Answer {
        let response = try await response(to: call)
        do { return try APICoding.decode(Answer.self, from: response.body) } catch {
            throw ErrorMapping.notDecodable(response)
        }
    }

    func call(_ call: Call) async throws { _ = try await response(to: call) }

    private func response(to call: Call) async throws -> TransportResponse {
        let request = prepare(call)
        onEvent?(.requestStarted(method: call.method, path: call.path))
        let response: TransportResponse
        do { response = try await transport.send(request) } catch let failure as TransportFailure {
            throw ErrorMapping.network(failure, endpoint: endpoint)
        }
        onEvent?(.requestFinished(method: call.method, path: call.path, status: response.status))
        guard (200..<300).contains(response.status) else {
            throw ErrorMapping.error(for: response, token: token)
        }
        return response
    }

    private func prepare(_ call: Call) -> TransportRequest {
        var headers = [HeaderField("Accept", "application/json"), HeaderField("User-Agent", SDKVersion.userAgent)]
        if let projectID { headers.append(HeaderField("X-Project-ID", projectID)) }
        if call.body != nil { headers.append(HeaderField("Content-Type", "application/json")) }
        if let key = call.idempotencyKey { headers.append(HeaderField("Idempotency-Key", key)) }
        return TransportRequest(
            method: call.method, url: endpoint.url + call.path + call.queryString, token: token.value,
            headers: headers, body: call.body, timeout: timeout
        )
    }
}
