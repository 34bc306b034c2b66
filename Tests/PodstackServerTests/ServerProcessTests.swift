import Foundation
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// Runs the real program, as an operator does.
@Suite("podstack-server as a process", .blocking, .databases, .timeLimit(.minutes(10)))
struct ServerProcessTests {
    let place: ServerPlace
    var data: String { place.data }

    init() throws { place = try ServerPlace() }

    func serve() throws -> (ToolProcess, RawHTTP) {
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data],
            environment: place.environment)
        try process.waitForOutput { $0.hasSuffix("\n") }
        let prefix = "podstack-server listening on http://127.0.0.1:"
        // A second line names the link that creates the first account.
        let line = process.standardOutput.prefix { $0 != "\n" }
        #expect(line.hasPrefix(prefix))
        let port = try #require(UInt16(line.dropFirst(prefix.count)))
        return (process, try RawHTTP(port: port))
    }

    func administrate(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", data], environment: place.environment)
    }

    func createToken() throws -> String {
        let created = try administrate([
            "token", "create", "you@example.com", "--name", "t", "--max-active-tokens", "99",
        ])
        #expect(created.status == 0, "\(created.error)")
        return String(created.output.dropLast())
    }

    func status(_ connection: RawHTTP, _ token: String, _ method: String = "GET", _ path: String = "/v1/auth/whoami")
        throws -> Int
    {
        try connection.request(method, path, headers: [("Authorization", "Bearer \(token)")]).status
    }

    @Test("users and tokens that are created while a server runs are valid at once", arguments: TestDatabase.selected)
    func administration(_: TestDatabase) throws {
        let (process, connection) = try serve()
        defer { process.signal(SIGKILL) }
        let user = try administrate(["user", "add", "you@example.com", "--name", "You"])
        #expect(user.status == 0)
        #expect(user.output.hasPrefix("acc_"))
        #expect(try administrate(["user", "add", "You@Example.com"]).status == 1)
        let token = try createToken()
        #expect(token.count == 56)
        #expect(try status(connection, token) == 200)
    }

    @Test("every file in the data directory is its owner's alone, whatever the umask", arguments: TestDatabase.selected)
    func permissions(_: TestDatabase) throws {
        let process = try ToolProcess(
            "/bin/sh",
            [
                "-c", "umask 0; exec \"$@\"", "sh", ToolProcess.path(of: "podstack-server"), "serve", "--listen",
                "127.0.0.1:0", "--data", data,
            ], environment: place.environment)
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("\n") }
        let files = FileManager.default
        let names = try files.contentsOfDirectory(atPath: data)
        #expect(names.contains("pepper"))
        #expect(names.contains("podstack.sqlite-wal") == (place.database == nil))
        for name in names {
            let mode = try files.attributesOfItem(atPath: "\(data)/\(name)")[.posixPermissions] as? NSNumber
            #expect(mode?.intValue == 0o600, "\(name)")
        }
        let folder = try files.attributesOfItem(atPath: data)[.posixPermissions] as? NSNumber
        #expect(folder?.intValue == 0o700)
    }

    @Test("SIGTERM ends the server with status 0, and last-used times are stored", arguments: TestDatabase.selected)
    func drain(_: TestDatabase) throws {
        _ = try administrate(["user", "add", "you@example.com"])
        let token = try createToken()
        let (process, connection) = try serve()
        #expect(try status(connection, token) == 200)
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        let (second, again) = try serve()
        defer { second.signal(SIGKILL) }
        let list = try again.request("GET", "/v1/tokens", headers: [("Authorization", "Bearer \(try createToken())")])
        let first = try #require(list.body.range(of: "\"prefix\":\"podstack_\(token.dropFirst(9).prefix(8))\""))
        #expect(!list.body[..<first.lowerBound].suffix(150).contains("\"last_used_at\":null"))
    }

    @Test("acknowledged changes survive kill -9, every time", arguments: TestDatabase.selected)
    func kill(_: TestDatabase) throws {
        _ = try administrate(["user", "add", "you@example.com"])
        // On PostgreSQL each revocation waits until the lease of the killed instance has expired.
        for _ in 0..<(place.database == nil ? 10 : Rounds.count(2, long: 10)) {
            let (process, connection) = try serve()
            let kept = try createToken()
            let revoked = try createToken()
            #expect(try status(connection, revoked, "DELETE", "/v1/tokens/self") == 204)
            process.signal(SIGKILL)
            #expect(process.wait() == 128 + SIGKILL)
            let (next, again) = try serve()
            #expect(try status(again, kept) == 200)
            #expect(try status(again, revoked) == 401)
            next.signal(SIGKILL)
            next.wait()
        }
    }

    @Test("the audit log can be verified while a server runs", arguments: TestDatabase.selected)
    func audit(_: TestDatabase) throws {
        _ = try administrate(["user", "add", "you@example.com"])
        _ = try createToken()
        let (process, _) = try serve()
        defer { process.signal(SIGKILL) }
        let intact = try administrate(["audit", "verify"])
        #expect(intact.status == 0)
        #expect(intact.output == "intact: 2 events of 1 account, of 2 ever written\n")
    }

    @Test("a second server on the same data directory is rejected", arguments: TestDatabase.selected)
    func secondServer(_: TestDatabase) throws {
        guard place.database == nil else { return }
        let (process, _) = try serve()
        defer { process.signal(SIGKILL) }
        let second = try administrate(["serve", "--listen", "127.0.0.1:0"])
        #expect(second.status == 1)
        #expect(second.error.contains("another podstack-server is serving"))
    }

    @Test(
        "wrong usage is an error with one line and status 2",
        arguments: TestDatabase.selected,
        [
            ["serve", "--lisen", "x"], ["serve", "--listen", "0.0.0.0:80"], ["user", "add"], ["user", "add", "nobody"],
            ["token", "create", "a@b.c"], ["fly"], ["audit"], ["audit", "verify", "x"],
            ["serve", "--behind-proxy", "example.com"], ["serve", "--requests-per-minute", "0"],
            ["token", "create", "a@b.c", "--name", "n", "--scope", "cats"],
        ])
    func usage(_: TestDatabase, words: [String]) throws {
        let result = try administrate(words)
        #expect(result.status == 2)
        #expect(result.error.hasPrefix("error: "))
        #expect(result.error.split(separator: "\n").count == 1)
    }

    @Test(
        "no message contains the password of the database, whatever is wrong with its URL",
        arguments: TestDatabase.selected)
    func password(_: TestDatabase) throws {
        guard let database = place.database else { return }
        let good = database.portURL
        let secret = "quite%20secret"
        for (url, status) in [
            (good, 0), (good.replacing("127.0.0.1", with: "127.0.0.2").replacing("secret", with: "secret2"), 1),
            (good.replacing(secret, with: secret + "x"), 1), (good.replacing(database.name, with: "nowhere"), 1),
            (good + "?connect_timeout=x", 1), (good + "?nonsense=1", 2), (good + "?x", 2),
            (good.replacing("postgres:", with: "http:"), 2), (good.replacing("\(database.cluster.port)", with: "1"), 1),
        ] {
            for inEnvironment in [true, false] {
                let words = ["audit", "verify", "--data", data] + (inEnvironment ? [] : ["--database", url])
                let result = try ToolProcess.run(
                    "podstack-server", words, environment: inEnvironment ? ["PODSTACK_DATABASE_URL": url] : [:])
                #expect(Int(result.status) == status, "\(result.error)")
                let output = result.output + result.error
                #expect(!output.contains("quite") && !output.contains("postgres://podstack"), "\(output)")
                #expect(output.contains("command line") == (!inEnvironment && status < 2), "\(output)")
            }
        }
    }

    @Test(
        "--help shows the help of the command, and is an error for an unknown command", arguments: TestDatabase.selected
    )
    func help(_: TestDatabase) throws {
        func run(_ words: String...) throws -> (status: Int32, output: String, error: String) {
            try ToolProcess.run("podstack-server", words)
        }
        let whole = try run("--help")
        #expect(whole.status == 0 && whole.output.contains("  serve ") && whole.output.contains("  migrate "))
        #expect(whole.output.split(separator: "\n").allSatisfy { $0.count < 120 })
        for command in ServerTool.program.commands {
            let help = try ToolProcess.run("podstack-server", command.words + ["--help"])
            #expect(help.status == 0)
            #expect(help.output.hasPrefix("Usage: podstack-server \(command.fullUsage)\n"))
            for flag in command.flags + ServerTool.program.globalFlags {
                #expect(help.output.contains("  \(flag.usage)"), "\(command.name)")
            }
            // The doctor takes the options of serve.
            #expect(["serve", "doctor"].contains(command.name) || !help.output.contains("--listen"))
        }
        #expect(try run("help", "user", "add").output == run("user", "add", "-h").output)
        #expect(try run("token", "--help").output.contains("  token create  "))
        let bogus = try run("bogus", "--help")
        #expect(bogus.status == 2)
        #expect(bogus.error.hasPrefix("error: unknown command \"bogus\" ("))
        #expect(try run("serv").error.contains("unknown command \"serv\"; did you mean \"serve\"?"))
        #expect(try run("token", "crate").error.contains("did you mean \"token create\"?"))
        #expect(try run("user", "add", "--nam", "x").error.contains("unknown option --nam; did you mean \"--name\"?"))
    }

    @Test("a mistyped argument that may be a secret is not repeated", arguments: TestDatabase.selected)
    func secrets(_: TestDatabase) throws {
        let secret = "postgres://me:s3cret@db/x"
        for (words, message) in [
            (["user", "list", "--databse=\(secret)"], "unknown option --databse; did you mean \"--database\"?"),
            (["--database=\(secret)", "serve"], "the command comes first, and --database after it"),
            (["user", "--database=\(secret)", "list"], "missing command after \"user\""),
            (["user", "lost", secret], "unknown command \"user lost\"; did you mean \"user list\"?"),
            (["user", "list", "-p\(secret)"], "unknown option -p"),
            (["user", "list", "--s3cret-that-is-as-long-as-a-token"], "unknown option …"),
            (["user", "list", "s3cret-that-is-as-long-as-a-token"], "unexpected argument \"…\""),
            (["user", "add", "a@example.com", "--password-stdin=\(secret)"], "--password-stdin takes no value"),
        ] {
            let (status, output, error) = try ToolProcess.run("podstack-server", words)
            #expect(status == 2 && output.isEmpty)
            #expect(error.hasPrefix("error: \(message)"), "\(error)")
            #expect(!error.contains("s3cret"))
        }
    }

    @Test("no sign-in link is created for a disabled user", arguments: TestDatabase.selected)
    func disabledLink(_: TestDatabase) throws {
        #expect(try administrate(["user", "add", "you@example.com"]).status == 0)
        #expect(try administrate(["user", "disable", "you@example.com"]).status == 0)
        let refused = try administrate(["user", "link", "you@example.com"])
        #expect(refused.status == 1 && refused.output.isEmpty)
        #expect(refused.error.hasPrefix("error: you@example.com is disabled"))
        #expect(try administrate(["user", "enable", "you@example.com"]).status == 0)
        #expect(try administrate(["user", "link", "you@example.com"]).status == 0)
    }
}
