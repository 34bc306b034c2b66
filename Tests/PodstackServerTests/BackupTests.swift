import Foundation
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

@Suite("Backing up and restoring", .blocking, .timeLimit(.perTest))
struct BackupTests {
    let session: TestClient
    let folder: TemporaryDirectory
    var data: String { session.server.data.file("data") }

    init() throws {
        session = try TestClient(maxActiveTokens: 100_000, maxProjects: 100_000)
        folder = try TemporaryDirectory()
    }

    func run(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words)
    }

    @Test("a backup of a running server, with the pepper, restores the whole service")
    func restore() throws {
        let other = try session.createToken()
        let file = folder.file("backup")
        let created = try run(["backup", file, "--data", data])
        #expect(created.status == 0, "\(created.error)")
        #expect(created.output == "backed up to \(file)\n")
        #expect(created.error.contains("pepper is not in it"))
        let attributes = try FileManager.default.attributesOfItem(atPath: file)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["backup"])
        let later = try session.createToken()

        // The steps of docs/operating.md.
        let restored = folder.file("restored")
        try FileManager.default.createDirectory(atPath: restored, withIntermediateDirectories: false)
        try FileManager.default.copyItem(atPath: file, toPath: restored + "/podstack.sqlite")
        let early = try run(["audit", "verify", "--data", restored])
        #expect(early.status == 1)
        #expect(early.error.contains("pepper is missing"))
        try FileManager.default.copyItem(atPath: data + "/pepper", toPath: restored + "/pepper")
        let server = try EmbeddedServer(directory: restored)
        func status(_ token: String) throws -> Int {
            let headers = [("Authorization", "Bearer \(token)")]
            return try RawHTTP(port: server.port).request("GET", "/v1/auth/whoami", headers: headers).status
        }
        #expect(try status(session.token) == 200)
        #expect(try status(other.token) == 200)
        #expect(try status(later.token) == 401)
        #expect(try run(["audit", "verify", "--data", restored]).status == 0)
    }

    private final class Count: Sendable {
        let number = Atomic<Int>(0)
    }

    @Test("a backup during writes is one consistent moment, and contains everything before it")
    func consistent() async throws {
        let session = session
        let created = Count()
        let stop = Flag()
        // Large enough for a copy in several steps.
        let filler = String(repeating: "x", count: 900)
        for index in 0..<200 {
            let body = #"{"name": "p\#(index)", "description": "\#(filler)"}"#
            #expect(try session.send("POST", "/v1/projects", body).status == 201)
        }
        let file = folder.file("backup")
        let data = data
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { stop.set() }
            group.addTask {
                while !stop.isSet {
                    guard try session.send("POST", "/v1/projects", #"{"name": "n"}"#).status == 201 else { continue }
                    created.number.add(1, ordering: .sequentiallyConsistent)
                }
            }
            try await eventually("five projects are created") {
                created.number.load(ordering: .sequentiallyConsistent) >= 5
            }
            let before = created.number.load(ordering: .sequentiallyConsistent)
            try SQLiteBackup.create(of: data + "/podstack.sqlite", to: file)
            stop.set()
            try await group.waitForAll()
            let copy = try SQLiteConnection(path: file)
            #expect(try copy.run("PRAGMA integrity_check", []).first?.text(0) == "ok")
            let count = try copy.run("SELECT COUNT(*) FROM projects", []).first?.integer(0) ?? 0
            // The log has one event per project, in the copy as in the database; the first project is the account's.
            let events = try copy.run("SELECT COUNT(*) FROM audit_events WHERE resource_type = 'project'", [])
            #expect(try events.first?.integer(0) == count - 1)
            #expect(count >= Int64(201 + before))
        }
    }

    @Test("a backup overwrites no file, and removes its file if it fails")
    func failures() throws {
        let taken = try folder.write("mine", to: "taken")
        #expect(try run(["backup", taken, "--data", data]).error.contains("already exists"))
        #expect(folder.read("taken") == "mine")
        #expect(try run(["backup", folder.file("no/backup"), "--data", data]).status == 1)
        let nowhere = try run(["backup", folder.file("b"), "--data", folder.file("typo")])
        #expect(nowhere.error.contains("is not a data directory"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("typo")))
        // The copy fails in the middle, as on a full disk.
        let database = try TemporaryDirectory().write("no database, but long enough to be taken for one", to: "db")
        #expect(throws: SetupFailure.self) { try SQLiteBackup.create(of: database, to: folder.file("b")) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["taken"])
    }

    @Test("on a full disk, a backup fails with one sentence and removes its file")
    func fullDisk() throws {
        let result = try ToolProcess.run(
            "/bin/sh",
            [
                "-c", "ulimit -f 8; exec \"$@\"", "sh", ToolProcess.path(of: "podstack-server"), "backup",
                folder.file("b"), "--data", data,
            ])
        #expect(result.status == 1, "\(result)")
        #expect(result.error.hasPrefix("error: cannot back up"), "\(result.error)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
    }

    @Test("migrate prints the old and the new version")
    func migrate() throws {
        let old = folder.file("old")
        try FileManager.default.createDirectory(atPath: old, withIntermediateDirectories: false)
        let database = try SQLiteDatabase(path: old + "/podstack.sqlite")
        try Migrations.run(on: database, all: Array(Migrations.all.prefix(2)))
        let newest = Migrations.all.count
        #expect(try run(["migrate", "--data", old]).output == "schema version 2 updated to \(newest)\n")
        #expect(try run(["migrate", "--data", old]).output == "schema version \(newest): the newest\n")
        #expect(try run(["migrate", "--data", folder.file("typo")]).status == 1)
    }
}
