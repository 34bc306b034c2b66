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
        // Until the next check of the paths, a read uses the open files, which are right.
        try await eventually("a read notices it") {
            let state = try TestClient(session.server, TestToken.generate(id: "00000000")).tokenState()
            #expect(["invalid_token", "unavailable"].contains(state))
            return state == "unavailable"
        }
        for _ in 0..<2 {
            #expect(try unknown.tokenState() == "unavailable")
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
        #expect(try change().status == 201)
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
            try await eventually("a read notices it") {
                try TestClient(session.server, TestToken.generate(id: "00000000")).tokenState() == "unavailable"
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
    func watched() async throws {
        let housekeeping = Housekeeping(session.server.server.service)
        let path = data + "/podstack.sqlite"
        func events(_ name: String) -> Int { session.server.log.split(separator: "\n").count { $0.contains(name) } }
        housekeeping.run()
        try files.moveItem(atPath: path, toPath: folder.file("away"))
        try await eventually("the loss is logged") {
            housekeeping.run()
            return events("database_lost") == 1
        }
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

@Suite("A file that is copied over the open database", .blocking, .timeLimit(.perTest))
struct OverwrittenDatabaseTests {
    let folder: TemporaryDirectory
    var data: String { folder.file("data") }
    var path: String { data + "/podstack.sqlite" }
    var files: FileManager { .default }

    init() throws { folder = try TemporaryDirectory() }

    /// Copies a file over another one, which stays the same file.
    ///
    /// Another process does it: this one would lose its locks on the database when it closes the file.
    private func copy(_ source: String, to path: String) throws {
        let result = try ToolProcess.run("/bin/cp", [source, path])
        guard result.status == 0 else { throw SetupFailure(result.error) }
    }

    /// Returns what a request with a token that is in no cache gets: "ok" or an error code.
    private func state(_ server: EmbeddedServer, _ token: String) throws -> String {
        try TestClient(port: server.port, token).tokenState()
    }

    @Test(
        "makes every request unavailable at once, and never looks like an empty database",
        arguments: ["another database", "a backup", "a copy from before the start", "zeros", "nothing"])
    func overwritten(by kind: String) throws {
        _ = try ToolProcess.run("podstack-server", ["user", "add", "you@example.com", "--data", data])
        let (old, original) = (folder.file("old"), folder.file("original"))
        try copy(path, to: old)
        let server = try EmbeddedServer(directory: data)
        let tokens = try (0..<3).map { _ in try server.createToken("you@example.com") }
        let backup = folder.file("backup")
        #expect(try ToolProcess.run("podstack-server", ["backup", backup, "--data", data]).status == 0)
        try copy(path, to: original)
        switch kind {
        case "another database":
            let another = folder.file("another")
            _ = try ToolProcess.run("podstack-server", ["user", "add", "me@example.com", "--data", another])
            try copy(another + "/podstack.sqlite", to: path)
        case "a backup": try copy(backup, to: path)
        case "a copy from before the start": try copy(old, to: path)
        case "zeros": try copy(try folder.write(String(repeating: "\0", count: 500_000), to: "zeros"), to: path)
        default: try copy("/dev/null", to: path)
        }
        for token in [tokens[0], TestToken.generate(id: "00000000")] {
            #expect(try state(server, token) == "unavailable")
        }
        let client = TestClient(port: server.port, tokens[1])
        #expect(try client.send("POST", "/v1/projects", #"{"name": "p"}"#).code == "unavailable")
        #expect(try TestClient(port: server.port).request("GET", "/readyz").status == 503)
        let failure = #expect(throws: DatabaseFailure.self) {
            try server.service.database.read { try UserStore.isEmpty(in: $0) }
        }
        #expect(failure?.kind == .unreachable)
        #expect(failure?.reason.contains("podstack.sqlite was overwritten") == true, "\(failure?.reason ?? "")")
        // SQLite may have kept pages of the other file, so that not even the right one can be used without a restart.
        try copy(original, to: path)
        #expect(try state(server, tokens[2]) == "unavailable")
        server.stop()
        #expect(!files.fileExists(atPath: path + "-wal.overwritten"))
    }

    @Test("is what the next start uses, without the changes of the database that it has overwritten")
    func restarted() throws {
        func run(_ words: String...) throws -> String {
            let result = try ToolProcess.run("podstack-server", words + ["--data", data])
            guard result.status == 0 else { throw SetupFailure(result.error) }
            return String(result.output.split(separator: "\n").last ?? "")
        }
        func serve() throws -> (ToolProcess, TestClient) {
            let process = try ToolProcess("podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data])
            try process.waitForOutput { $0.contains("\n") }
            let port = process.standardOutput.prefix { $0 != "\n" }.split(separator: ":").last.flatMap { UInt16($0) }
            return (process, TestClient(port: try #require(port)))
        }
        func state(_ token: String, _ client: TestClient) throws -> String? {
            try client.request("GET", "/v1/auth/whoami", headers: [("Authorization", "Bearer \(token)")]).code
        }
        _ = try run("user", "add", "you@example.com")
        let (process, client) = try serve()
        let kept = try run("token", "create", "you@example.com", "--name", "kept")
        _ = try run("backup", folder.file("backup"))
        let lost = try run("token", "create", "you@example.com", "--name", "lost")
        try copy(folder.file("backup"), to: path)
        #expect(try state(kept, client) == "unavailable")
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        #expect(files.fileExists(atPath: path + "-wal.overwritten"))
        let (next, nextClient) = try serve()
        #expect(try state(kept, nextClient) == nil)
        #expect(try state(lost, nextClient) == "invalid_token")
        #expect(try run("doctor").contains("no problems found"))
        _ = try run("token", "create", "you@example.com", "--name", "new")
        next.signal(SIGTERM)
        #expect(next.wait() == 0)
    }

    @Test("is never noticed where there is none, whatever commands, checkpoints and new stamps do")
    func undisturbed() throws {
        let server = try EmbeddedServer(directory: data)
        defer { server.stop() }
        try server.addUser("you@example.com")
        let command = try SQLiteDatabase(path: path, mayCreate: false)
        func fill(_ database: any Database) throws {
            // 100 pages each, so that the write-ahead log is copied into the database several times.
            try database.write { _ = try $0.execute("INSERT INTO write_checks (data) VALUES (zeroblob(409600))") }
        }
        for _ in 0..<30 {
            try fill(server.service.database)
            try fill(command)
            #expect(try server.service.database.read { try !UserStore.isEmpty(in: $0) })
            #expect(try command.read { try !UserStore.isEmpty(in: $0) })
        }
    }

    @Test("a stamp is renewed once an hour, and the file never goes back to an older one")
    func stamps() throws {
        let stamp = DatabaseStamp(path: "db")
        stamp.begin(with: 1, next: 2)
        let third = try #require(stamp.renewal(now: 100))
        #expect(stamp.renewal(now: 3699) == nil)
        let fourth = try #require(stamp.renewal(now: 3700))
        #expect(stamp.isValid { 1 } && !stamp.isValid { 5 } && !stamp.isValid { nil })
        for found in [2, third, fourth] { #expect(stamp.isValid { found }) }
        for found in [1, 2, third] { #expect(!stamp.isValid { found }) }
        #expect(stamp.isValid { fourth })
        // Without checkpoints, the number of stamps that the file may have is limited.
        let renewed = (2...100).compactMap { stamp.renewal(now: 3700 * $0) }
        #expect(renewed.count < 50)
        try stamp.check { fourth }
        #expect(throws: DatabaseFailure.self) { try stamp.check { 5 } }
        #expect(throws: DatabaseFailure.self) { try stamp.check { fourth } }
    }

    @Test("a new file has no stamp until its first checkpoint")
    func new() throws {
        let stamp = DatabaseStamp(path: "db")
        stamp.begin(with: nil, next: 0)
        let first = try #require(stamp.renewal(now: 0))
        for found in [nil, 0, first] { #expect(stamp.isValid { found }) }
        for found in [nil, 0] as [UInt32?] { #expect(!stamp.isValid { found }) }
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

    /// Creates the schema without an account.
    private func createSchema(_ migrations: [[SQL]] = Migrations.all) throws {
        let new = try SQLiteDatabase(path: database)
        try Migrations.run(on: new, all: migrations)
    }

    private func removeDatabase() throws {
        for suffix in ["", "-wal", "-shm"] { try? files.removeItem(atPath: database + suffix) }
    }

    @Test("does not start with a pepper beside a database that has no account", arguments: [nil, 12])
    func noAccount(version: Int?) throws {
        try removeDatabase()
        try createSchema(Array(Migrations.all.prefix(version ?? Migrations.all.count)))
        let failure = #expect(throws: SetupFailure.self) { try Service(directory: DataDirectory(place.data)) }
        #expect(failure?.message.contains("has no account, so the pepper beside it belongs to another") == true)
        for words in [["serve", "--listen", "127.0.0.1:0"], ["doctor"]] {
            let result = try ToolProcess.run("podstack-server", words + ["--data", place.data])
            #expect(result.status == 1 && (result.error + result.output).contains("has no account"), "\(result)")
        }
        // Without the pepper, it is a new database.
        try files.removeItem(atPath: place.data + "/pepper")
        _ = try Service(directory: DataDirectory(place.data))
        _ = try Service(directory: DataDirectory(place.data))
    }

    @Test("does not start with the database of another program", arguments: [true, false])
    func otherTables(hasPepper: Bool) throws {
        try removeDatabase()
        if !hasPepper { try files.removeItem(atPath: place.data + "/pepper") }
        try SQLiteDatabase(path: database).write { _ = try $0.execute("CREATE TABLE users (id TEXT)") }
        for words in [["serve", "--listen", "127.0.0.1:0"], ["migrate"], ["user", "list"]] {
            let result = try ToolProcess.run("podstack-server", words + ["--data", place.data])
            #expect(result.status == 1 && result.error.contains("is not a database of podstack-server"), "\(result)")
        }
        let tables = try SQLiteDatabase(path: database, mayCreate: false).tables()
        #expect(tables == ["users"])
    }

    @Test("starts after a first start that was interrupted at any point, with the same pepper")
    func interrupted() throws {
        let pepper = place.data + "/pepper"
        func restart() throws -> Data {
            _ = try Service(directory: DataDirectory(place.data))
            #expect(!files.fileExists(atPath: pepper + ".next"))
            return try #require(files.contents(atPath: pepper))
        }
        let first = try restart()
        // The database is marked, and the pepper is not installed yet.
        try files.moveItem(atPath: pepper, toPath: pepper + ".next")
        #expect(try restart() == first)
        // The pepper is staged, and the database is not marked yet.
        try files.moveItem(atPath: pepper, toPath: pepper + ".next")
        _ = try SQLiteDatabase(path: database, mayCreate: false).write { try $0.execute("DELETE FROM pepper_mark") }
        #expect(try restart() == first)
        // The staged pepper is not that of the database: it belongs to an interrupted rotation, and the pepper is lost.
        try files.removeItem(atPath: pepper)
        try Data(repeating: 7, count: 32).write(to: URL(filePath: pepper + ".next"))
        #expect(chmod(pepper + ".next", 0o600) == 0)
        let failure = #expect(throws: SetupFailure.self) { try Service(directory: DataDirectory(place.data)) }
        #expect(failure?.message.contains("pepper is missing") == true)
    }
}
