import Podstack
import PodstackTestSupport
import Testing

@Suite("podstack config: show, reset and the profile", .blocking)
struct ConfigCommandTests {
    let folder: TemporaryDirectory
    let console: Console
    let token = TokenMaker.token(id: "00000000")
    var path: String { folder.file("credentials") }

    init() throws {
        folder = try TemporaryDirectory()
        console = Console(environment: ["PODSTACK_CREDENTIALS_FILE": folder.file("credentials")])
    }

    @Test("show gives what the file holds, of secrets only the prefix, and says which profile is used")
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
        let shown = await console.run("config", "show")
        #expect(
            shown.output == """
                USED  PROFILE  SETTING             VALUE
                *     default  api_token           podstack_00000000…
                *     default  project_id          …
                *     default  api_endpoint        …
                *     default  pending_api_token   podstack_00000000…
                      work     project_id          p
                      work     credential_process  /bin/x …
                      work     api_tokn            …

                """)
        #expect(shown.error.isEmpty)
        let json = await console.run("config", "show", "-o", "json", "--profile", "work")
        #expect(
            json.output == """
                {
                  "path" : "\(path)",
                  "profiles" : {
                    "work" : {
                      "api_tokn" : "…",
                      "credential_process" : "/bin/x …",
                      "project_id" : "p"
                    }
                  },
                  "used_profile" : "work"
                }

                """)
        let hidden = await console.run("config", "show", environment: ["PODSTACK_API_TOKEN": "x"])
        #expect(!hidden.output.contains("*"))
        #expect(hidden.error.hasPrefix("PODSTACK_API_TOKEN is set, so no profile is used; "))
        let unknown = await console.run("config", "show", "--profile", "Work")
        #expect(unknown.error == "error: \(path) has no profile \"Work\"\nhint: Those that it has: default, work\n")
    }

    @Test("show and get-profile of a file that is not there say so, and are no errors")
    func nothing() async throws {
        let shown = await console.run("config", "show")
        #expect(shown.status == .done)
        #expect(shown.output == "USED  PROFILE  SETTING  VALUE\n")
        #expect(shown.error == "\(path) is not there yet; podstack auth login makes it\n")
        let profile = await console.run("config", "get-profile")
        #expect(profile.output == "default\n")
        #expect(profile.error == "\(path) is not there yet; podstack auth login makes it\n")
    }

    @Test("reset leaves the token and the service that it is for, and every line that it does not name")
    func reset() async throws {
        let other = "\n# mine\n[other]\nproject_id = q\n"
        _ = try folder.write(
            "[default]\n# note\napi_token = t\nunknown = u\nproject_id = p\napi_endpoint = https://example.com\n"
                + "credential_process = x\n" + other, to: "credentials")
        let before = folder.read("credentials")
        #expect(await console.run("config", "reset").status == .usage)
        var terminal = console
        terminal.answer = "no"
        let asked = await terminal.run("config", "reset")
        #expect(asked.error.hasPrefix("Remove project_id and credential_process of [default] in \(path)? "))
        #expect(asked.status == .failure)
        #expect(folder.read("credentials") == before)
        terminal.answer = "yes"
        #expect(await terminal.run("config", "reset").status == .done)
        #expect(
            folder.read("credentials")
                == "[default]\n# note\napi_token = t\nunknown = u\napi_endpoint = https://example.com\n" + other)
        let again = await console.run("config", "reset")
        #expect(again.status == .done)
        #expect(again.error == "[default] in \(path) has nothing to reset\n")
    }

    @Test("reset keeps a command that gives the token, and an endpoint only with a token")
    func resetOfTokenSources() async throws {
        _ = try folder.write(
            "[command]\ncredential_process = x\napi_endpoint = https://a.example\nproject_id = p\n\n"
                + "[bare]\napi_endpoint = https://b.example\n", to: "credentials")
        for profile in ["command", "bare"] {
            #expect(await console.run("config", "reset", "-y", "--profile", profile).status == .done)
        }
        #expect(
            folder.read("credentials")
                == "[command]\ncredential_process = x\napi_endpoint = https://a.example\n\n[bare]\n")
    }

    @Test("reset --all removes the profile and nothing else")
    func resetAll() async throws {
        _ = try folder.write("# top\n[default]\napi_token = t\n[work]\napi_token = u\n", to: "credentials")
        let unsaid = await console.run("config", "reset", "--all", "--profile", "none", "-y")
        #expect(unsaid.status == .failure)
        var terminal = console
        terminal.answer = ""
        #expect(await terminal.run("config", "reset", "--all", "--profile", "work").status == .failure)
        #expect(folder.read("credentials")?.contains("[work]") == true)
        let reset = await console.run("config", "reset", "--all", "--profile", "work", "-y")
        #expect(reset.error == "Removed [work] in \(path); its token stays valid until it is revoked\n")
        #expect(folder.read("credentials") == "# top\n[default]\napi_token = t\n")
    }

    @Test("get-profile tells the profile that counts and who says so")
    func getProfile() async throws {
        _ = try folder.write("[default]\napi_token = t\n[work]\napi_token = u\n", to: "credentials")
        #expect(await console.run("config", "get-profile").output == "default\n")
        let work = await console.run("config", "get-profile", "-o", "json", environment: ["PODSTACK_PROFILE": "work"])
        #expect(work.output == "{\n  \"origin\" : \"PODSTACK_PROFILE\",\n  \"profile\" : \"work\"\n}\n")
        #expect(work.error.isEmpty)
        let hidden = await console.run("config", "get-profile", environment: ["PODSTACK_API_TOKEN": "x"])
        #expect(hidden.error == "PODSTACK_API_TOKEN is set, so no profile is used\n")
        let unknown = await console.run("config", "get-profile", "--profile", "gone")
        #expect(unknown.output == "gone\n")
        #expect(unknown.error.contains("has no such profile"))
    }

    @Test("set-profile prints a line that a shell understands, whatever the name")
    func setProfile() async throws {
        let name = #"o'd "$HOME" \ `x`"#
        _ = try folder.write("[\(name)]\napi_token = t\n[bare]\nproject_id = p\n", to: "credentials")
        let line = await console.run("config", "set-profile", name)
        #expect(line.status == .done)
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
                "warning: PODSTACK_API_TOKEN is set and comes before every profile: unset PODSTACK_API_TOKEN\n"))
        let gone = await console.run("config", "set-profile", "gone")
        #expect(gone.status == .failure)
        #expect(gone.output.isEmpty)
        #expect(await console.run("config", "set-profile").status == .usage)
        #expect(await console.run("config", "set-profile", "bare", "--profile", name).status == .usage)
    }
}
