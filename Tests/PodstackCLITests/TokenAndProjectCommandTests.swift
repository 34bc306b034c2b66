import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack auth, token and project", .blocking, .timeLimit(.minutes(5)))
struct TokenAndProjectCommandTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: false) }

    /// Logs in, which stores a token in the credentials file, and returns the token.
    func logIn() async throws -> String {
        let token = try server.createToken()
        #expect(await console.run("auth", "login", input: token).status == .success)
        return token
    }

    @Test("auth refresh replaces the token in the credentials file, and does not print it")
    func refreshProfile() async throws {
        let old = try await logIn()
        let refreshed = await console.run("auth", "refresh", "--grace", "0s")
        #expect(refreshed.status == .success, "\(refreshed.error)")
        #expect(refreshed.output == "Rotated \(old.prefix(17)) in \(home.path)/.podstack/credentials [default]\n")
        #expect(home.read(".podstack/credentials")?.contains(old) == false)
        #expect(await console.run("auth", "whoami").output == "you@example.com\n")
        let stale = await console.run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": old])
        #expect(stale.status == .notAuthenticated)
    }

    @Test("auth refresh of a token from a variable prints only the new token")
    func refreshVariable() async throws {
        let old = try server.createToken()
        let refreshed = await console.run("auth", "refresh", environment: ["PODSTACK_API_TOKEN": old])
        let new = String(refreshed.output.dropLast())
        #expect(TokenFormat.id(of: new) == TokenFormat.id(of: old))
        #expect(refreshed.error.contains("Store it in place of the old token, which came from PODSTACK_API_TOKEN"))
        #expect(await console.run("auth", "whoami", environment: ["PODSTACK_API_TOKEN": new]).status == .success)
    }

    @Test("auth logout removes only the stored token")
    func logout() async throws {
        _ = try await logIn()
        #expect(await console.run("config", "set", "project_id", "p").status == .success)
        #expect(await console.run("auth", "logout").status == .success)
        #expect(home.read(".podstack/credentials") == "[default]\napi_endpoint = \(server.url)\nproject_id = p\n")
        #expect(await console.run("auth", "logout").status == .failure)
    }

    @Test("token-info shows the token, and revoke revokes it")
    func infoAndRevoke() async throws {
        let token = try await logIn()
        let info = await console.run("auth", "token-info")
        #expect(info.output.contains("Prefix:     \(token.prefix(17))\n"))
        #expect(await console.run("auth", "revoke", "--yes").status == .success)
        #expect(await console.run("auth", "token-info").status == .notAuthenticated)
    }

    @Test("a token is shown, changed and rotated by its ID or its prefix")
    func otherTokens() async throws {
        _ = try await logIn()
        let created = await console.run("token", "create", "--name", "CI", "--scope", "projects:*")
        let prefix = String(created.output.prefix(17))
        #expect(await console.run("token", "get", prefix).output.contains("Name:       CI\n"))
        let updated = await console.run("token", "update", String(prefix.dropFirst(9)), "--scope", "projects:read")
        #expect(updated.output.contains("Scopes:     projects:read\n"))
        let rotated = await console.run("token", "rotate", prefix, "--grace", "1h")
        #expect(rotated.output.hasPrefix(prefix))
        #expect(rotated.output.count == 57)
        #expect(await console.run("token", "rotate", prefix, "--grace", "soon").status == .usage)
        #expect(await console.run("token", "update", prefix).status == .usage)
    }

    @Test("a project is created, used, shown, changed and deleted")
    func projects() async throws {
        _ = try await logIn()
        let created = await console.run("project", "create", "training", "--description", "models")
        let id = String(created.output.dropLast())
        #expect(id.hasPrefix("prj_"))
        #expect(await console.run("project", "list").output.contains("training"))
        let bare = await console.run("project", "create", "bare")
        #expect(await !console.run("project", "get", "bare").output.contains("Description"))
        #expect(bare.status == .success)
        #expect(await console.run("project", "use", id).status == .success)
        #expect(await console.run("project", "current").output.contains("Description: models\n"))
        #expect(await console.run("project", "update", id, "--name", "inference").output.contains("inference"))
        #expect(await console.run("project", "use", "prj_nowhere").status == .notFound)
        #expect(await console.run("config", "unset", "project_id").status == .success)
        #expect(await console.run("project", "delete", id, "--yes").status == .success)
        #expect(await console.run("project", "get", id).status == .notFound)
    }

    @Test("a project name in the settings, which contain IDs, is an error that names the ID")
    func projectNameInSettings() async throws {
        _ = try await logIn()
        let id = String(await console.run("project", "create", "training").output.dropLast())
        let members = await console.run("member", "list", environment: ["PODSTACK_PROJECT": "training"])
        #expect(members.status == .notFound)
        #expect(members.error.contains("\"training\" is the name of \(id): podstack project use stores the ID"))
    }

    @Test("project delete removes the setting of each profile that names the project")
    func deleteOfProjectInUse() async throws {
        let token = try await logIn()
        let id = String(await console.run("project", "create", "training").output.dropLast())
        #expect(await console.run("project", "use", "training").status == .success)
        #expect(await console.run("config", "set", "project_id", id, "--profile", "other").status == .success)
        #expect(await console.run("config", "set", "project_id", "prj_kept", "--profile", "third").status == .success)
        let deleted = await console.run("project", "delete", "training", "--yes")
        #expect(deleted.status == .success)
        let path = "\(home.path)/.podstack/credentials"
        #expect(deleted.error.contains("Removed project_id from \(path) [default], which named this project\n"))
        #expect(deleted.error.contains("Removed project_id from \(path) [other], which named this project\n"))
        #expect(home.read(".podstack/credentials")?.contains(id) == false)
        #expect(home.read(".podstack/credentials")?.contains("prj_kept") == true)
        #expect(await console.run("token", "list").status == .success)
        // A variable cannot be changed here, so it is named.
        let other = String(await console.run("project", "create", "second").output.dropLast())
        let named = await console.run("project", "delete", other, "--yes", environment: ["PODSTACK_PROJECT": other])
        #expect(named.status == .success)
        #expect(
            named.error.contains("warning: PODSTACK_PROJECT still names the deleted project: unset PODSTACK_PROJECT"),
            "\(named.error)")
        #expect(home.read(".podstack/credentials")?.contains(token) == true)
    }

    @Test("a project of the settings that does not exist is an error that says how to select another")
    func projectThatIsGone() async throws {
        _ = try await logIn()
        #expect(await console.run("config", "set", "project_id", "prj_gone").status == .success)
        for words in [["project", "current"], ["member", "list"], ["pod", "list"]] {
            let failed = await console.run(words)
            #expect(failed.status == .notFound)
            #expect(
                failed.error.contains(
                    "podstack project use NAME selects another project, podstack config unset project_id removes"),
                "\(words) \(failed.error)")
        }
        let variable = await console.run("project", "current", environment: ["PODSTACK_PROJECT": "prj_else"])
        #expect(variable.error.contains("unset PODSTACK_PROJECT"), "\(variable.error)")
        // The project of an option is not a setting.
        let option = await console.run("project", "current", "--project", "prj_else")
        #expect(option.status == .notFound && !option.error.contains("config unset"))
    }

    @Test("a deleted project in the settings does not prevent the use of another")
    func staleProject() async throws {
        _ = try await logIn()
        let id = String(await console.run("project", "create", "training").output.dropLast())
        #expect(await console.run("config", "set", "project_id", "prj_gone").status == .success)
        #expect(await console.run("project", "current").status == .notFound)
        #expect(await console.run("project", "list").output.contains(id))
        #expect(await console.run("project", "use", id).status == .success)
        #expect(await console.run("project", "current").status == .success)
    }
}
