import Foundation
import PodstackTestSupport
import Testing

/// The real program with an empty data directory.
@Suite("The first account and accounts that the operator adds", .blocking, .databases, .timeLimit(.perTest))
struct FirstAccountTests {
    let place: ServerPlace
    var file: String { place.data + "/first-account-link" }

    init() throws { place = try ServerPlace() }

    func serve() throws -> (ToolProcess, UInt16) {
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", place.data],
            environment: place.environment)
        try process.waitForOutput { $0.contains("\n") }
        let line = process.standardOutput.prefix { $0 != "\n" }
        return (process, try #require(line.split(separator: ":").last.flatMap { UInt16($0) }))
    }

    func administrate(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-server", words + ["--data", place.data], environment: place.environment)
    }

    func isThere() -> Bool { FileManager.default.fileExists(atPath: file) }

    func waitUntilGone() throws {
        try blockUntil(within: .seconds(30), "the link's file is removed") { !isThere() }
    }

    func path(_ link: String) throws -> String {
        String(link[try #require(link.firstRange(of: "/welcome/")).lowerBound...].prefix { !$0.isNewline })
    }

    @Test(
        "without a terminal, the link is in a private file that is removed after use", arguments: TestDatabase.selected)
    func withoutTerminal(_: TestDatabase) throws {
        let (process, port) = try serve()
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("The link that creates the first one is in \(file)\n") }
        let mode = try FileManager.default.attributesOfItem(atPath: file)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        let link = try String(contentsOfFile: file, encoding: .utf8)
        #expect(link.hasPrefix("http://127.0.0.1:\(port)/welcome/"))
        let secret = try path(link).dropFirst("/welcome/".count)
        let client = TestClient(port: port)
        #expect(try client.choose(at: path(link), email: "you@example.com").status == 303)
        #expect(try client.isSignedIn)
        try waitUntilGone()
        process.signal(SIGTERM)
        process.wait()
        #expect(!(process.standardOutput + process.standardError).contains(secret.prefix(16)))
        let (again, _) = try serve()
        defer { again.signal(SIGKILL) }
        #expect(!isThere())
        #expect(!again.standardOutput.contains("There is no account yet"))
    }

    @Test("adding an account in another way removes the link", arguments: TestDatabase.selected)
    func otherMeans(_: TestDatabase) throws {
        let (process, port) = try serve()
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("first-account-link\n") }
        let link = try String(contentsOfFile: file, encoding: .utf8)
        #expect(try administrate(["user", "add", "other@example.com"]).status == 0)
        #expect(!isThere())
        #expect(try TestClient(port: port).get(path(link)).status == 410)
    }

    @Test("on a terminal, the link is printed and not written to a file", arguments: TestDatabase.selected)
    func terminal(_: TestDatabase) throws {
        let program = try ToolProcess.path(of: "podstack-server")
        let process = try ToolProcess(
            installed: "script",
            [
                "-qefc",
                "echo $$ >'\(place.data).pid'; "
                    + "exec '\(program)' serve --listen 127.0.0.1:0 --data '\(place.data)' \(database)",
                "/dev/null",
            ])
        // Stops the server itself: it survives the loss of its terminal.
        defer {
            let text = try? String(contentsOfFile: place.data + ".pid", encoding: .utf8)
            if let id = text.flatMap({ Int32($0.prefix { $0.isNumber }) }) { kill(id, SIGTERM) }
            process.wait()
        }
        try process.waitForOutput { $0.contains("Create the first one at http://127.0.0.1:") }
        #expect(!isThere())
        let port = try #require(process.standardOutput.firstMatch(of: /listening on http:\/\/127\.0\.0\.1:([0-9]+)/))
        let client = TestClient(port: try #require(UInt16(port.1)))
        let link = try path(process.standardOutput)
        #expect(try client.choose(at: link, email: "you@example.com").status == 303)
    }

    private var database: String { place.database.map { "--database '\($0.url)'" } ?? "" }

    @Test("an account is added with a link or with a password from standard input", arguments: TestDatabase.selected)
    func add(_: TestDatabase) throws {
        let (process, port) = try serve()
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("first-account-link\n") }
        let added = try administrate(["user", "add", "you@example.com", "--name", "You"])
        let lines = added.output.split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines[0].hasPrefix("acc_"))
        #expect(lines[1].hasPrefix("http://127.0.0.1:\(port)/welcome/"))
        #expect(try TestClient(port: port).choose(at: path(added.output)).status == 303)

        let elsewhere = try administrate(
            ["user", "link", "you@example.com", "--public-url", "https://podstack.example.com"])
        #expect(elsewhere.output.hasPrefix("https://podstack.example.com/welcome/"))
        #expect(try TestClient(port: port).choose("another good password", at: path(elsewhere.output)).status == 303)
        #expect(
            try TestClient(port: port).signIn(email: "you@example.com", password: "another good password").status
                == 303)

        let again = try administrate(["user", "add", "You@example.com"])
        #expect(again.status == 1)
        #expect(
            again.error
                == "error: You@example.com already has an account; podstack-server user link creates a sign-in link for it\n"
        )
        let missing = try administrate(["user", "link", "nobody@example.com"])
        #expect(missing.status == 1)
        #expect(missing.error.contains("no user has the email address nobody@example.com"))

        let piped = try pipe(
            TestClient.password + "\nwhat follows", ["user", "add", "piped@example.com", "--password-stdin"])
        #expect(piped.status == 0, "\(piped.error)")
        #expect(piped.output.hasPrefix("acc_") && piped.output.split(separator: "\n").count == 1)
        #expect(try TestClient(port: port).signIn(email: "piped@example.com").status == 303)
    }

    @Test("a password from standard input that breaks the rules creates no account", arguments: TestDatabase.selected)
    func badPassword(_: TestDatabase) throws {
        for (input, problem) in [
            ("short\n", "must have at least 12 characters"), ("", "there is no password to read"),
            ("aaaaaaaaaaaaaaaa\n", "must have at least five different characters"),
            ("a@example.com is it\n", "must not contain"),
        ] {
            let result = try pipe(input, ["user", "add", "a@example.com", "--password-stdin"])
            #expect(result.status == 2)
            #expect(result.error.contains(problem), "\(result.error)")
            #expect(result.error.split(separator: "\n").count == 1)
        }
        #expect(try administrate(["user", "link", "a@example.com"]).status == 1)
    }

    /// Runs the program with a file as standard input.
    private func pipe(_ input: String, _ words: [String]) throws -> (status: Int32, output: String, error: String) {
        let file = try place.folder.write(input, to: "input")
        let program = try ToolProcess.path(of: "podstack-server")
        return try ToolProcess.run(
            "/bin/sh",
            ["-c", "input=$1; shift; exec \"$@\" <\"$input\"", "sh", file, program] + words + ["--data", place.data],
            environment: place.environment)
    }
}
