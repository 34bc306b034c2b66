import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@Suite("podstack config show, reset, get-profile and set-profile", .blocking, .timeLimit(.minutes(5)))
struct ConfigCommandTests {
    let folder: TemporaryDirectory
    let console: Console
    let token = TestToken.generate(id: "00000000")
    var path: String { folder.file("credentials") }

    init() throws {
        folder = try TemporaryDirectory()
        console = Console(environment: ["PODSTACK_CREDENTIALS_FILE": folder.file("credentials")])
    }

    @Test("show lists the settings of the file, redacts secrets, and marks the profile in use")
    func show() async throws {
        _ = try folder.write(
            """
            [default]
            api_token = \(token)
            pending_api_token = \(token)
            api_endpoint = https://you:secret@example.com
            project_id = \(token)
            [work]
            api_tokn = secret
            project_id = p
            credential_process = /bin/x --key secret

            """, to: "credentials")
        let displayed = await console.run("config", "show")
        #expect(
            displayed.output == """
                USED  PROFILE  SETTING             VALUE
                *     default  api_token           podstack_00000000…
                *     default  project_id          …
                *     default  api_endpoint        …
                *     default  pending_api_token   podstack_00000000…
                      work     project_id          p
                      work     credential_process  /bin/x …
                      work     api_tokn            …

                """)
        #expect(displayed.error.isEmpty)
        let json = await console.run("config", "show", "-o", "json", "--profile", "work")
        #expect(
            json.output == """
                {"path":"\(path)","profiles":{"work":{"api_tokn":"…","credential_process":"/bin/x …","project_id":"p"}},\
                "used_profile":"work"}

                """)
        let shadowed = await console.run("config", "show", environment: ["PODSTACK_API_TOKEN": "x"])
        #expect(!shadowed.output.contains("*"))
        #expect(shadowed.error.hasPrefix("PODSTACK_API_TOKEN is set, so no profile is used; "))
        let unknown = await console.run("config", "show", "--profile", "Work")
        #expect(
            unknown.error
                == "error: \(path) has no profile \"Work\"; did you mean \"work\"?\n"
                + "hint: Existing profiles: default, work\n")
    }

    @Test("show and get-profile report a missing file, and succeed")
    func nothing() async throws {
        let displayed = await console.run("config", "show")
        #expect(displayed.status == .success)
        #expect(displayed.output == "USED  PROFILE  SETTING  VALUE\n")
        #expect(displayed.error == "\(path) does not exist yet; podstack auth login creates it\n")
        let profile = await console.run("config", "get-profile")
        #expect(profile.output == "default\n")
        #expect(profile.error == "\(path) does not exist yet; podstack auth login creates it\n")
    }

    @Test("reset keeps the token, its endpoint, and every line that it does not name")
    func reset() async throws {
        let other = "\n# mine\n[other]\nproject_id = q\n"
        _ = try folder.write(
            "[default]\n# note\napi_token = t\nunknown = u\nproject_id = p\napi_endpoint = https://example.com\n"
                + "credential_process = x\n" + other, to: "credentials")
        let before = folder.read("credentials")
        #expect(await console.run("config", "reset").status == .usage)
        var terminal = console
        terminal.reply = "no"
        let page = await terminal.run("config", "reset")
        #expect(page.error.hasPrefix("Remove project_id and credential_process of [default] in \(path)? "))
        #expect(page.status == .failure)
        #expect(folder.read("credentials") == before)
        terminal.reply = "yes"
        #expect(await terminal.run("config", "reset").status == .success)
        #expect(
            folder.read("credentials")
                == "[default]\n# note\napi_token = t\nunknown = u\napi_endpoint = https://example.com\n" + other)
        let again = await console.run("config", "reset")
        #expect(again.status == .success)
        #expect(again.error == "[default] in \(path) has nothing to reset\n")
    }

    @Test("after the removal of the profile in use, [default] is used again")
    func resetOfSelectedProfile() async throws {
        _ = try folder.write("[default]\nproject_id = d\n\n[work]\nproject_id = w\n", to: "credentials")
        #expect(await console.run("auth", "switch", "work").status == .success)
        #expect(await console.run("config", "reset", "--all", "--profile", "work", "--yes").status == .success)
        #expect(folder.read("credentials") == "[default]\nproject_id = d\n\n")
        #expect(await console.run("config", "get", "project_id").output == "d\n")
    }

    @Test("a profile whose name has other bytes is another profile, even if it looks the same")
    func equivalentNames() async throws {
        _ = try folder.write("[caf\u{E9}]\nproject_id = p\n", to: "credentials")
        #expect(await console.run("auth", "switch", "caf\u{E9}").status == .success)
        for words in [["auth", "switch", "cafe\u{301}"], ["config", "set-profile", "cafe\u{301}"]] {
            let outcome = await console.run(words)
            #expect(outcome.status == .failure)
            #expect(outcome.error.contains("has no profile"), "\(outcome.error)")
        }
    }

    @Test("a .env file of --env-file may set the format of the output")
    func formatInEnvFile() async throws {
        let file = try folder.write("PODSTACK_OUTPUT=json\n", to: ".env")
        #expect(await console.run("version", "--env-file", file).output.hasPrefix("{\"version\":"))
        #expect(await console.run("version", "--env-file", file, "-o", "table").output.hasPrefix("podstack "))
    }

    @Test("reset keeps a command that provides the token, and an endpoint only with a token")
    func resetOfTokenSources() async throws {
        _ = try folder.write(
            "[command]\ncredential_process = x\napi_endpoint = https://a.example\nproject_id = p\n\n"
                + "[bare]\napi_endpoint = https://b.example\n", to: "credentials")
        for profile in ["command", "bare"] {
            #expect(await console.run("config", "reset", "-y", "--profile", profile).status == .success)
        }
        #expect(
            folder.read("credentials")
                == "[command]\ncredential_process = x\napi_endpoint = https://a.example\n\n[bare]\n")
    }

    @Test("reset --all removes the profile and nothing else")
    func resetAll() async throws {
        _ = try folder.write("# top\n[default]\napi_token = t\n[work]\napi_token = u\n", to: "credentials")
        let missing = await console.run("config", "reset", "--all", "--profile", "none", "-y")
        #expect(missing.status == .failure)
        var terminal = console
        terminal.reply = ""
        #expect(await terminal.run("config", "reset", "--all", "--profile", "work").status == .failure)
        #expect(folder.read("credentials")?.contains("[work]") == true)
        let reset = await console.run("config", "reset", "--all", "--profile", "work", "-y")
        #expect(reset.error == "Removed [work] in \(path); its token stays valid until it is revoked\n")
        #expect(folder.read("credentials") == "# top\n[default]\napi_token = t\n")
    }

    @Test("get-profile shows the profile in use and its source")
    func getProfile() async throws {
        _ = try folder.write("[default]\napi_token = t\n[work]\napi_token = u\n", to: "credentials")
        #expect(await console.run("config", "get-profile").output == "default\n")
        let work = await console.run("config", "get-profile", "-o", "json", environment: ["PODSTACK_PROFILE": "work"])
        #expect(work.output == "{\"origin\":\"PODSTACK_PROFILE\",\"profile\":\"work\"}\n")
        #expect(work.error.isEmpty)
        let shadowed = await console.run("config", "get-profile", environment: ["PODSTACK_API_TOKEN": "x"])
        #expect(shadowed.error == "PODSTACK_API_TOKEN is set, so no profile is used\n")
        let unknown = await console.run("config", "get-profile", "--profile", "gone")
        #expect(unknown.output == "gone\n")
        #expect(unknown.error.contains("does not have this profile"))
    }

    @Test("set-profile prints a line that a shell accepts, whatever the name")
    func setProfile() async throws {
        let name = #"o'd "$HOME" \ `x`"#
        _ = try folder.write("[\(name)]\napi_token = t\n[bare]\nproject_id = p\n", to: "credentials")
        let line = await console.run("config", "set-profile", name)
        #expect(line.status == .success)
        #expect(line.output == #"export PODSTACK_PROFILE='o'\''d "$HOME" \ `x`'"# + "\n")
        #expect(line.error.isEmpty)
        let shell = try ToolProcess.run(
            "/bin/sh", ["-c", "eval \"$1\"; printf %s \"$PODSTACK_PROFILE\"", "sh", line.output])
        #expect(shell.output == name)
        let fish = await console.run("config", "set-profile", name, environment: ["SHELL": "/usr/bin/fish"])
        #expect(fish.output == #"set -gx PODSTACK_PROFILE 'o\'d "$HOME" \\ `x`'"# + "\n")
        let bare = await console.run("config", "set-profile", "bare", environment: ["PODSTACK_API_TOKEN": "x"])
        #expect(bare.error.hasPrefix("warning: [bare] in \(path) has no token; "))
        #expect(
            bare.error.hasSuffix(
                "warning: PODSTACK_API_TOKEN is set and overrides every profile: unset PODSTACK_API_TOKEN\n"))
        let gone = await console.run("config", "set-profile", "gone")
        #expect(gone.status == .failure)
        #expect(gone.output.isEmpty)
        #expect(await console.run("config", "set-profile").status == .usage)
        #expect(await console.run("config", "set-profile", "bare", "--profile", name).status == .usage)
    }
}
