import PodstackCryptography
import Testing

@testable import PodstackServer

@Suite("Released migrations", .timeLimit(.minutes(1)))
struct ReleasedMigrationsTests {
    /// The SHA-256 of each released migration.
    ///
    /// A new migration adds a line; a line never changes.
    private static let digests = [
        "d313c7ec60bfb99cca9be868be15ce53bd0f336392ffd1b77efe789ad6c6316a",
        "408589fa87a3973b0beadda979ebec11f86542fd0827869ed1fcd76f01813026",
        "56c374b3fcd2881c50ab10423d273756dbcf03aacee76d589697e6e9ede1e019",
        "587732fca137f42ffc6f3fcc82241c25e44fbfed683ee3a47d7f116531607359",
        "9a502b5c24567214990240d3a3907b6dc781c6a853d861c9c69e3f1f49191b9b",
        "bf26caa2582764113434f28a5e63e3ae36da11231eaf7b4abae7ba345af23041",
        "bfc89a4c1af7589b9fc873d46a553ba113ef171d399ec86591ca1b1bf829a19b",
        "fef43e8343c9678c0330eee64d414ee7c14d2f28f8e6b48f2fad7cda95bb9ee1",
        "777ef306041ce433e55ef4ba548bec7ab801cab51cc3425b0e3615ffbe3b4ff9",
        "a87f2e7c50314f028fa868f98769c8c787960b1df3c52670d89bc789e6e5ed7d",
        "9b47cfb82a89f7a95d62685431c5160ec0cae45e97c8d3b98f2c956aed7c56fc",
        "0adfa9624c7588af44c8bd6f03b91eb5752e349cd9d0230dc254a5b4bc679aa6",
        "efe9d9d6160c2c27cd0b792e957dd4ed7fb72454ffc0543a2c2b10a6c14a2167",
        "93ed6c04869ee4ab41ed23a61a0643107b2c073b9e3bae9eb4ed6c8f48ba33f5",
        "8e1ea63a7a614b8cccf3e401bcb4926dd6dee22386847fdf152bfd27c89c5bfa",
        "f76aaa19f106d07f7cc56b14cae615b61283576694e1db03cb21588bfe562681",
    ]

    @Test("a released migration never changes")
    func unchanged() {
        let digests = Migrations.all.map { statements in
            Sodium.sha256(statements.map(\.text).joined(separator: "\n;\n").utf8)
                .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        }
        #expect(digests == Self.digests)
    }

    @Test("no migration has an argument, so its text is complete")
    func complete() {
        for statement in Migrations.all.joined() { #expect(statement.arguments.isEmpty, "\(statement.text)") }
    }
}
