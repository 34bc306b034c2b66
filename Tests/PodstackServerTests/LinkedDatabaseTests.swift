import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A database with two names", .blocking, .timeLimit(.perTest))
struct LinkedDatabaseTests {
    let folder: TemporaryDirectory
    var data: String { folder.file("data") }
    var path: String { data + "/podstack.sqlite" }
    /// Where the database is moved to: another folder, as on another disk.
    var other: String { folder.file("other") }
    var files: FileManager { .default }

    init() throws {
        folder = try TemporaryDirectory()
        try files.createDirectory(atPath: other, withIntermediateDirectories: false)
    }

    private func run(_ words: [String], data: String? = nil) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", data ?? self.data])
    }

    /// Every kind of command that opens the database.
    private var commands: [[String]] {
        [
            ["user", "list"], ["user", "disable", "you@example.com"], ["user", "add", "me@example.com"],
            ["token", "list"], ["audit", "verify"], ["backup", folder.file("backup")],
            ["pepper", "status"], ["pepper", "rotate"], ["migrate"], ["doctor"],
        ]
    }

    private func expectRefusal(_ reason: String) throws {
        for words in commands {
            let result = try run(words)
            #expect(result.status == 1, "\(words)")
            #expect((result.error + result.output).contains(reason), "\(words): \(result.output)\(result.error)")
        }
        #expect(!files.fileExists(atPath: folder.file("backup")))
        #expect(!files.fileExists(atPath: folder.file("backup.partial")))
    }

    @Test("is not served while a link is in its place, no command opens it, and nothing is lost when it is back")
    func linkedWhileRunning() async throws {
        let server = try EmbeddedServer(directory: data)
        try server.addUser("you@example.com")
        let tokens = try (0..<2).map { _ in try server.createToken("you@example.com") }
        let client = TestClient(port: server.port, tokens[0])
        func change() throws -> TestResponse { try client.send("POST", "/v1/projects", #"{"name": "p"}"#) }
        #expect(try change().status == 201)
        let moved = other + "/podstack.sqlite"
        try files.moveItem(atPath: path, toPath: moved)
        try files.createSymbolicLink(atPath: path, withDestinationPath: moved)
        try await eventually("a read notices it") {
            try TestClient(port: server.port, TestToken.generate(id: "00000000")).tokenState() == "unavailable"
        }
        #expect(try TestClient(port: server.port, tokens[1]).tokenState() == "unavailable")
        #expect(try change().code == "unavailable")
        #expect(try TestClient(port: server.port).request("GET", "/readyz").status == 503)
        try expectRefusal("symbolic link")
        // No process has opened the database through the link.
        #expect(try files.contentsOfDirectory(atPath: other) == ["podstack.sqlite"])
        try files.removeItem(atPath: path)
        try files.moveItem(atPath: moved, toPath: path)
        #expect(try change().status == 201)
        let projects = try client.send("GET", "/v1/projects").decoded(Page<Project>.self).elements
        #expect(projects.count == 3)
        server.stop()
        let verified = try run(["audit", "verify"])
        #expect(verified.status == 0, "\(verified.output)\(verified.error)")
        #expect(try run(["doctor"]).output.contains("SQLite finds no damage"))
    }

    @Test(
        "is neither served nor opened if a file is a link before the start",
        arguments: ["podstack.sqlite", "podstack.sqlite-wal", "podstack.sqlite-shm", "podstack.sqlite.mark"])
    func linkedBefore(name: String) throws {
        #expect(try run(["user", "add", "you@example.com"]).status == 0)
        let moved = other + "/" + name
        if files.fileExists(atPath: data + "/" + name) {
            try files.moveItem(atPath: data + "/" + name, toPath: moved)
        } else {
            #expect(files.createFile(atPath: moved, contents: nil))
        }
        let before = files.contents(atPath: moved)
        try files.createSymbolicLink(atPath: data + "/" + name, withDestinationPath: moved)
        try expectRefusal("symbolic link")
        #expect(throws: SetupFailure.self) { try EmbeddedServer(directory: data) }
        #expect(files.contents(atPath: moved) == before)
        #expect(try files.contentsOfDirectory(atPath: other) == [name])
    }

    @Test("is never created through a link that leads nowhere")
    func dangling() throws {
        try files.createDirectory(atPath: data, withIntermediateDirectories: false)
        try files.createSymbolicLink(atPath: path, withDestinationPath: other + "/podstack.sqlite")
        let result = try run(["user", "add", "you@example.com"])
        #expect(result.status == 1 && result.error.contains("symbolic link"), "\(result)")
        #expect(throws: SetupFailure.self) { try EmbeddedServer(directory: data) }
        #expect(try files.contentsOfDirectory(atPath: other).isEmpty)
    }

    @Test("is not opened under a hard link, nor beside one")
    func hardLink() throws {
        #expect(try run(["user", "add", "you@example.com"]).status == 0)
        try files.linkItem(atPath: path, toPath: other + "/podstack.sqlite")
        try expectRefusal("hard link")
        #expect(throws: SetupFailure.self) { try EmbeddedServer(directory: data) }
        try files.removeItem(atPath: other + "/podstack.sqlite")
        #expect(try run(["audit", "verify"]).status == 0)
    }

    @Test("is what it was if the whole directory is reached through a link")
    func linkedDirectory() throws {
        #expect(try run(["user", "add", "you@example.com"]).status == 0)
        let link = folder.file("link")
        try files.createSymbolicLink(atPath: link, withDestinationPath: data)
        let server = try EmbeddedServer(directory: link)
        let token = try server.createToken("you@example.com")
        let client = TestClient(port: server.port, token)
        #expect(try client.tokenState() == "ok")
        let revoked = try run(["token", "revoke", String(token.prefix(17))])
        #expect(revoked.status == 0, "\(revoked.error)")
        #expect(try client.tokenState() == "revoked_token")
        server.stop()
        #expect(try run(["audit", "verify"], data: link).status == 0)
    }

    @Test("a truncated mark ends no process, and no cached state is used until it is written again")
    func truncatedMark() throws {
        #expect(try run(["user", "add", "you@example.com"]).status == 0)
        let server = try EmbeddedServer(directory: data)
        defer { server.stop() }
        let token = try server.createToken("you@example.com")
        let client = TestClient(port: server.port, token)
        #expect(try client.tokenState() == "ok")
        #expect(truncate(path + ".mark", 0) == 0)
        #expect(try client.tokenState() == "ok")
        #expect(try run(["token", "revoke", String(token.prefix(17))]).status == 0)
        #expect(try client.tokenState() == "revoked_token")
    }
}
