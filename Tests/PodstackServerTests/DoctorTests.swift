import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

@Suite("podstack-server doctor", .blocking, .databases, .timeLimit(.minutes(5)))
struct DoctorTests {
    let place: ServerPlace
    var data: String { place.data }

    init() throws {
        place = try ServerPlace()
        _ = try ToolProcess.run(
            "podstack-server", ["user", "add", "you@example.com", "--data", data], environment: place.environment)
    }

    private struct Finding: Decodable {
        var check: String
        var level: String
        var message: String
        var advice: String?
    }

    private struct Report: Decodable {
        var status: String
        var problems: Int
        var findings: [Finding]

        func problems(_ check: String) -> [Finding] {
            findings.filter { $0.check == check && ["critical", "warning"].contains($0.level) }
        }
    }

    private func doctor(_ words: String...) throws -> (report: Report, status: Int32) {
        let result = try ToolProcess.run(
            "podstack-server", ["doctor", "--output", "json", "--data", data] + words, environment: place.environment)
        let report = try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
        #expect(result.status == (report.problems == 0 ? 0 : 1), "\(result.error)")
        #expect(report.status == (report.problems == 0 ? "ok" : "problems"))
        let levels = ["critical", "warning", "note", "ok"]
        let order = report.findings.compactMap { levels.firstIndex(of: $0.level) }
        #expect(order == order.sorted() && order.count == report.findings.count)
        for finding in report.findings {
            #expect(finding.message.hasSuffix("."), "\(finding)")
            let isProblem = finding.level == "critical" || finding.level == "warning"
            #expect(!isProblem || finding.advice != nil, "\(finding)")
        }
        return (report, result.status)
    }

