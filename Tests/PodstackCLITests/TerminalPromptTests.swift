import PodstackTestSupport
import Testing

#if os(Linux)
    import Glibc

    /// Runs the real program on a terminal.
    @Suite("The prompt for a token", .blocking, .timeLimit(.perTest))
    struct TerminalPromptTests {
        let home: TemporaryDirectory
        /// Rejected before a request, because it contains spaces.
        static let token = "no token, but secret"

        init() throws { home = try TemporaryDirectory() }

        var environment: [String: String] {
            ["HOME": home.path, "PATH": "/usr/bin:/bin", "NO_COLOR": "1"]
        }

        func login(
            _ words: [String] = ["auth", "login"], isControlling: Bool = true, environment: [String: String]? = nil
        ) throws -> PseudoTerminal {
            try PseudoTerminal(
                ToolProcess.path(of: "podstack"), words, environment: environment ?? self.environment,
                isControlling: isControlling)
        }

        /// Runs a script, in which `$1` is the program, on a terminal.
        func shell(_ script: String) throws -> PseudoTerminal {
            try PseudoTerminal(
                "/bin/bash", ["-c", script, "bash", ToolProcess.path(of: "podstack")], environment: environment)
        }

        /// Waits for the prompt, and types a part of a token.
        func typePart(on terminal: PseudoTerminal, prompts: Int = 1) throws {
            try terminal.wait(for: "API token: ", times: prompts)
            #expect(!terminal.echoes)
            terminal.type(Self.token)
        }

        @Test("Ctrl-C ends the program by the signal, after the terminal echoes again")
        func interrupt() throws {
            let terminal = try login()
            try typePart(on: terminal)
            terminal.type("\u{3}")
            #expect(try terminal.wait() == 128 + SIGINT)
            #expect(terminal.echoes)
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("Ctrl-C ends the script that runs the program, too")
        func interruptedScript() throws {
            let terminal = try shell(#""$1" auth login; echo "the script continues""#)
            try typePart(on: terminal)
            terminal.type("\u{3}")
            #expect(try terminal.wait() == 128 + SIGINT)
            #expect(!terminal.text.contains("continues"))
            #expect(terminal.echoes)
        }

        @Test(
            "a signal ends the program after the terminal echoes again",
            arguments: [SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU])
        func signals(number: Int32) throws {
            let terminal = try login()
            try typePart(on: terminal)
            terminal.signal(number)
            #expect(try terminal.wait() == 128 + number)
            #expect(terminal.echoes)
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("Ctrl-\\ ends the program by the signal")
        func quit() throws {
            let terminal = try login()
            try typePart(on: terminal)
            terminal.type("\u{1C}")
            #expect(try terminal.wait() == 128 + SIGQUIT)
            #expect(terminal.echoes)
        }

        @Test("a stopped program leaves a terminal that echoes, and hides the token again when it continues")
        func stop() throws {
            // With job control, so that the shell stays in the foreground while the program is stopped.
            let terminal = try shell(
                #"set -m; "$1" auth login; echo "stopped $?"; read -r line; fg; echo "ended $?""#)
            try typePart(on: terminal)
            terminal.type("\u{1A}")
            try terminal.wait(for: "stopped 148")
            #expect(terminal.echoes)
            terminal.type("visible\n")
            try terminal.wait(for: "visible")
            try terminal.wait(for: "API token: ", times: 2)
            try blockUntil("the terminal hides what is typed") { !terminal.echoes }
            terminal.type(Self.token + "\n")
            try terminal.wait(for: "ended 3")
            #expect(terminal.echoes)
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("a program that another one stopped hides the token again when it continues")
        func stopBySignal() throws {
            let terminal = try shell(
                #"set -m; "$1" auth login; echo "stopped $?"; stty echo; read -r line; fg; echo "ended $?""#)
            try terminal.wait(for: "API token: ")
            let child = try ToolProcess.run("/bin/sh", ["-c", "pgrep -P \(terminal.id) podstack"])
            kill(try #require(pid_t(child.output.filter(\.isNumber))), SIGSTOP)
            try terminal.wait(for: "stopped 147")
            try blockUntil("the shell switches the echo on") { terminal.echoes }
            terminal.type("\n")
            try terminal.wait(for: "API token: ", times: 2)
            try blockUntil("the terminal hides what is typed") { !terminal.echoes }
            terminal.type(Self.token + "\n")
            try terminal.wait(for: "ended 3")
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("a signal that is ignored does not end the prompt")
        func ignored() throws {
            let terminal = try shell(#"trap '' INT; "$1" auth login; echo "ended $?""#)
            try typePart(on: terminal)
            terminal.type("\u{3}")
            // Ctrl-C drops the line that was typed so far.
            terminal.type(Self.token + "\n")
            try terminal.wait(for: "ended 3")
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("the prompt is on the terminal even when the other streams are redirected")
        func redirected() throws {
            let terminal = try shell(#""$1" auth login >"$HOME/out" 2>"$HOME/err"; echo "ended $?""#)
            try typePart(on: terminal)
            terminal.type("\n")
            try terminal.wait(for: "ended 3")
            #expect(!terminal.text.contains(Self.token))
            let error = try #require(home.read("err"))
            #expect(error.hasPrefix("error: Invalid API token: "), "\(error)")
            #expect(!error.contains(Self.token) && home.read("out") == "")
        }

        @Test("a terminal that does not control the session hides the token, too")
        func notControlling() throws {
            let terminal = try login(isControlling: false)
            try typePart(on: terminal)
            terminal.type("\n")
            #expect(try terminal.wait() == 3)
            #expect(terminal.echoes)
            #expect(!terminal.text.contains(Self.token))
        }

        @Test("a token for --token - is hidden on a terminal, and --token-file does not read from one")
        func otherSources() throws {
            let standardInput = try login(["auth", "whoami", "--token", "-"])
            try typePart(on: standardInput)
            standardInput.type("\n")
            #expect(try standardInput.wait() == 3)
            #expect(!standardInput.text.contains(Self.token))
            let file = try login(["auth", "whoami", "--token-file", "/dev/tty"])
            #expect(try file.wait() == 1)
            try file.wait(for: "error: /dev/tty is a terminal, which would show a token that is typed")
        }

        @Test("the end of the input is not a token, and the line after the token is not run")
        func end() throws {
            let terminal = try login()
            try terminal.wait(for: "API token: ")
            terminal.type("\u{4}")
            #expect(try terminal.wait() == 1)
            try terminal.wait(for: "error: no token was entered")
            let script = try shell(#""$1" auth login; echo "ended $?"; read -r -t 1 line; echo "next <$line>""#)
            try typePart(on: script)
            script.type("\nsecond line\n")
            try script.wait(for: "next <>")
            #expect(!script.text.contains("second line"))
        }

        @Test("a question is asked on the terminal, and Ctrl-C ends the program by the signal")
        func question() throws {
            _ = try home.write("x", to: "err")
            let terminal = try shell(
                #"mkdir "$HOME/.podstack"; printf '[p]\nproject_id = x\n' >"$HOME/.podstack/credentials""#
                    + #"; "$1" config reset --all --profile p 2>"$HOME/err"; echo "ended $?""#)
            try terminal.wait(for: "This cannot be undone.")
            terminal.type("\u{3}")
            #expect(try terminal.wait() == 128 + SIGINT)
            #expect(home.read(".podstack/credentials") == "[p]\nproject_id = x\n")
        }
    }

    @Suite("Standard streams that are closed", .blocking, .timeLimit(.perTest))
    struct ClosedStreamTests {
        let home: TemporaryDirectory

        init() throws { home = try TemporaryDirectory() }

        func run(_ script: String, environment: [String: String] = [:]) throws -> ToolProcess {
            try ToolProcess(
                "/bin/sh", ["-c", script, "sh", ToolProcess.path(of: "podstack")],
                environment: ["HOME": home.path, "PATH": "/usr/bin:/bin"].merging(environment) { $1 })
        }

        @Test(
            "a file that a program opens does not take the place of a stream",
            arguments: ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"], ["podstack", "podstack-server"])
        func notReplaced(closed: String, program: String) throws {
            let words =
                program == "podstack" ? "config set project_id x" : #"user add you@example.com --data "$HOME/data""#
            // The trace shows the descriptor of each file.
            let trace =
                #"exec strace -f -o "$HOME/trace" -e trace=open,openat,socket,eventfd2,epoll_create1,pipe2,dup "#
            let process = try ToolProcess(
                "/bin/sh", ["-c", "\(trace) \"$1\" \(words) \(closed)", "sh", ToolProcess.path(of: program)],
                environment: ["HOME": home.path, "PATH": "/usr/bin:/bin"])
            #expect(process.wait() == 0, "\(process.standardError)")
            let calls = (home.read("trace") ?? "").split(separator: "\n")
            let afterwards = calls.drop { !$0.contains("\"/dev/null\"") }
            #expect(afterwards.count > 3)
            let replaced = afterwards.filter { line in
                [" = 0", " = 1", " = 2"].contains(where: line.hasSuffix) && !line.contains("\"/dev/null\"")
            }
            #expect(replaced.isEmpty, "\(replaced)")
            if program == "podstack" {
                #expect(home.read(".podstack/credentials") == "[default]\nproject_id = x\n")
            } else {
                #expect(home.read("data/podstack.sqlite")?.hasPrefix("SQLite format 3") == true)
            }
        }

        @Test("a connection does not take the place of standard error")
        func connection() throws {
            let server = try RunningServer()
            let token = try server.createToken()
            let process = try run(
                #"exec "$1" auth whoami --debug <&- 2>&-"#,
                environment: server.environment(home: home, token: token))
            #expect(process.wait() == 0)
            #expect(process.standardOutput == RunningServer.email + "\n")
        }

        @Test("output that is lost is an error")
        func lostOutput() throws {
            let process = try run(#"exec "$1" version >&-"#)
            #expect(process.wait() == 1)
            #expect(process.standardError.hasPrefix("error: cannot write to standard output: "))
        }

        @Test("a login without standard input asks for a token")
        func login() throws {
            let process = try run(#"exec "$1" auth login <&-"#)
            #expect(process.wait() == 1)
            #expect(process.standardError.hasPrefix("error: no token was entered"))
        }
    }
#endif
