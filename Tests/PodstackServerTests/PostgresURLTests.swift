import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("The URL of a database", .timeLimit(.perTest))
struct PostgresURLTests {
    @Test("a value that contains a URL does not print the URL")
    func urlIsSecret() throws {
        let url = try #require(PostgresURL("postgres://me:quite%20secret@localhost/db"))
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped, "\([url])"] { #expect(!text.contains("secret")) }
        #expect(url.hasPassword)
        #expect(url.withoutPassword("a quite secret\nb") == "a … b")
    }

    @Test(
        "a server on another machine requires TLS, unless the URL allows plain text",
        arguments: [
            ("postgres:///db", true), ("postgres://localhost/db", true), ("postgres://127.0.0.1,[::1]/db", true),
            ("postgres://%2Frun%2Fpostgresql/db", true), ("postgres://db.example.com/db", false),
            ("postgres://127.0.0.1,db.example.com/db", false), ("postgres://localhost/db?hostaddr=192.0.2.1", false),
            ("postgresql://localhost/db?host=db.example.com", false),
        ])
    func local(url: String, isLocal: Bool) { #expect(PostgresURL(url)?.isLocal == isLocal) }

    @Test("a server without TLS on another machine is refused, unless the URL allows it", .blocking, .needsPostgreSQL)
    func remoteWithoutTLS() throws {
        let database = try PostgresCluster.shared().createDatabase(for: .anything)
        // A form of 127.0.0.1 that counts as another machine.
        let remote = database.portURL.replacing("127.0.0.1", with: "2130706433")
        let url = try #require(PostgresURL(remote))
        #expect(!url.isLocal)
        let failure = #expect(throws: DatabaseFailure.self) { try PostgresConnection(url) }
        #expect(failure?.reason.contains("SSL") == true)
        let allowed = try #require(PostgresURL(remote + "?sslmode=disable"))
        #expect(try PostgresConnection(allowed).isAlive)
    }
}
