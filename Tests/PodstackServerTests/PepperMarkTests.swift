import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A pepper that belongs to another database", .blocking, .databases, .timeLimit(.perTest))
struct PepperMarkTests {
    let server: RunningServer
    var data: String { server.data.file("data") }
    var pepper: String { data + "/pepper" }

    init() throws {
        server = try RunningServer()
        _ = try server.createToken()
        server.server.stop()
    }

    private func setPepper(_ bytes: [UInt8], at path: String? = nil) throws {
        let path = path ?? pepper
        try Data(bytes).write(to: URL(filePath: path))
        #expect(chmod(path, 0o600) == 0)
    }

    private func start() throws {
        _ = try Service(
            directory: DataDirectory(data), database: server.database.flatMap { PostgresURL($0.url) })
    }

    private func run(_ words: String...) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run(
            "podstack-server", words + ["--data", data],
            environment: server.database.map { ["PODSTACK_DATABASE_URL": $0.url] } ?? [:])
    }

    private func own() throws -> [UInt8] { Array(try #require(FileManager.default.contents(atPath: pepper))) }
    private let other = [UInt8](repeating: 9, count: 32)

    private func removeMark() throws {
        _ = try server.server.service.database.write { try $0.run("DELETE FROM pepper_mark") }
    }

    @Test("is refused by every command, and audit verify says that it is wrong", arguments: TestDatabase.selected)
    func refused(_: TestDatabase) throws {
        let own = try own()
        #expect(try run("audit", "verify").status == 0)
        try setPepper(other)
        for words in [["audit", "verify"], ["user", "list"], ["pepper", "status"]] {
            let result = try run(words[0], words[1])
            #expect(result.status == 1 && result.output.isEmpty)
            #expect(
                result.error.hasPrefix(
                    "error: the file pepper in the data directory is not the pepper of this database"))
            #expect(result.error.split(separator: "\n").count == 1)
        }
        #expect(throws: SetupFailure.self) { try start() }
        try setPepper(own)
        #expect(try run("audit", "verify").output.hasPrefix("intact"))
    }

    @Test("is refused for a database without a mark, if the audit log disagrees", arguments: TestDatabase.selected)
    func unmarked(_: TestDatabase) throws {
        let own = try own()
        try removeMark()
        try setPepper(other)
        for _ in 0..<2 { #expect(throws: SetupFailure.self) { try start() } }
        try setPepper(own)
        try start()
        try setPepper(other)
        #expect(throws: SetupFailure.self) { try start() }
    }

    @Test("is distinguished from a changed audit log", arguments: TestDatabase.selected)
    func changed(_: TestDatabase) throws {
        try removeMark()
        let seal = [UInt8](repeating: 1, count: 32)
        _ = try server.server.service.database.write { try $0.execute("UPDATE audit_chains SET seal = \(seal)") }
        let result = try run("audit", "verify")
        #expect(
            result.status == 1 && result.error.contains("the audit log is not as it was written"), "\(result.error)")
        #expect(!result.error.contains("pepper"))
    }

    @Test("is refused beside a previous pepper that belongs to the database", arguments: TestDatabase.selected)
    func previous(_: TestDatabase) throws {
        try setPepper(own(), at: data + "/pepper.previous")
        try setPepper(other)
        #expect(throws: SetupFailure.self) { try start() }
    }

    @Test("is refused as the previous pepper, and named", arguments: TestDatabase.selected)
    func foreignPrevious(_: TestDatabase) throws {
        let path = data + "/pepper.previous"
        #expect(try run("pepper", "rotate").status == 0)
        let previous = Array(try #require(FileManager.default.contents(atPath: path)))
        func expectRefusal() throws {
            try setPepper(other, at: path)
            for words in [["audit", "verify"], ["user", "list"], ["pepper", "status"]] {
                let result = try run(words[0], words[1])
                #expect(result.status == 1 && result.output.isEmpty, "\(result)")
                #expect(
                    result.error.hasPrefix("error: the file pepper.previous in the data directory is not the pepper"),
                    "\(result.error)")
            }
            #expect(throws: SetupFailure.self) { try start() }
            let report = try run("doctor")
            #expect(
                report.status == 1 && report.output.contains("pepper.previous is not the pepper that this database"),
                "\(report.output)")
            try setPepper(previous, at: path)
            #expect(try run("audit", "verify").status == 0)
        }
        try expectRefusal()
        // Earlier versions did not mark the previous pepper, and the rotation came after the events.
        func forget() throws {
            try removeMark()
            _ = try server.server.service.database.write {
                try $0.execute("UPDATE pepper_rotations SET rotated_at = rotated_at + 60")
            }
        }
        try forget()
        try expectRefusal()
        // Without events, the mark decides, which the last start has written.
        _ = try server.server.service.database.write { try $0.execute("DELETE FROM audit_events") }
        try setPepper(other, at: path)
        #expect(throws: SetupFailure.self) { try start() }
        // Without either, nothing speaks against the file; the right one is not refused later.
        try forget()
        try start()
        try setPepper(previous, at: path)
        try start()
    }

    @Test("is not the previous pepper of a second rotation", arguments: TestDatabase.selected)
    func rotatedTwice(_: TestDatabase) throws {
        let path = data + "/pepper.previous"
        #expect(try run("pepper", "rotate").status == 0)
        let first = Array(try #require(FileManager.default.contents(atPath: path)))
        try FileManager.default.removeItem(atPath: path)
        #expect(try run("pepper", "rotate").status == 0)
        try start()
        let second = Array(try #require(FileManager.default.contents(atPath: path)))
        // The events from before the first rotation were not changed.
        let verified = try run("audit", "verify")
        #expect(verified.status == 1 && verified.output.isEmpty)
        #expect(verified.error.contains("because the pepper of that time is lost"), "\(verified.error)")
        try setPepper(first, at: path)
        #expect(throws: SetupFailure.self) { try start() }
        try setPepper(second, at: path)
        try start()
    }

    @Test("a rotation is refused while an instance runs", arguments: TestDatabase.selected)
    func whileRunning(_: TestDatabase) throws {
        let running = try RunningServer()
        defer { running.server.stop() }
        func rotate(_ words: String...) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run(
                "podstack-server", ["pepper", "rotate", "--data", running.data.file("data")] + words,
                environment: running.database.map { ["PODSTACK_DATABASE_URL": $0.url] } ?? [:])
        }
        guard running.database != nil else {
            // The lock of the directory, which only serve takes.
            try DataDirectory(running.data.file("data")).lockForServing()
            #expect(try rotate().error.contains("another podstack-server is serving"))
            return
        }
        let refused = try rotate()
        #expect(refused.status == 1, "\(refused)")
        #expect(refused.error.hasPrefix("error: 1 instance of the service is running"), "\(refused.error)")
        #expect(refused.error.contains("ins_") && refused.error.contains("at this machine"), "\(refused.error)")
        #expect(!FileManager.default.fileExists(atPath: running.data.file("data/pepper.previous")))
        #expect(try rotate("--force").status == 0)
    }

    @Test(
        "is not what a rotation creates, even if nothing starts before the old one is removed",
        arguments: TestDatabase.selected)
    func rotated(_: TestDatabase) throws {
        #expect(try run("pepper", "rotate").status == 0)
        try FileManager.default.removeItem(atPath: data + "/pepper.previous")
        try start()
    }
}