    @Test("finds no problem where there is none, also beside a running server", arguments: TestDatabase.selected)
    func healthy(_: TestDatabase) throws {
        let (report, status) = try doctor()
        #expect(status == 0, "\(report.findings)")
        for check in ["data_directory", "pepper", "schema", "database", "disk"] {
            #expect(report.findings.contains { $0.check == check && $0.level == "ok" }, "\(check)")
        }
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data], environment: place.environment)
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.hasSuffix("\n") }
        #expect(try doctor().status == 0)
        let text = try ToolProcess.run(
            "podstack-server", ["doctor", "--data", data, "--threads", "3"], environment: place.environment)
        #expect(text.status == 0 && text.output.hasSuffix("no problems found\n"))
    }

    @Test("a mistyped directory is reported, and not created", arguments: TestDatabase.selected)
    func missing(_: TestDatabase) throws {
        let path = place.folder.file("mistyped")
        let result = try ToolProcess.run(
            "podstack-server", ["doctor", "--data", path], environment: place.environment)
        #expect(result.status == 1 && result.output.hasPrefix("CRITICAL  data_directory: "))
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test("open modes are reported for the directory and each file", arguments: TestDatabase.selected)
    func modes(_: TestDatabase) throws {
        chmod(data, 0o755)
        chmod(data + "/pepper", 0o644)
        let report = try doctor().report
        #expect(report.problems("data_directory").contains { $0.message.contains("other users") })
        #expect(report.problems("files").contains { $0.message.contains("/pepper") })
        var status = stat()
        stat(data, &status)
        #expect(status.st_mode & 0o777 == 0o755, "the doctor changes nothing")
    }

    @Test("another pepper, a short one and a missing one are reported", arguments: TestDatabase.selected)
    func pepper(_: TestDatabase) throws {
        let file = data + "/pepper"
        let right = try Data(contentsOf: URL(filePath: file))
        func write(_ bytes: Data) throws {
            try bytes.write(to: URL(filePath: file))
            chmod(file, 0o600)
        }
        try write(Data(repeating: 7, count: 32))
        let other = try doctor().report.problems("pepper")
        #expect(other.contains { $0.message.contains("not that of the database") })
        try write(Data(repeating: 7, count: 31))
        #expect(try doctor().report.problems("pepper").count == 1)
        unlink(file)
        #expect(try doctor().report.problems("pepper").count == 1)
        #expect(!FileManager.default.fileExists(atPath: file))
        // serve refuses to start with a wrong pepper, even if the previous one is right, so doctor must report it.
        try write(Data(repeating: 7, count: 32))
        try right.write(to: URL(filePath: data + "/pepper.previous"))
        chmod(data + "/pepper.previous", 0o600)
        #expect(try doctor().report.problems("pepper").contains { $0.message.contains("not that of the database") })
        let served = try ToolProcess.run(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data], environment: place.environment)
        #expect(served.status == 1 && served.error.contains("is not the pepper of this database"))
        try write(right)
        #expect(try doctor().report.problems("pepper").isEmpty)
    }

    @Test(
        "a pepper from before the last rotation that is missing and needed is reported",
        arguments: TestDatabase.selected)
    func previousPepper(_: TestDatabase) throws {
        func run(_ words: String...) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run("podstack-server", words + ["--data", data], environment: place.environment)
        }
        let verified = try run("audit", "verify")
        #expect(verified.output.hasPrefix("intact: ") && verified.output.contains(" of 1 account, of "), "\(verified)")
        #expect(try run("token", "create", "you@example.com", "--name", "t").status == 0)
        let previous = data + "/pepper.previous"
        try? FileManager.default.removeItem(atPath: previous)
        // On PostgreSQL, the instance that ended last is taken for running until its lease is over.
        #expect(try run("pepper", "rotate", "--force").status == 0)
        #expect(try doctor().report.problems("pepper").isEmpty)
        let kept = try Data(contentsOf: URL(filePath: previous))
        unlink(previous)
        let found = try doctor().report.problems("pepper")
        #expect(found.count == 1 && found[0].message.contains("pepper.previous is missing"), "\(found)")
        let status = try run("pepper", "status")
        #expect(status.status == 1 && status.output.contains("tokens not used since the rotation: "))
        #expect(status.error.hasPrefix("error: \(previous) is missing: restore it"), "\(status.error)")
        // Nothing is called modified: the events cannot be verified.
        let lost = try run("audit", "verify")
        #expect(lost.status == 1 && lost.output.isEmpty, "\(lost)")
        #expect(lost.error.contains("cannot be verified, because \(previous) is missing"), "\(lost.error)")
        try kept.write(to: URL(filePath: previous))
        chmod(previous, 0o600)
        #expect(try run("audit", "verify").status == 0)
        #expect(try run("pepper", "status").status == 0)
    }

    @Test("a damaged and a missing SQLite database are reported", arguments: TestDatabase.selected)
    func sqlite(_: TestDatabase) throws {
        guard place.database == nil else { return }
        let file = data + "/podstack.sqlite"
        let whole = try Data(contentsOf: URL(filePath: file))
        func replace(_ bytes: Data) throws {
            for suffix in ["-wal", "-shm"] { unlink(file + suffix) }
            try bytes.write(to: URL(filePath: file))
            chmod(file, 0o600)
        }
        for (offset, count) in [(0, 100), (4096, 4096 * 20)] {
            var bytes = whole
            for index in offset..<min(bytes.count, offset + count) { bytes[index] = 0xA5 }
            try replace(bytes)
            let report = try doctor().report
            #expect(!(report.problems("database") + report.problems("schema")).isEmpty, "\(offset)")
        }
        unlink(file)
        for suffix in ["-wal", "-shm"] { unlink(file + suffix) }
        #expect(try doctor().report.problems("database").count == 1)
        #expect(!FileManager.default.fileExists(atPath: file))
    }

    @Test("a newer schema, and an audit event from the future, are reported", arguments: TestDatabase.selected)
    func contents(_: TestDatabase) throws {
        let url = place.database.flatMap { PostgresURL($0.url) }
        let database: any Database =
            if let url { PostgresDatabase(url) } else { try SQLiteDatabase(path: data + "/podstack.sqlite") }
        _ = try database.write { connection in
            let future = Service.systemClock() + 3600
            return try connection.execute("UPDATE audit_events SET created_at = \(future)")
        }
        #expect(try doctor().report.problems("clock").contains { $0.message.contains("newest audit event") })
        _ = try database.write { try $0.execute("UPDATE schema_version SET version = version + 100") }
        // Another test may get the database.
        defer { _ = try? database.write { try $0.execute("UPDATE schema_version SET version = version - 100") } }
        #expect(try doctor().report.problems("schema").contains { $0.message.contains("supports up to") })
    }

    @Test("a database that cannot be reached is reported without its password", arguments: TestDatabase.selected)
    func unreachable(_: TestDatabase) throws {
        let result = try ToolProcess.run(
            "podstack-server", ["doctor", "--data", data],
            environment: ["PODSTACK_DATABASE_URL": "postgres://me:s3cret@127.0.0.1:1/x"])
        #expect(result.status == 1 && result.output.contains("CRITICAL  database: "))
        #expect(!(result.output + result.error).contains("s3cret"))
    }

    @Test("certificates that do not fit, expired or for another host are reported", arguments: TestDatabase.selected)
    func certificates(_: TestDatabase) throws {
        let authority = try PrivateAuthority()
        let good = try authority.issue("localhost", for: "DNS:localhost")
        let other = try authority.issue("other", for: "DNS:other.example.com")
        let (fine, _) = try doctor(
            "--tls-cert", good.certificate, "--tls-key", good.key, "--public-url", "https://localhost")
        #expect(fine.problems("tls").allSatisfy { $0.level == "warning" }, "\(fine.findings)")
        let mixed = try doctor("--tls-cert", good.certificate, "--tls-key", other.key)
        #expect(mixed.report.problems("tls").contains { $0.level == "critical" })
        let host = try doctor(
            "--tls-cert", other.certificate, "--tls-key", other.key, "--public-url", "https://localhost")
        #expect(host.report.problems("tls").contains { $0.message.contains("not for the host") })
        let expired = try authority.issue("expired", for: "DNS:localhost", isExpired: true)
        let late = try doctor("--tls-cert", expired.certificate, "--tls-key", expired.key)
        #expect(late.report.problems("tls").contains { $0.message.contains("expired at") })
        let missing = try doctor("--tls-cert", data + "/missing", "--tls-key", good.key)
        #expect(missing.report.problems("tls").contains { $0.level == "critical" })
    }

    @Test(
        "implausible addresses are reported", arguments: TestDatabase.selected,
        [
            (["--public-url", "https://a.example.com"], "no certificate and no proxy"),
            (["--behind-proxy", "127.0.0.1"], "without --public-url"),
            (["--behind-proxy", "127.0.0.1", "--public-url", "http://a.example.com"], "unencrypted"),
            (
                ["--behind-proxy", "127.0.0.1", "--listen", "0.0.0.0:80", "--public-url", "https://a.example.com"],
                "without it and without TLS"
            ),
        ])
    func addresses(_: TestDatabase, options: (words: [String], expected: String)) throws {
        let (words, expected) = options
        let result = try ToolProcess.run(
            "podstack-server", ["doctor", "--data", data] + words, environment: place.environment)
        #expect(result.status == 1 && result.output.contains(expected), "\(result.output)")
    }

    @Test("wrong options are wrong usage, as for serve", arguments: TestDatabase.selected)
    func usage(_: TestDatabase) throws {
        for words in [["--tls-cert", "x"], ["--listen", "x"], ["--output", "xml"], ["--behind-proxy", "x"], ["y"]] {
            let result = try ToolProcess.run("podstack-server", ["doctor", "--data", data] + words)
            #expect(result.status == 2 && result.error.hasPrefix("error: ") && result.output.isEmpty)
        }
    }

    @Test("nothing that the doctor prints is a secret", arguments: TestDatabase.selected)
    func secrets(_: TestDatabase) throws {
        let pepper = try Data(contentsOf: URL(filePath: data + "/pepper"))
        let result = try ToolProcess.run("podstack-server", ["doctor", "--data", data], environment: place.environment)
        let output = Data((result.output + result.error).utf8)
        #expect(output.range(of: pepper) == nil && output.range(of: Data(pepper.base64EncodedString().utf8)) == nil)
        #expect(!result.output.contains("secret"))
    }
}
