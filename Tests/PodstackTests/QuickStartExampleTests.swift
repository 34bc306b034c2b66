// The test of the article Quick Start, as it is printed there.

// snippet
import Podstack
import PodstackTesting
import Testing

@Test("whoami returns the user of the token")
func whoami() async throws {
    let transport = RecordingTransport(.user(email: "you@example.com"))
    let client = try Client(apiToken: "test", environment: PodstackEnvironment([:]), transport: transport)
    let user = try await client.auth.whoami()
    #expect(user.email == "you@example.com")
    #expect(transport.requests.map(\.method) == ["GET"])
}
// end
