import Foundation
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("A database with an older schema", .blocking, .databases, .timeLimit(.perTest))
struct OlderSchemaTests {
    let place: ServerPlace
    /// The version of the schema before the newest.
    static let old = Migrations.all.count - 1

    init() throws { place = try ServerPlace() }

    private func database() throws -> any Database {
        guard let cluster = place.database else {
            return try SQLiteDatabase(path: DataDirectory(place.data).databasePath)
        }
        return PostgresDatabase(try #require(PostgresURL(cluster.url)))
    }

    private func run(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", place.data], environment: place.environment)
    }

    private func version() throws -> Int64? {
        try database().read { try $0.query("SELECT version FROM schema_version").first?.integer("version") }
    }

    @Test(
        "is changed by migrate and serve only; every other command says to run migrate",
        arguments: TestDatabase.selected)
    func commands(_: TestDatabase) throws {
        // The tables of an earlier test would have the newest schema.
        try place.database?.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        try Migrations.run(on: database(), all: Array(Migrations.all.prefix(Self.old)))
        let email = "you@example.com"
        for words in [
            ["user", "add", email], ["user", "list"], ["user", "link", email], ["user", "disable", email],
            ["user", "enable", email], ["user", "operator", email], ["user", "remove", email],
            ["token", "create", email, "--name", "t"],
            ["token", "list"], ["token", "revoke", "podstack_00000000"], ["device", "approve", "WDJB-MJHT", email],
            ["audit", "verify"], ["pepper", "status"], ["pepper", "rotate"],
        ] {
            let result = try run(words)
            #expect(result.status == 1 && result.output.isEmpty, "\(words) \(result)")
            let expected = """
                error: the database has schema version \(Self.old), and this program needs version \
                \(Migrations.all.count): back it up, then run podstack-server migrate or start the service, which \
                updates it too

                """
            #expect(result.error == expected, "\(words)")
        }
        #expect(try version() == Int64(Self.old))
        #expect(try run(["doctor"]).output.contains("the schema has version \(Self.old)"))
        let migrated = try run(["migrate"])
        #expect(migrated.output == "schema version \(Self.old) updated to \(Migrations.all.count)\n", "\(migrated)")
        #expect(try run(["user", "add", email]).status == 0)
        #expect(try run(["user", "list"]).output.contains(email))
    }

    @Test("is updated by serve", arguments: TestDatabase.selected)
    func serve(_: TestDatabase) throws {
        try place.database?.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        try Migrations.run(on: database(), all: Array(Migrations.all.prefix(Self.old)))
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", place.data],
            environment: place.environment)
        defer {
            process.signal(SIGTERM)
            process.wait()
        }
        try process.waitForOutput { $0.contains("listening on") }
        #expect(try version() == Int64(Migrations.all.count))
    }
}

@Suite("A data directory of another user", .blocking, .timeLimit(.perTest))
struct DirectoryOwnerTests {
    let place: ServerPlace
    /// The ID of the account `nobody`, which exists on every system.
    static let other: uid_t = 65_534
    static let canChangeUser = geteuid() == 0 && access("/usr/bin/setpriv", X_OK) == 0

    init() throws {
        place = try ServerPlace()
        _ = try ToolProcess.run("podstack-server", ["user", "add", "you@example.com", "--data", place.data])
    }

    /// Runs a command as the account `nobody`.
    private func runAsOther(_ words: [String]) throws -> (status: Int32, error: String, output: String) {
        let process = try ToolProcess(
            installed: "setpriv",
            [
                "--reuid=\(Self.other)", "--regid=\(Self.other)", "--clear-groups",
                ToolProcess.path(of: "podstack-server"),
            ]
                + words + ["--data", place.data])
        return (process.wait(), process.standardError, process.standardOutput)
    }

    private func owner(_ path: String) -> uid_t? {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_uid : nil
    }

    @Test(
        "is refused with the name of its owner and the use of sudo",
        .enabled(if: canChangeUser, "changing the user needs root and setpriv"))
    func refused() throws {
        #expect(chmod(place.folder.path, 0o755) == 0)
        let me = DataDirectory.userName(geteuid())
        let name = DataDirectory.userName(Self.other)
        for words in [
            ["user", "list"], ["token", "list"], ["backup", "/nonexistent/file"], ["pepper", "status"], ["migrate"],
            ["audit", "verify"],
        ] {
            let result = try runAsOther(words)
            #expect(result.status == 1 && result.output.isEmpty)
            let expected =
                "error: \(place.data) belongs to the user \(me), and this command runs as \(name): run it with sudo -u \(me)\n"
            #expect(result.error == expected, "\(words)")
        }
        let served = try runAsOther(["serve", "--listen", "127.0.0.1:0"])
        #expect(served.status == 1 && served.error.contains("run it with sudo -u \(me)"))
        #expect(try runAsOther(["doctor"]).output.contains("Run the command with sudo -u \(me)"))
    }

