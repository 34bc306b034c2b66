import Podstack
import PodstackURLSession

// The peer of SDKLoad: the same client over URLSession.
// Usage: URLSessionLoad COUNT CONCURRENCY; the token and the endpoint come from the environment. Prints requests a second.
guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[1]),
    let concurrency = Int(CommandLine.arguments[2])
else { fatalError("usage: URLSessionLoad COUNT CONCURRENCY") }

let client = try Client(transport: URLSessionTransport(environment: PodstackEnvironment([:])))

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
