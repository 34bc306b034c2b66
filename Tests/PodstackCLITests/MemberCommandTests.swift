import Podstack
import PodstackAPI
import PodstackCommandLine
import PodstackServer
import PodstackTestSupport
import Testing

@Suite("podstack member", .blocking, .timeLimit(.minutes(5)))
struct MemberCommandTests: ServerSuite {
    let session: ServerSession
    let project: String

    init() async throws {
        session = try ServerSession(hasToken: true)
        _ = try session.server.server.addUser("friend@example.com")
        let console = session.console
        project = String(await console.run("project", "create", "training").output.dropLast())
    }

    @Test("a member is added, listed, changed and removed, by email address or ID")
    func lifecycle() async throws {
        let added = await console.run("member", "add", "friend@example.com", "--project", project)
        #expect(added.status == .success, "\(added.error)")
        #expect(added.error == "Invited friend@example.com to \(project), as user with read\n")
        let friend = try friend()
        let invitations = await friend.run("member", "invitations")
        #expect(invitations.output.hasPrefix("PROJECT-ID"))
        #expect(
            invitations.output.contains("\(project)  training  user  read         you@example.com  "),
            "\(invitations.output)")
        let accepted = await friend.run("member", "accept", project)
        #expect(accepted.output == "\(project)\n", "\(accepted.error)")
        #expect(accepted.error == "You are a member of \(project), as user with read\n")
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

    /// Returns the console of the user who is invited.
    private func friend() throws -> Console {
        var console = console
        console.environment["PODSTACK_API_TOKEN"] = try session.server.server.createToken("friend@example.com")
        return console
    }

    @Test("an invitation is declined, and a member leaves after a confirmation")
    func leaving() async throws {
        let add = ["member", "add", "friend@example.com", "--project", project]
        let friend = try friend()
        #expect(await console.run(add).status == .success)
        let declined = await friend.run("member", "decline", project)
        #expect(declined.error == "Declined the invitation to \(project)\n")
        #expect(await friend.run("member", "accept", project).status == .notFound)
        #expect(await console.run(add).status == .success)
        #expect(await friend.run("member", "accept", project).status == .success)
        #expect(await friend.run("member", "leave", project).status == .usage)
        let left = await friend.run("member", "leave", project, "-y")
        #expect(left.error == "You are no longer a member of \(project)\n")
        #expect(await console.run("member", "list", "--project", project).output.contains("friend@") == false)
        let last = await console.run("member", "leave", project, "-y")
        #expect(last.status == .failure)
        #expect(last.error.hasPrefix("error: That is the project's last admin"))
    }

    @Test("without a project, the default project of the user is used")
    func defaultProject() async throws {
        let whoami = try APICoding.decode(
            User.self, from: Array(await console.run("auth", "whoami", "-ojson").output.utf8))
        let added = await console.run("member", "add", "friend@example.com", "--role", "admin")
        #expect(added.error == "Invited friend@example.com to \(whoami.defaultProjectID ?? ""), as admin\n")
    }

    @Test("removing a member needs confirmation, also without a terminal")
    func confirmation() async throws {
        #expect(await console.run("member", "add", "friend@example.com", "--project", project).status == .success)
        let words = ["member", "remove", "friend@example.com", "--project", project]
        #expect(await console.run(words).status == .usage)
        var terminal = console
        terminal.reply = "no"
        let kept = await terminal.run(words)
        #expect(kept.status == .failure)
        #expect(kept.error.hasPrefix("Remove friend@example.com from the project \(project)? "))
        #expect(await console.run("member", "list", "--project", project).output.contains("friend@example.com"))
        terminal.reply = "yes"
        #expect(await terminal.run(words).status == .success)
        #expect(await console.run("member", "list", "--project", project).output.contains("friend@") == false)
    }

    @Test("invalid requests are errors with one line")
    func invalidRequests() async throws {
        for (words, message) in [
            (
                ["add"],
                "missing argument EMAIL: the email address of the user to invite\nhint: podstack member add --help shows the "
                    + "usage"
            ),
            (["add", "a@b.c", "--role", "boss"], "--role must be one of admin, user"),
            (["add", "a@b.c", "--permission", "fly"], "--permission must be one of create, read, update, delete"),
            (
                ["add", "a@b.c", "--role", "admin", "--permission", "read"],
                "--role admin cannot be combined with --permission: an admin has all permissions"
            ),
            (["update", "a@b.c"], "nothing to change: give --role, --permission or --status"),
            (["update", "a@b.c", "--role", "user"], "--role user needs --permission: create, read, update, delete"),
            (["update", "a@b.c", "--status", "gone"], "--status must be one of active, deactivated"),
        ] {
            let outcome = await console.run(["member"] + words)
            #expect(outcome.status == .usage)
            #expect(outcome.error == "error: \(message)\n")
        }
        let stranger = await console.run("member", "add", "nobody@example.com", "--project", project)
        #expect(stranger.status == .notFound)
        #expect(stranger.error == "error: No account has that email address\n")
        let absent = await console.run("member", "remove", "friend@example.com", "-y", "--project", project)
        #expect(absent.status == .notFound)
        #expect(absent.error.hasPrefix("error: friend@example.com is not a member of \(project)\nhint: "))
        let last = await console.run("member", "remove", "you@example.com", "-y", "--project", project)
        #expect(last.status == .failure)
        #expect(last.error.hasPrefix("error: That is the project's last admin"))
    }
}
