import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A database that is moved while the server runs", .blocking, .timeLimit(.perTest))
struct MovedDatabaseTests {
    let session: TestClient
    let folder: TemporaryDirectory
    var data: String { session.server.data.file("data") }
    var files: FileManager { .default }

    init() throws {
        session = try TestClient(maxActiveTokens: 100)
        folder = try TemporaryDirectory()
    }

    private func change() throws -> TestResponse { try session.send("POST", "/v1/projects", #"{"name": "p"}"#) }

    private func count() throws -> Int? {
        let response = try session.send("GET", "/v1/projects?limit=200")
        return response.status == 200 ? try response.decoded(Page<Project>.self).elements.count : nil
    }

    @Test(
        "is unavailable, is never created anew, and works again when it is back",
        arguments: ["podstack.sqlite", "podstack.sqlite-wal", "podstack.sqlite-shm", "podstack.sqlite.mark", ""])
    func moved(name: String) async throws {
        #expect(try change().status == 201)
        let before = try #require(try count())
        let place = name.isEmpty ? data : data + "/" + name
        // Never used, so that no cache knows it.
        let unknown = TestClient(session.server, try session.server.createToken())
        try files.moveItem(atPath: place, toPath: folder.file("away"))
        for _ in 0..<2 {
            let state = try unknown.tokenState()
            #expect(state == "unavailable")
            #expect(try TestClient(session.server, TestToken.generate(id: "00000000")).tokenState() == "unavailable")
            let refused = try change()
            #expect(refused.status == 503 && refused.code == "unavailable", "\(refused.body)")
        }
        #expect(try TestClient(session.server).request("GET", "/readyz").status == 503)
        #expect(!files.fileExists(atPath: place))
        #expect(session.server.log.contains("is missing: put the file back"))
        let command = try ToolProcess.run("podstack-server", ["user", "list", "--data", data])
        if name == "podstack.sqlite" {
            #expect(command.status == 1 && command.error.contains("no database"), "\(command.error)")
            #expect(!files.fileExists(atPath: place))
        } else {
            // A command may have created files of its own.
            try? files.removeItem(atPath: place)
        }
        try files.moveItem(atPath: folder.file("away"), toPath: place)
        try await eventually("the service works again") { try change().status == 201 }
        #expect(try count() == before + 1)
        #expect(try unknown.tokenState() == "ok")
        let service = session.server.server.service
        #expect(try AuditVerification(of: service.database, chain: service.changes.trail.chain).faults == [])
    }

    @Test("is unavailable while another database is in its place, and says what to do")
    func replaced() async throws {
        let other = try TestClient()
        other.server.server.stop()
        let path = data + "/podstack.sqlite"
        let unknown = TestClient(session.server, try session.server.createToken())
        try files.moveItem(atPath: path, toPath: folder.file("away"))
        for replacement in ["other", "copy", "empty"] {
            switch replacement {
            case "other": try files.copyItem(atPath: other.server.data.file("data/podstack.sqlite"), toPath: path)
            case "copy": try files.copyItem(atPath: folder.file("away"), toPath: path)
            default: #expect(files.createFile(atPath: path, contents: nil))
            }
            #expect(try unknown.tokenState() == "unavailable")
            #expect(try change().code == "unavailable")
            try files.removeItem(atPath: path)
        }
        #expect(session.server.log.contains("podstack.sqlite was replaced by another file"))
        try files.moveItem(atPath: folder.file("away"), toPath: path)
        #expect(try unknown.tokenState() == "ok")
        #expect(try change().status == 201)
    }

    @Test("acknowledges no change that goes to a file which is no longer the database")
    func duringWrite() throws {
        let database = session.server.server.service.database
        let path = data + "/podstack.sqlite"
        #expect(throws: DatabaseFailure.self) {
            try database.write { connection in
                try connection.run("UPDATE schema_version SET version = version")
                try files.moveItem(atPath: path, toPath: folder.file("away"))
            }
        }
        try files.moveItem(atPath: folder.file("away"), toPath: path)
        try database.write { _ = try $0.run("UPDATE schema_version SET version = version") }
    }

    @Test("is reported once in the log when nothing uses it, and so is its return")
    func watched() throws {
        let housekeeping = Housekeeping(session.server.server.service)
        let path = data + "/podstack.sqlite"
        func events(_ name: String) -> Int { session.server.log.split(separator: "\n").count { $0.contains(name) } }
        housekeeping.run()
        try files.moveItem(atPath: path, toPath: folder.file("away"))
        for _ in 0..<3 { housekeeping.run() }
        #expect(events("database_lost") == 1 && events("database_again") == 0)
        try files.moveItem(atPath: folder.file("away"), toPath: path)
        for _ in 0..<3 { housekeeping.run() }
        #expect(events("database_lost") == 1 && events("database_again") == 1)
    }

    @Test("a revocation by a command ends a cached token, although the shared mark was replaced")
    func replacedMark() async throws {
        let path = data + "/podstack.sqlite.mark"
        #expect(try session.tokenState() == "ok")
        try files.copyItem(atPath: path, toPath: folder.file("copy"))
        try files.removeItem(atPath: path)
        try files.moveItem(atPath: folder.file("copy"), toPath: path)
        try await eventually("no cached state is used") { try session.tokenState() == "unavailable" }
    }
}

@Suite("A directory whose database is missing", .blocking, .timeLimit(.perTest))
struct MissingDatabaseTests {
    let place: ServerPlace
    var files: FileManager { .default }
    var database: String { place.data + "/podstack.sqlite" }

    init() throws {
        place = try ServerPlace()
        _ = try Service(directory: DataDirectory(place.data))
    }

    @Test("gets no new one: only a new directory does")
    func missing() throws {
        for name in ["podstack.sqlite", "podstack.sqlite-wal", "podstack.sqlite-shm"] {
            try? files.removeItem(atPath: place.data + "/" + name)
        }
        for words in [["serve", "--listen", "127.0.0.1:0"], ["user", "list"], ["user", "add", "x@example.com"]] {
            let result = try ToolProcess.run("podstack-server", words + ["--data", place.data])
            #expect(result.status == 1 && result.error.contains("has a pepper but no database"), "\(result.error)")
        }
        #expect(!files.fileExists(atPath: database))
        try files.removeItem(atPath: place.data + "/pepper")
        _ = try Service(directory: DataDirectory(place.data))
    }

    @Test("gets no new one in the place of an empty file")
    func empty() throws {
        for suffix in ["", "-wal", "-shm"] { try? files.removeItem(atPath: database + suffix) }
        #expect(files.createFile(atPath: database, contents: nil))
        let failure = #expect(throws: SetupFailure.self) { try Service(directory: DataDirectory(place.data)) }
        #expect(failure?.message.contains("is empty") == true)
    }

    @Test("gets no new one beside the log of another")
    func log() throws {
        for name in ["podstack.sqlite", "pepper"] { try files.removeItem(atPath: place.data + "/" + name) }
        #expect(files.createFile(atPath: database + "-wal", contents: Data("log".utf8)))
        let failure = #expect(throws: SetupFailure.self) { try Service(directory: DataDirectory(place.data)) }
        #expect(failure?.message.contains("without its database") == true)
        #expect(!files.fileExists(atPath: database))
    }
}
