// Sends requests to a service whose host name takes long to look up, and to the service at the URL of the first argument,
// over one transport. It is a program of its own because the test preloads a library into it.

import Glibc
import Podstack

let transport = CurlTransport(environment: PodstackEnvironment([:]))

func send(to endpoint: String, timeout: Duration = .seconds(300)) async -> String {
    do {
        let client = try Client(
            apiToken: "secret-token", apiEndpoint: endpoint, retry: .none, timeout: timeout,
            environment: PodstackEnvironment([:]), transport: transport)
        return try await client.auth.whoami().email
    } catch { return "\(error)" }
}

/// Returns the number of lookups that are running.
func lookups() -> Int32 {
    typealias Count = @convention(c) () -> Int32
    return dlsym(nil, "podstack_lookups").map { unsafeBitCast($0, to: Count.self)() } ?? -1
}

let service = CommandLine.arguments[1]
let canceled = Task { await send(to: "https://a.slow-lookup.invalid") }
for _ in 0..<2000 where lookups() == 0 { try await Task.sleep(for: .milliseconds(10)) }
print(await send(to: service))
canceled.cancel()
print(await canceled.value)
print(await send(to: service))
print(await send(to: "https://b.slow-lookup.invalid", timeout: .milliseconds(200)))
print(await send(to: service))
print("\(lookups()) lookups are still running")
