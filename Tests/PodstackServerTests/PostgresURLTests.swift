import Testing

@testable import PodstackServer

@Suite("The URL of a database", .timeLimit(.perTest))
struct PostgresURLTests {
    @Test("a URL is not shown by printing what holds it")
    func urlIsSecret() throws {
        let url = try #require(PostgresURL("postgres://me:quite%20secret@localhost/db"))
        var dumped = ""
        dump(url, to: &dumped)
        for text in ["\(url)", String(reflecting: url), dumped, "\([url])"] { #expect(!text.contains("secret")) }
        #expect(url.hasPassword)
        #expect(url.withoutPassword("a quite secret\nb") == "a … b")
    }

    @Test(
        "a server elsewhere is not spoken to in the clear, unless the URL says so",
        arguments: [
            ("postgres:///db", true), ("postgres://localhost/db", true), ("postgres://127.0.0.1,[::1]/db", true),
            ("postgres://%2Frun%2Fpostgresql/db", true), ("postgres://db.example.com/db", false),
            ("postgres://127.0.0.1,db.example.com/db", false), ("postgres://localhost/db?hostaddr=192.0.2.1", false),
            ("postgresql://localhost/db?host=db.example.com", false),
        ])
    func local(url: String, isLocal: Bool) { #expect(PostgresURL(url)?.isLocal == isLocal) }
}