    @Test(
        "gets only files of its owner from commands that root runs",
        .enabled(if: canChangeUser, "changing the user needs root and setpriv"))
    func root() throws {
        let files = FileManager.default
        func all() throws -> [String] {
            try files.contentsOfDirectory(atPath: place.data).map { place.data + "/" + $0 } + [place.data]
        }
        #expect(chmod(place.folder.path, 0o755) == 0)
        for file in try all() { #expect(chown(file, Self.other, Self.other) == 0) }
        for words in [
            ["user", "list"], ["token", "create", "you@example.com", "--name", "t"], ["pepper", "rotate"], ["migrate"],
            ["audit", "verify"], ["user", "link", "you@example.com"],
        ] {
            let result = try ToolProcess.run("podstack-server", words + ["--data", place.data])
            #expect(result.status == 0, "\(words) \(result.error)")
            #expect(try all().allSatisfy { owner($0) == Self.other }, "\(words)")
        }
        #expect(try runAsOther(["user", "list"]).status == 0)
    }

    @Test(
        "with a file of another user, names the file and its owner",
        .enabled(if: canChangeUser, "changing the user needs root and setpriv"))
    func foreignFile() throws {
        #expect(chmod(place.folder.path, 0o755) == 0)
        for name in ["", "/podstack.sqlite", "/podstack.sqlite.mark", "/pepper"] {
            #expect(chown(place.data + name, Self.other, Self.other) == 0)
        }
        for name in ["pepper", "podstack.sqlite"] {
            let path = place.data + "/" + name
            #expect(chown(path, 0, 0) == 0)
            let result = try runAsOther(["user", "list"])
            #expect(result.status == 1)
            #expect(result.error.contains("\(path), which belongs to the user \(DataDirectory.userName(0)): "))
            #expect(chown(path, Self.other, Self.other) == 0)
        }
        #expect(try runAsOther(["user", "list"]).status == 0)
    }
}

@Suite("Messages about PostgreSQL", .timeLimit(.perTest))
struct PostgresMessageTests {
    @Test("an error is a sentence, with its code at the end")
    func reasons() {
        for (state, meaning) in [
            ("28P01", "the password or the role is wrong"), ("3D000", "the server has no database of this name"),
            ("53300", "the server has no free slot for a connection"), ("57P03", "the server is starting or stopping"),
            ("42P07", "the database has a table of another program with the same name"),
            ("25006", "the server is read-only"),
            ("08XXX", "the connection failed"), ("ZZ000", "the statement failed"),
        ] {
            #expect(PostgresDialect.reason(state) == "PostgreSQL: \(meaning) (\(state))")
        }
        #expect(PostgresDialect.reason(nil) == "PostgreSQL: the connection was lost")
    }

    @Test("the codes in a message about a refused connection are explained, and nothing else changes")
    func refusals() {
        let start = #"connection to server at "127.0.0.1", port 5432 failed: FATAL:"#
        #expect(
            PostgresDialect.explaining(start + "  28P01")
                == start + " the password or the role is wrong (28P01)")
        #expect(
            PostgresDialect.explaining("\(start) 57P03 \(start) 3D000")
                == "\(start) the server is starting or stopping (57P03) \(start) the server has no database of this name "
                + "(3D000)")
        for text in ["failed: Connection refused", "host: 12345", "FATAL: a message", "port 54321 failed"] {
            #expect(PostgresDialect.explaining(text).hasPrefix(String(text.prefix(5))))
        }
        #expect(PostgresDialect.explaining("failed: Connection refused") == "failed: Connection refused")
    }

    @Test("a command that cannot connect says why", .needsPostgreSQL, .blocking)
    func command() throws {
        let database = try PostgresCluster.shared().createDatabase(for: .anything)
        let folder = try TemporaryDirectory()
        let missing = database.portURL.replacing("/\(database.name)", with: "/no_such_database")
        #expect(missing != database.portURL)
        let result = try ToolProcess.run(
            "podstack-server", ["user", "list", "--data", folder.file("data")],
            environment: ["PODSTACK_DATABASE_URL": missing])
        #expect(result.status == 1)
        #expect(result.error.contains("the server has no database of this name (3D000)"), "\(result.error)")
        #expect(result.error.split(separator: "\n").count == 1)
    }
}

@Suite("The numeric options of serve", .blocking, .timeLimit(.perTest))
struct NumericOptionTests {
    private static let flags = ServeCommand.command.flags.filter { ["N", "S"].contains($0.valueName) }

    /// Returns the error of an option's value; doctor checks the options of serve.
    private func error(of name: String, _ value: String, data: String) throws -> String {
        try ToolProcess.run("podstack-server", ["doctor", "--data", data, "--\(name)", value]).error
    }

    @Test("have a range, which the help names; the largest values work")
    func ranges() throws {
        let folder = try TemporaryDirectory()
        let data = folder.file("data")
        let names = Self.flags.map(\.name)
        #expect(names.count == 12, "\(names)")
        var options: [String] = []
        for flag in Self.flags {
            let start = "error: --\(flag.name) must be a whole number from 1 to "
            var largest: Int?
            for value in ["0", "9223372036854775807"] {
                let error = try error(of: flag.name, value, data: data)
                #expect(error.hasPrefix(start), "\(error)")
                largest = Int(error.dropFirst(start.count).prefix { ("0"..."9").contains($0) })
            }
            let maximum = try #require(largest)
            #expect(flag.summary.contains(String(maximum)), "\(flag.name)")
            #expect(try !error(of: flag.name, String(maximum), data: data).contains("whole number"))
            // More threads than a test needs.
            if flag.name != "threads" { options += ["--\(flag.name)", String(maximum)] }
        }
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data] + options)
        try process.waitForOutput { $0.contains("\n") }
        let text = process.standardOutput.prefix { $0 != "\n" }.split(separator: ":").last
        let port = try #require(text.flatMap { UInt16($0) }, "\(process.standardError)")
        let client = TestClient(port: port)
        #expect(try client.request("GET", "/healthz").status == 200)
        #expect(try client.request("GET", "/sign-in").status == 200)
        #expect(
            try client.request(
                "POST", "/v1/device/code", headers: [("Content-Type", "application/json")],
                body: #"{"client_name": "x"}"#
            ).status == 200)
        #expect(
            try client.request(
                "POST", "/v1/tokens/report", headers: [("Content-Type", "application/json")], body: #"{"tokens": []}"#
            ).status == 202)
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
    }
}
