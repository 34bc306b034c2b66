import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("The cache of verified tokens", .databases, .timeLimit(.perTest))
struct VerifiedTokensTests {
    /// A database that runs a closure after a read, as another thread might.
    private final class OvertakenDatabase: Database {
        private let inner: any Database
        private let overtake = Mutex<(@Sendable () throws -> Void)?>(nil)

        init(_ inner: any Database) { self.inner = inner }

        func afterNextRead(_ body: @escaping @Sendable () throws -> Void) { overtake.withLock { $0 = body } }

        func read<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
            let result = try inner.read(body)
            let act = overtake.withLock { overtake in
                defer { overtake = nil }
                return overtake
            }
            try act?()
            return result
        }

        func write<Result>(_ body: (any DatabaseConnection) throws -> Result) throws -> Result {
            try inner.write(body)
        }

        func checkWritable() throws { try inner.checkWritable() }
    }

    @Test(
        "an identity that was read before a revocation is not cached after it", arguments: TestDatabase.selected,
        ["token", "user"])
    func overtaken(_: TestDatabase, changed: String) throws {
        let server = try RunningServer(clock: ManualClock())
        let token = try server.createToken()
        let service = server.server.service
        let database = OvertakenDatabase(service.database)
        let verifier = TokenVerifier(database: database, digest: service.reuse.digest)
        let id = String(token.dropFirst(9).prefix(8))
        let userID = try service.verifier.verify(token.utf8, now: 0).token.userID
        database.afterNextRead {
            try service.database.write { try SecretStore.apply([.revoke(at: 1)], to: id, in: $0) }
            verifier.forget(
                changed == "token" ? Announcement(tokens: [id]) : Announcement(users: [userID]))
        }
        // This request was on its way before the revocation; the next was not.
        _ = try verifier.verify(token.utf8, now: 0)
        #expect(verifier.knownCount == 0)
        let refusal = #expect(throws: DomainError.self) { try verifier.verify(token.utf8, now: 0) }
        #expect(refusal.map(ErrorResponse.init)?.code == .revokedToken)
    }

    @Test(
        "forgetting a user removes every secret of the user's tokens, and no other",
        arguments: TestDatabase.selected)
    func forgetUser(_: TestDatabase) throws {
        let server = try RunningServer(clock: ManualClock())
        try server.server.addUser("other@example.com")
        let verifier = server.server.service.verifier
        let mine = try (0..<3).map { _ in try server.createToken() }
        let other = try server.server.createToken("other@example.com")
        for token in mine + [other] { _ = try verifier.verify(token.utf8, now: 0) }
        #expect(verifier.knownCount == 4)
        let userID = try verifier.verify(mine[0].utf8, now: 0).token.userID
        verifier.forget(Announcement(users: [userID]))
        #expect(verifier.knownCount == 1)
        verifier.forget(Announcement(tokens: [String(other.dropFirst(9).prefix(8))]))
        #expect(verifier.knownCount == 0)
    }

    @Test(
        "an identity in use stays cached, and is removed from either generation",
        arguments: TestDatabase.selected)
    func generations(_: TestDatabase) throws {
        let server = try RunningServer(clock: ManualClock(), maxActiveTokens: 50)
        let identities = try (0..<10).map { _ in
            try server.server.service.verifier.verify(server.createToken().utf8, now: 0)
        }
        let keys = (0..<10).map { VerifiedTokens.Key([UInt8](repeating: UInt8($0), count: 32)) }
        let verified = VerifiedTokens(room: 3)
        for place in 0..<10 {
            verified.insert(identities[place], for: keys[place], since: verified.find(keys[place]).epoch)
            #expect(verified.find(keys[0]).identity != nil)
            #expect(verified.count <= 6)
        }
        #expect(verified.find(keys[1]).identity == nil)
        let known = (0..<10).filter { verified.find(keys[$0]).identity != nil }
        #expect(known.count >= 3)
        for place in known {
            verified.forget(Announcement(tokens: [identities[place].token.id]))
            #expect(verified.find(keys[place]).identity == nil)
        }
        #expect(verified.count == 0)
        for place in 0..<5 {
            verified.insert(identities[place], for: keys[place], since: verified.find(keys[place]).epoch)
        }
        #expect(verified.count == 5)
        verified.forget(Announcement(users: [identities[0].token.userID]))
        #expect(verified.count == 0)
    }
}
