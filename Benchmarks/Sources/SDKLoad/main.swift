import Podstack

// Usage: SDKLoad COUNT CONCURRENCY; the token and the endpoint come from the environment. Prints requests per second.
guard CommandLine.arguments.count == 3, let count = Int(CommandLine.arguments[1]),
    let concurrency = Int(CommandLine.arguments[2])
else { fatalError("usage: SDKLoad COUNT CONCURRENCY") }

let client = try Client()

@Sendable func load(_ requests: Int) async throws {
    for _ in 0..<requests { _ = try await client.auth.whoami() }
}

@Sendable func run(_ requests: Int) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<concurrency { group.addTask { try await load(requests / concurrency) } }
        try await group.waitForAll()
    }
}

try await run(min(count, 1000))
let start = ContinuousClock.now
try await run(count)
let seconds = (ContinuousClock.now - start) / .seconds(1)
print(Int(Double(count) / seconds))
