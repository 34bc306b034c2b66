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
            ("postgresql://localhost/db?host=db.example.com", false), ("postgres://127.0.0.1,localhost/db", true),
            ("postgres://a.example.com,127.0.0.1/db?hostaddr=,127.0.0.1", false),
            ("postgres://127.0.0.1,b.example.com/db?hostaddr=127.0.0.1,", false),
            ("postgres://127.0.0.1,b.example.com/db?hostaddr=127.0.0.1,192.0.2.1", false),
        ])
    func local(url: String, isLocal: Bool) { #expect(PostgresURL(url)?.isLocal == isLocal) }

    @Test("several servers are accepted only if one that accepts changes is used")
    func severalHosts() {
        for (options, isAccepted) in [
            ("", true), ("?target_session_attrs=read-write", true), ("?target_session_attrs=primary", true),
            ("?target_session_attrs=any", false), ("?target_session_attrs=prefer-standby", false),
            ("?target_session_attrs=standby", false), ("?target_session_attrs=read-only", false),
        ] {
            let url = PostgresURL("postgres://me:secret@a.example.com:5432,b.example.com:5433/db" + options)
            #expect((url != nil) == isAccepted, "\(options)")
            #expect(url?.hasSeveralHosts != false)
        }
        #expect(PostgresURL("postgres://a.example.com/db?target_session_attrs=any")?.hasSeveralHosts == false)
    }

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
