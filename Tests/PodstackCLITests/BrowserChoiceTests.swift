import PodstackTestSupport
import Testing

#if os(Linux)
    /// Runs the real program on a terminal, with a service.
    @Suite("Questions on a terminal: the browser and the scopes", .blocking, .timeLimit(.minutes(5)))
    struct BrowserChoiceTests: ServerSuite {
        let session: ServerSession

        init() throws { session = try ServerSession(hasToken: true) }

        @Test(
            "the page of tokens is opened by BROWSER or xdg-open, and never over SSH without a display",
            arguments: [
                (["DISPLAY": ":0"], "xdg-open"), (["WAYLAND_DISPLAY": "w"], "xdg-open"), ([:], nil),
                (["DISPLAY": ":0", "BROWSER": "FOLDER/own %s --flag"], "own"), (["BROWSER": "FOLDER/own"], "own"),
                (["BROWSER": "FOLDER/own", "SSH_CONNECTION": "1 2 3 4"], nil), (["SSH_TTY": "/dev/pts/1"], nil),
                (["DISPLAY": ":10", "SSH_CONNECTION": "1 2 3 4"], "xdg-open"),
            ] as [([String: String], String?)])
        func browser(variables: [String: String], program: String?) throws {
            let folder = try TemporaryDirectory()
            let (new, opened) = (folder.file("new"), folder.file("opened"))
            for name in ["xdg-open", "own"] {
                // Complete at once, because the test waits for the file.
                _ = try folder.writeProgram("echo \"\(name) $*\" >'\(new)' && mv '\(new)' '\(opened)'", to: name)
            }
            var environment = console.environment.merging(variables) { $1 }
            environment = environment.mapValues { $0.replacing("FOLDER", with: folder.path) }
            environment["PATH"] = "\(folder.path):/usr/bin:/bin"
            environment["PODSTACK_API_TOKEN"] = nil
            let token = try server.createToken()
            let terminal = try PseudoTerminal(
                try ToolProcess.path(of: "podstack"), ["auth", "login"], environment: environment)
            try terminal.wait(for: "API token: ")
            terminal.type("2\n")
            try terminal.wait(for: "API token: ", times: 2)
            terminal.type("\(token)\n")
            #expect(try terminal.wait() == 0, "\(terminal.text)")
            #expect(terminal.text.contains("\(server.url)/account/tokens/new"))
            #expect(terminal.text.contains("Authenticated as: you@example.com"))
            let isShown = terminal.text.contains(token)
            #expect(!isShown)
            guard let program else {
                #expect(folder.read("opened") == nil)
                return
            }
            try blockUntil(within: .seconds(20), "the page is opened") { folder.read("opened") != nil }
            #expect(folder.read("opened")?.hasPrefix("\(program) \(server.url)/account/tokens/new") == true)
        }

        @Test("token create asks for the scopes, and creates nothing without any")
        func scopes() throws {
            let program = try ToolProcess.path(of: "podstack")
            let environment = console.environment
            for (answer, status) in [("projects:read, tokens:read\n", Int32(0)), ("\n", 1), ("\u{4}", 1)] {
                let terminal = try PseudoTerminal(
                    program, ["token", "create", "--name", "asked \(status)"], environment: environment)
                try terminal.wait(for: "(* for full access): ")
                terminal.type(answer)
                #expect(try terminal.wait() == status, "\(terminal.text)")
            }
            let created = try ToolProcess.run(program, ["token", "get", "asked 0"], environment: environment)
            #expect(created.output.contains("projects:read"), "\(created.output)\(created.error)")
            #expect(created.output.contains("tokens:read"))
            let list = try ToolProcess.run(program, ["token", "list"], environment: environment)
            #expect(!list.output.contains("asked 1"))
        }
    }
#endif
