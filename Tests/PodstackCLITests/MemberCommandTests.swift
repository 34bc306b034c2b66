import Podstack
import PodstackTestSupport
import Testing

@Suite("podstack: the people of a project", .blocking)
struct MemberCommandTests {
    let server: RunningServer
    let home: TemporaryDirectory
    let console: Console
    let project: String

    init() async throws {
        server = try RunningServer()
        _ = try server.server.addUser("friend@example.com")
        home = try TemporaryDirectory()
        console = Console(environment: server.environment(home: home, token: try server.makeToken()))
        project = String(await console.run("project", "create", "training").output.dropLast())
    }

    @Test("somebody is added, listed, changed and removed, by address or by id")
    func life() async throws {
        let added = await console.run("member", "add", "friend@example.com", "--project", project)
        #expect(added.status == .done, "\(added.error)")
        #expect(added.error == "Added friend@example.com to \(project), as user with read\n")
        let id = String(added.output.dropLast())
        #expect(id.hasPrefix("usr_"))
        let list = await console.run("member", "list", environment: ["PODSTACK_PROJECT": project])
        #expect(list.output.contains("\(id)  friend@example.com  user   read         active\n"), "\(list.output)")
        #expect(list.output.contains("  you@example.com     admin  all          active\n"))
        let wide = await console.run("member", "list", "-o", "wide", "--project", project)
        #expect(wide.output.contains("STATUS  NAME  ADDED\n"))
        let changed = await console.run(
            "member", "update", "Friend@example.com", "--permission", "create,read", "--project", project)
        #expect(changed.output.contains("Permissions: create read\n"), "\(changed.error)")
        let idle = await console.run("member", "update", id, "--status", "deactivated", "--project", project)
        #expect(idle.output.contains("Status:      deactivated\n"))
        let removed = await console.run("member", "remove", "friend@example.com", "-y", "--project", project)
        #expect(removed.error == "Removed friend@example.com from \(project)\n")
        let left = await console.run("member", "list", "-o", "json", "--project", project)
        let members = try APICoding.decode(Page<Member>.self, from: Array(left.output.utf8)).elements
        #expect(members.map(\.email) == ["you@example.com"])
    }

    @Test("without a project it is the user's default one")
    func defaultProject() async throws {
        let whoami = try APICoding.decode(
            User.self, from: Array(await console.run("auth", "whoami", "-ojson").output.utf8))
        let added = await console.run("member", "add", "friend@example.com", "--role", "admin")
        #expect(added.error == "Added friend@example.com to \(whoami.defaultProjectID ?? ""), as admin\n")
    }

    @Test("removing somebody asks first, and nobody who can be asked is no yes")
    func confirmation() async throws {
        #expect(await console.run("member", "add", "friend@example.com", "--project", project).status == .done)
        let words = ["member", "remove", "friend@example.com", "--project", project]
        #expect(await console.run(words).status == .usage)
        var terminal = console
        terminal.answer = "no"
        let kept = await terminal.run(words)
        #expect(kept.status == .failure)
        #expect(kept.error.hasPrefix("Remove friend@example.com from the project \(project)? "))
        #expect(await console.run("member", "list", "--project", project).output.contains("friend@example.com"))
        terminal.answer = "yes"
        #expect(await terminal.run(words).status == .done)
        #expect(await console.run("member", "list", "--project", project).output.contains("friend@") == false)
    }

    @Test("what cannot be is one clear line")
    func mistakes() async throws {
        for (words, message) in [
            (["add"], "the EMAIL of who is to be added is missing"),
            (["add", "a@b.c", "--role", "boss"], "--role is one of admin, user"),
            (["add", "a@b.c", "--permission", "fly"], "--permission is any of create, read, update, delete"),
            (
                ["add", "a@b.c", "--role", "admin", "--permission", "read"],
                "--role admin takes no --permission: an admin has all"
            ),
            (["update", "a@b.c"], "nothing to change: --role, --permission or --status"),
            (["update", "a@b.c", "--role", "user"], "--role user needs --permission: create, read, update, delete"),
            (["update", "a@b.c", "--status", "gone"], "--status is one of active, deactivated"),
        ] {
            let outcome = await console.run(["member"] + words)
            #expect(outcome.status == .usage)
            #expect(outcome.error == "error: \(message)\n")
        }
        let stranger = await console.run("member", "add", "nobody@example.com", "--project", project)
        #expect(stranger.status == .notFound)
        #expect(stranger.error == "error: Nobody with an account has that e-mail address\n")
        let absent = await console.run("member", "remove", "friend@example.com", "-y", "--project", project)
        #expect(absent.status == .notFound)
        #expect(absent.error.hasPrefix("error: friend@example.com is not a member of \(project)\nhint: "))
        let last = await console.run("member", "remove", "you@example.com", "-y", "--project", project)
        #expect(last.status == .failure)
        #expect(last.error.hasPrefix("error: That is the project's last admin"))
    }
}
