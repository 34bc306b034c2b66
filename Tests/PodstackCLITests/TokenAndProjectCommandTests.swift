import Podstack
import PodstackCLI
import PodstackTestSupport
import Testing

@Suite("podstack: the current token, other tokens, projects", .blocking)
struct TokenAndProjectCommandTests {
    let server: RunningServer
    let home: TemporaryDirectory
    let console: Console

    init() throws {
        server = try RunningServer()
        home = try TemporaryDirectory()
        console = Console(environment: server.environment(home: home))
    }

    /// Logged in, with the token in the credentials file.
    func logIn() async throws -> String {
        let token = try server.makeToken()
        #expect(await console.run("auth", "login", input: token).status == .done)
        return token
    }

    @Test("auth refresh puts a new secret where the old one was, and says nothing of it")
    func refreshProfile() async throws {
        let old = try await logIn()
        let refreshed = await console.run("auth", "refresh", "--grace", "0s")
        #expect(refreshed.status == .done, "\(refreshed.error)")
        #expect(refreshed.output == "Rotated \(old.prefix(17)) in \(home.path)/.podstack/credentials [default]\n")
        #expect(home.read(".podstack/credentials")?.contains(old) == false)
        #expect(await console.run("auth", "whoami").output == "you@example.com\n")
        let stale = await console.run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": old])
        #expect(stale.status == .notAuthenticated)
    }

    @Test("auth refresh of a token from a variable prints the new one alone")
    func refreshVariable() async throws {
        let old = try server.makeToken()
        let refreshed = await console.run("auth", "refresh", environment: ["PODSTACK_API_TOKEN": old])
        let new = String(refreshed.output.dropLast())
        #expect(TokenFormat.id(of: new) == TokenFormat.id(of: old))
        #expect(refreshed.error.contains("Put it where the old one came from: PODSTACK_API_TOKEN"))
        #expect(await console.run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": new]).status == .done)
    }

    @Test("auth logout removes the stored token, and nothing else")
    func logout() async throws {
        _ = try await logIn()
        #expect(await console.run("config", "set", "project_id", "p").status == .done)
        #expect(await console.run("auth", "logout").status == .done)
        #expect(home.read(".podstack/credentials") == "[default]\napi_endpoint = \(server.url)\nproject_id = p\n")
        #expect(await console.run("auth", "logout").status == .failure)
    }

    @Test("token-info shows the token, and revoke ends it")
    func infoAndRevoke() async throws {
        let token = try await logIn()
        let info = await console.run("auth", "token-info")
        #expect(info.output.contains("Prefix:     \(token.prefix(17))\n"))
        #expect(await console.run("auth", "revoke", "--yes").status == .done)
        #expect(await console.run("auth", "token-info").status == .notAuthenticated)
    }

    @Test("a token is shown, changed and rotated by its id or its prefix")
    func otherTokens() async throws {
        _ = try await logIn()
        let made = await console.run("token", "create", "--name", "CI", "--scope", "projects:*")
        let prefix = String(made.output.prefix(17))
        #expect(await console.run("token", "get", prefix).output.contains("Name:       CI\n"))
        let updated = await console.run("token", "update", String(prefix.dropFirst(9)), "--scope", "projects:read")
        #expect(updated.output.contains("Scopes:     projects:read\n"))
        let rotated = await console.run("token", "rotate", prefix, "--grace", "1h")
        #expect(rotated.output.hasPrefix(prefix))
        #expect(rotated.output.count == 57)
        #expect(await console.run("token", "rotate", prefix, "--grace", "soon").status == .usage)
        #expect(await console.run("token", "update", prefix).status == .usage)
    }

    @Test("a project is made, used, shown, changed and deleted")
    func projects() async throws {
        _ = try await logIn()
        let made = await console.run("project", "create", "training", "--description", "models")
        let id = String(made.output.dropLast())
        #expect(id.hasPrefix("prj_"))
        #expect(await console.run("project", "list").output.contains("training"))
        #expect(await console.run("project", "use", id).status == .done)
        #expect(await console.run("project", "current").output.contains("Description: models\n"))
        #expect(await console.run("project", "update", id, "--name", "inference").output.contains("inference"))
        #expect(await console.run("project", "use", "prj_nowhere").status == .notFound)
        #expect(await console.run("config", "unset", "project_id").status == .done)
        #expect(await console.run("project", "delete", id, "--yes").status == .done)
        #expect(await console.run("project", "get", id).status == .notFound)
    }

    @Test("a name in the place of a project's id is told which ids have it")
    func projectNames() async throws {
        _ = try await logIn()
        let id = String(await console.run("project", "create", "training").output.dropLast())
        for words in [["project", "use", "training"], ["project", "get", "Training"]] {
            let outcome = await console.run(words)
            #expect(outcome.status == .notFound)
            let hint = "hint: \"\(words[2])\" is the name of \(id); a project is told by its id\n"
            #expect(outcome.error == "error: There is no such project\n\(hint)")
        }
        #expect(await console.run("project", "use", "other").error == "error: There is no such project\n")
        let members = await console.run("member", "list", "--project", "training")
        #expect(members.error.contains("is the name of \(id)"))
    }

    @Test("a project that is set and gone does not keep another from being used")
    func staleProject() async throws {
        _ = try await logIn()
        let id = String(await console.run("project", "create", "training").output.dropLast())
        #expect(await console.run("config", "set", "project_id", "prj_gone").status == .done)
        #expect(await console.run("project", "current").status == .notFound)
        #expect(await console.run("project", "list").output.contains(id))
        #expect(await console.run("project", "use", id).status == .done)
        #expect(await console.run("project", "current").status == .done)
    }
}
