import Foundation
import PodstackAPI
import PodstackTestSupport
import Testing

/// Follows the section "Several instances" of `docs/operating.md` with the real program, in two directories.
@Suite("Several instances, as an operator sets them up", .blocking, .needsPostgreSQL, .timeLimit(.perTest))
struct SeveralInstancesTests {
    let folder: TemporaryDirectory
    let database: PostgresCluster.Database

    init() throws {
        folder = try TemporaryDirectory()
        database = try PostgresCluster.shared().createDatabase(for: .anything)
    }

    private func administrate(_ machine: String, _ words: String...) throws -> (status: Int32, output: String) {
        let result = try ToolProcess.run(
            "podstack-server", words + ["--data", folder.file(machine)],
            environment: ["PODSTACK_DATABASE_URL": database.portURL])
        return (result.status, result.output + result.error)
    }

    private func serve(_ machine: String) throws -> (process: ToolProcess, port: UInt16) {
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", folder.file(machine)],
            environment: ["PODSTACK_DATABASE_URL": database.portURL])
        do { try process.waitForOutput { $0.hasSuffix("\n") } } catch {
            process.signal(SIGKILL)
            throw error
        }
        // A second line may contain the path of the link for the first account.
        let line = process.standardOutput.prefix { $0 != "\n" }
        return (process, try #require(line.split(separator: ":").last.flatMap { UInt16($0) }))
    }

    private func copyPepper() throws {
        try FileManager.default.createDirectory(atPath: folder.file("second"), withIntermediateDirectories: true)
        let copy = folder.file("second") + "/pepper"
        try FileManager.default.copyItem(atPath: folder.file("first") + "/pepper", toPath: copy)
        #expect(chmod(copy, 0o600) == 0)
    }

    @Test("once a command returns, its change is in effect at all instances")
    func commands() throws {
        let first = try serve("first")
        defer { first.process.signal(SIGTERM) }
        #expect(try administrate("first", "user", "add", "you@example.com").status == 0)
        // The database is in use, and this machine does not have its pepper.
        let early = try administrate("second", "user", "list")
        #expect(early.status == 1 && early.output.contains("pepper"))
        try copyPepper()
        // Forgetting the database's URL must not create another database.
        for words in [["user", "list"], ["user", "add", "x@example.com"], ["serve", "--listen", "127.0.0.1:0"]] {
            let lost = try ToolProcess.run("podstack-server", words + ["--data", folder.file("second")])
            #expect(lost.status == 1 && lost.error.contains("PODSTACK_DATABASE_URL"), "\(lost.output + lost.error)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("second"))
        #expect(!names.contains("podstack.sqlite"))
        let second = try serve("second")
        defer { second.process.signal(SIGTERM) }
        #expect(try administrate("second", "user", "add", "other@example.com").status == 0)
        for (machine, email) in [("first", "other@example.com"), ("second", "you@example.com")] {
            let created = try administrate(machine, "token", "create", email, "--name", "t")
            #expect(created.status == 0, "\(created.output)")
            let holders = [first.port, second.port].map {
                TestClient(port: $0, String(created.output.dropLast()), keepsConnection: true)
            }
            for _ in 0..<2 { #expect(try holders.allSatisfy { try $0.tokenState() == "ok" }) }
            #expect(try administrate(machine, "user", "disable", email).status == 0)
            #expect(try holders.map { try $0.tokenState() } == ["account_disabled", "account_disabled"])
            #expect(try administrate(machine == "first" ? "second" : "first", "user", "enable", email).status == 0)
            #expect(try holders.allSatisfy { try $0.tokenState() == "ok" })
            #expect(try holders[0].send("DELETE", "/v1/tokens/self").status == 204)
            #expect(try holders[1].tokenState() == "revoked_token")
        }
        let page = try RawHTTP(port: first.port).request(
            "POST", "/v1/device/code", headers: [("Content-Type", "application/json")], body: #"{"client_name": "tv"}"#)
        let code = try page.decoded(DeviceCode.self)
        #expect(try administrate("second", "device", "approve", code.userCode, "you@example.com").status == 0)
        let fetched = try RawHTTP(port: second.port).request(
            "POST", "/v1/device/token", headers: [("Content-Type", "application/json")],
            body: #"{"device_code": "\#(code.deviceCode)"}"#)
        let secret = try #require(try fetched.decoded(CreatedToken.self).secret)
        for port in [first.port, second.port] {
            #expect(try TestClient(port: port, secret, keepsConnection: true).tokenState() == "ok")
        }
        for machine in ["first", "second"] { #expect(try administrate(machine, "audit", "verify").status == 0) }
    }

    @Test("the pepper is rotated while all instances are stopped, and each continues with a copy of both files")
    func pepper() throws {
        #expect(try administrate("first", "user", "add", "you@example.com").status == 0)
        let created = try administrate("first", "token", "create", "you@example.com", "--name", "t")
        #expect(try administrate("first", "pepper", "rotate").status == 0)
        try copyPepper()
        let previous = "/pepper.previous"
        try FileManager.default.copyItem(
            atPath: folder.file("first") + previous, toPath: folder.file("second") + previous)
        for machine in ["second", "first"] {
            let (process, port) = try serve(machine)
            #expect(
                try TestClient(port: port, String(created.output.dropLast()), keepsConnection: true).tokenState()
                    == "ok")
            process.signal(SIGTERM)
            #expect(process.wait() == 0)
        }
        #expect(try administrate("second", "pepper", "status").status == 0)
    }
}
