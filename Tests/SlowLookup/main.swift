// Asks a service whose name takes long to look up, and one that is at the address of the first argument, over one
// transport. It is a program of its own because the test has something loaded into it.

import Glibc
import Podstack

let transport = CurlTransport(environment: PodstackEnvironment([:]))

func ask(_ endpoint: String, timeout: Duration = .seconds(300)) async -> String {
    do {
        let client = try Client(
            apiToken: "secret-token", apiEndpoint: endpoint, retry: .none, timeout: timeout,
            environment: PodstackEnvironment([:]), transport: transport)
        return try await client.auth.whoami().email
    } catch { return "\(error)" }
}

/// How many names are being looked up.
func lookups() -> Int32 {
    typealias Count = @convention(c) () -> Int32
    return dlsym(nil, "podstack_lookups").map { unsafeBitCast($0, to: Count.self)() } ?? -1
}

let service = CommandLine.arguments[1]
let cancelled = Task { await ask("https://a.slow-lookup.invalid") }
for _ in 0..<2000 where lookups() == 0 { try await Task.sleep(for: .milliseconds(10)) }
print(await ask(service))
cancelled.cancel()
print(await cancelled.value)
print(await ask(service))
print(await ask("https://b.slow-lookup.invalid", timeout: .milliseconds(200)))
print(await ask(service))
print("\(lookups()) names are looked up still")
