import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("Names in place of IDs", .blocking, .timeLimit(.minutes(5)))
struct NameTests: ServerSuite {
    let session: ServerSession

    init() throws { session = try ServerSession(hasToken: true) }

    func project(_ name: String) async -> String {
        String(await console.run("project", "create", name).output.dropLast())
    }

    func token(_ name: String, _ flags: String...) async -> String {
        String(
            await console.run(["token", "create", "--name", name, "--scope", "projects:read"] + flags).output.prefix(17)
        )
    }

    @Test("a project is found by its name, in arguments and in --project")
    func projects() async throws {
        let id = await project("My Training")
        #expect(await console.run("project", "get", "My Training").output.contains(id))
        #expect(await console.run("project", "get", "my training").output.contains(id))
        #expect(await console.run("project", "update", "My Training", "--description", "d").output.contains(id))
        #expect(await console.run("member", "list", "--project", "My Training").output.contains("you@example.com"))
        #expect(await console.run("project", "current", "--project", "My Training").output.contains(id))
        #expect(await console.run("audit", "list", "--project", "My Training").status == .success)
        let limited = await console.run(
            "token", "create", "--name", "x", "--scope", "projects:read", "--project-id", "my Training", "-o", "json")
        #expect(limited.output.contains("\"project_ids\":[\"\(id)\"]"), "\(limited.error)")
        #expect(await console.run("project", "delete", "My Training", "-y").error == "Deleted \(id)\n")
    }

    @Test("an unknown name is an error with the nearest one")
    func unknown() async throws {
        _ = await project("training")
        let outcome = await console.run("project", "get", "trainig")
        #expect(outcome.status == .notFound)
        #expect(
            outcome.error
                == "error: no project has the ID or the name \"trainig\"; did you mean \"training\"?\nhint: podstack project list lists the projects\n"
        )
        let token = await console.run("token", "get", "UPPER-case")
        #expect(token.status == .notFound)
        #expect(token.error.hasPrefix("error: no token has the ID or the name \"UPPER-case\"\n"))
        #expect(await console.run("member", "list", "--project", "nope").status == .notFound)
    }

    @Test("a name that several have is refused, with the candidates, and nothing changes")
    func ambiguous() async throws {
        let ids = [await project("training"), await project("training")]
        let outcome = await console.run("project", "delete", "training", "-y")
        #expect(outcome.status == .failure)
        #expect(outcome.error.hasPrefix("error: \"training\" is the name of 2 projects: "))
        for id in ids { #expect(outcome.error.contains(id)) }
        let list = await console.run("project", "list").output
        for id in ids { #expect(list.contains(id)) }
        // An exact name before one in another case.
        let upper = await project("Training")
        #expect(await console.run("project", "get", "Training").output.contains(upper))
        let tokens = [await token("CI"), await token("CI")]
        let revoked = await console.run("token", "revoke", "CI", "-y")
        #expect(revoked.status == .failure)
        for prefix in tokens { #expect(revoked.error.contains(prefix.dropFirst(9))) }
    }

    @Test("a token is found by its name, and an active one before a revoked one")
    func tokens() async throws {
        let first = await token("CI")
        #expect(await console.run("token", "get", "CI").output.contains(first))
        #expect(await console.run("token", "revoke", "ci", "--yes").error == "Revoked \(first) \"ci\"\n")
        #expect(await console.run("token", "get", "CI").output.contains("revoked"))
        let second = await token("CI")
        #expect(await console.run("token", "get", "CI").output.contains(second))
        #expect(await console.run("token", "update", "CI", "--name", "nightly").output.contains("nightly"))
        #expect(await console.run("token", "rotate", "nightly").output.hasPrefix(second))
        #expect(await console.run("token", "get", String(first.dropFirst(9))).output.contains(first))
    }

    @Test("a name in the form of an ID is found when no token has that ID")
    func nameLikeID() async throws {
        let prefix = await token("deadbeef")
        #expect(await console.run("token", "get", "deadbeef").output.contains(prefix))
        let prefixed = await console.run("token", "get", "podstack_00000000")
        #expect(prefixed.status == .notFound)
    }

    @Test("a member and an invitation are found by name")
    func members() async throws {
        _ = try server.server.addUser("friend@example.com")
        let id = await project("training")
        #expect(await console.run("member", "add", "friend@example.com", "--project", "training").status == .success)
        var friend = console
        friend.environment["PODSTACK_API_TOKEN"] = try server.server.createToken("friend@example.com")
        #expect(await friend.run("member", "accept", "Training").output == "\(id)\n")
        let unknown = await console.run("member", "remove", "nobody", "-y", "--project", "training")
        #expect(unknown.status == .notFound)
        #expect(unknown.error.hasPrefix("error: nobody is not a member of \(id)\n"))
        #expect(await friend.run("member", "leave", "training", "-y").status == .success)
    }

    @Test("a token that may not list projects passes a project on as it is")
    func withoutPermission() async throws {
        let created = await console.run("token", "create", "--name", "t", "--scope", "tokens:read")
        let environment = ["PODSTACK_API_TOKEN": String(created.output.dropLast())]
        let outcome = await console.run("project", "get", "training", environment: environment)
        #expect(outcome.error == "error: No such project\n")
        let empty = await console.run("member", "list", "--project", " ")
        #expect(empty.status == .usage, "\(empty.error)")
    }

    @Test("y and yes confirm a change, and nothing else does", arguments: ["y", "Y", "yes", " YES "])
    func confirmation(reply: String) async throws {
        var console = console
        let id = await project("training")
        for no in ["", "n", "no", "yep", "delete"] {
            console.reply = no
            let refused = await console.run("project", "delete", "training")
            #expect(refused.status == .failure)
            #expect(refused.error.hasSuffix("error: nothing was changed: the answer was not yes\n"))
        }
        console.reply = reply
        let deleted = await console.run("project", "delete", "training")
        #expect(deleted.status == .success)
        #expect(deleted.error.hasPrefix("Delete the project \"training\" (\(id))? This cannot be undone. [y/N] "))
    }

    @Test("without --scope, token create asks on a terminal and is an error elsewhere")
    func scopes() async throws {
        let missing = await console.run("token", "create", "--name", "x")
        #expect(missing.status == .usage)
        #expect(missing.error.hasPrefix("error: the scopes are missing: give --scope, or --full-access"))
        #expect(missing.output.isEmpty)
        let both = await console.run("token", "create", "--name", "x", "--full-access", "--scope", "*")
        #expect(both.status == .usage)
        let full = await console.run("token", "create", "--name", "x", "--full-access", "-o", "json")
        #expect(full.output.contains("\"scopes\":[\"*\"]"))
        var terminal = console
        terminal.reply = "projects:read, tokens:read"
        let asked = await terminal.run("token", "create", "--name", "y", "-o", "json")
        #expect(asked.output.contains("\"scopes\":[\"projects:read\",\"tokens:read\"]"), "\(asked.error)")
        #expect(asked.error.contains("Scopes of the token"))
        terminal.reply = " "
        let nothing = await terminal.run("token", "create", "--name", "z")
        #expect(nothing.status == .failure)
        #expect(await !console.run("token", "list").output.contains("  z "))
    }
}
