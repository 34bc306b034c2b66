import Foundation
import Podstack
import PodstackTesting
import Testing

@testable import UnusedTokens

@Suite struct UnusedTokensTests {
    let service = FakeService()

    @Test func findsAndRevokesUnusedTokens() async throws {
        let old = service.createToken(name: "old", expiresIn: .never)
        service.clock.advance(by: .seconds(40 * 86_400))
        let client = try service.client()
        let unused = UnusedTokens(client: client)
        let found = try await unused.find(before: service.clock.date.addingTimeInterval(-30 * 86_400))
        #expect(found.map(\.name) == ["old"])
        #expect(try await unused.revoke(found) == [])
        await #expect(throws: AuthenticationError.self) { try await service.client(token: old).auth.whoami() }
    }

    @Test func reportsTokensThatItMayNotRevoke() async throws {
        let unused = UnusedTokens(client: try service.client(scopes: [.tokensRead]))
        #expect(try await unused.revoke([.sample]) == ["CI"])
    }
}
