import Foundation
import Podstack

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif

// The peer of SDKLoad: the same client over a plain URLSession.
// Usage: URLSessionLoad COUNT CONCURRENCY; the token and the endpoint come from the environment.
// Prints requests per second.
guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[1]),
    let concurrency = Int(CommandLine.arguments[2])
else { fatalError("usage: URLSessionLoad COUNT CONCURRENCY") }

struct PlainURLSession: Transport {
    private let session: URLSession = {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpCookieStorage = nil
        configuration.urlCache = nil
        configuration.httpMaximumConnectionsPerHost = 64
        return URLSession(configuration: configuration)
    }()

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        guard let url = URL(string: request.url) else { throw TransportFailure(reason: "the URL is malformed") }
        var urlRequest = URLRequest(url: url)
        urlRequest.httpMethod = request.method
        for field in request.headers { urlRequest.addValue(field.value, forHTTPHeaderField: field.name) }
        request.credential?.withSecret { urlRequest.setValue("Bearer \($0)", forHTTPHeaderField: "Authorization") }
        urlRequest.httpBody = request.body.map { Data($0) }
        let (body, response) = try await session.data(for: urlRequest)
        guard let response = response as? HTTPURLResponse else {
            throw TransportFailure(reason: "the response is not HTTP")
        }
        let headers = response.allHeaderFields.map { HeaderField("\($0.key)", "\($0.value)") }
        return TransportResponse(status: response.statusCode, headers: headers, body: Array(body))
    }
}

let client = try Client(transport: PlainURLSession())

@Sendable func run(_ requests: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<concurrency {
            group.addTask { for _ in 0..<(requests / concurrency) { _ = try await client.auth.whoami() } }
        }
        try await group.waitForAll()
    }
}

try await run(min(count, 640))
let start = ContinuousClock.now
try await run(count)
print(Int(Double(count) / ((ContinuousClock.now - start) / .seconds(1))))
