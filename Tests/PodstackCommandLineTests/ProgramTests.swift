import PodstackCommandLine
import Testing

@Suite("Parsing of command lines", .timeLimit(.minutes(1)))
struct ProgramTests {
    static let commands: [Command<Int>] = [
        Command(
            "file", "copy", summary: "Copy a file.",
            arguments: [
                Argument("FROM", summary: "the file"), Argument("TO", summary: "the copy", count: .optional),
            ],
            flags: [
                Flag("mode", value: "M", summary: "fast or safe", values: .choices(["fast", "safe"])),
                Flag("tag", value: "T", summary: "a tag", isRepeatable: true, values: .choices(["a", "b"])),
                Flag("wait", value: "TIME", summary: "how long to wait"), Flag("all", summary: "all of it"),
            ], action: 1),
        Command(
            "file", "show", summary: "Show files.",
            arguments: [Argument("PATH", summary: "a path", count: .oneOrMore)], action: 2),
        Command("__hidden", summary: "For scripts.", isHidden: true, action: 3),
        Command(
            "machine", "run", summary: "Run a program.",
            arguments: [
                Argument("MACHINE", summary: "a machine"),
                Argument("COMMAND", summary: "a program and its arguments", count: .commandLine),
            ],
            flags: [
                Flag("interactive", short: "i", summary: "input"), Flag("tty", short: "t", summary: "a terminal"),
                Flag("user", short: "u", value: "USER", summary: "a user"),
            ], action: 4),
    ]
    let program = Program(
        "tool", commands: commands, globalFlags: [Flag("output", short: "o", value: "FORMAT", summary: "the format")])
    let strict = Program(
        "tool", commands: commands, globalFlags: [Flag("data", value: "DIR", summary: "the directory")],
        commandComesFirst: true)

    func run(_ words: String..., by program: Program<Int>? = nil) throws -> (action: Int, arguments: Arguments) {
        guard case .run(let command, let arguments) = try (program ?? self.program).parse(words) else {
            throw UsageError("not a command")
        }
        return (command.action, arguments)
    }

    func message(_ words: String..., by program: Program<Int>? = nil) -> String? {
        do {
            _ = try (program ?? self.program).parse(words)
            return nil
        } catch { return error.message }
    }

    @Test(
        "a value follows its flag directly, or after a space or an equals sign",
        arguments: [["-ojson"], ["-o=json"], ["-o", "json"], ["--output=json"], ["--output", "json"]])
    func values(words: [String]) throws {
        for line in [words + ["file", "copy", "x"], ["file"] + words + ["copy", "x"], ["file", "copy", "x"] + words] {
            guard case .run(let command, let arguments) = try program.parse(line) else {
                Issue.record("\(line) is not a command")
                continue
            }
            #expect(command.action == 1)
            #expect(arguments.value("output") == "json")
            #expect(arguments.positional == ["x"])
        }
    }

    @Test("words after -- are arguments, and so is a single dash")
    func dashes() throws {
        let (action, arguments) = try run("file", "show", "-", "--", "--all", "-o")
        #expect(action == 2)
        #expect(arguments.positional == ["-", "--all", "-o"])
    }

    @Test("switches, repeated flags, counts and durations")
    func flags() throws {
        let (_, arguments) = try run("file", "copy", "x", "--all", "--tag", "a, b", "--tag=a", "--wait", "12h")
        #expect(arguments.has("all"))
        #expect(!arguments.has("mode"))
        #expect(arguments.all("tag") == ["a, b", "a"])
        #expect(arguments.list("tag") == ["a", "b", "a"])
        #expect(try arguments.duration("wait") == .seconds(12 * 3600))
        #expect(try arguments.duration("mode") == nil)
        #expect(throws: UsageError.self) { try arguments.count("wait") }
        #expect(Arguments.duration(of: "90s") == .seconds(90))
        #expect(Arguments.duration(of: "7d") == .seconds(7 * 86_400))
        for text in ["", "7", "d", "-1d", "1w", "99999999999d", "1.5h"] { #expect(Arguments.duration(of: text) == nil) }
    }

    @Test("one word may have several switches, and nothing else")
    func combinedSwitches() throws {
        for line in [["-it", "m", "ls"], ["m", "-ti", "ls"], ["-i", "-t", "m", "ls"]] {
            guard case .run(_, let arguments) = try program.parse(["machine", "run"] + line) else {
                Issue.record("\(line) is not a command")
                continue
            }
            #expect(arguments.has("interactive") && arguments.has("tty"))
            #expect(arguments.positional == ["m", "ls"])
        }
        #expect(message("machine", "run", "-iu", "m", "ls") == "unknown option -i")
        #expect(message("machine", "run", "-ix", "m", "ls") == "unknown option -i")
        #expect(try run("machine", "run", "-uit", "m", "ls").arguments.value("user") == "it")
    }

    @Test("the options of another program's command line are its own")
    func otherCommandLine() throws {
        for line in [["m", "ls", "-la", "--user"], ["m", "--", "ls", "-la", "--user"]] {
            let (_, arguments) = try runWords(["machine", "run"] + line)
            #expect(arguments.positional == ["m", "ls", "-la", "--user"], "\(line)")
            #expect(!arguments.has("user"))
        }
        // Only dashes before the command are this program's.
        #expect(try run("machine", "run", "m", "grep", "--", "-x").arguments.positional == ["m", "grep", "--", "-x"])
        // Options of this program before the command, which is then found by its words.
        let (action, arguments) = try run("-o", "json", "machine", "run", "-i", "m", "sh", "-c", "-o")
        #expect(action == 4 && arguments.has("interactive") && arguments.value("output") == "json")
        #expect(arguments.positional == ["m", "sh", "-c", "-o"])
        #expect(try run("machine", "run", "m", "--", "--help").arguments.positional == ["m", "--help"])
        #expect(message("machine", "run", "m") == "missing argument COMMAND: a program and its arguments")
    }

    func runWords(_ words: [String]) throws -> (action: Int, arguments: Arguments) {
        guard case .run(let command, let arguments) = try program.parse(words) else {
            throw UsageError("not a command")
        }
        return (command.action, arguments)
    }

    @Test("usage errors name the flag or the argument")
    func errors() throws {
        #expect(message("file", "copy") == "missing argument FROM: the file")
        #expect(message("file", "copy", "a", "b") == nil)
        #expect(message("file", "copy", "a", "b", "c") == "unexpected argument \"c\"")
        #expect(message("file", "show") == "missing argument PATH: a path")
        #expect(message("file", "copy", "a", "--mode", "slow") == "--mode must be one of fast, safe")
        #expect(message("file", "copy", "a", "--tag", "a,c") == "--tag must be one of a, b")
        #expect(message("file", "copy", "a", "--tag", "") == "--tag must be one of a, b")
        #expect(message("file", "copy", "a", "--mode") == "--mode needs a value: --mode M")
        #expect(message("file", "copy", "a", "--all=yes") == "--all takes no value")
        #expect(message("file", "copy", "a", "-ox", "-oy") == "--output is given twice: give it once")
        #expect(message("file", "show", "a", "--mode", "fast") == "unknown option --mode")
        #expect(message("file", "copy", "a", "--mod", "fast") == "unknown option --mod; did you mean \"--mode\"?")
        let (_, arguments) = try run("file", "copy", "a", "--wait", "foo")
        #expect {
            try arguments.duration("wait")
        } throws: { error in
            (error as? UsageError)?.message
                == "--wait: invalid duration \"foo\": use a number and a unit, such as 30m, 12h or 7d"
        }
    }

    @Test("an error does not repeat a word that may be a secret")
    func secrets() {
        let secret = String(repeating: "s", count: 40)
        #expect(message("file", "show", "x", "--\(secret)") == "unknown option …")
        #expect(message("file", "show", "x", "--bogus=\(secret)") == "unknown option --bogus")
        #expect(message("file", "show", "x", "-p\(secret)") == "unknown option -p")
        #expect(message("file", "copy", "a", "b", secret) == "unexpected argument \"…\"")
        #expect(message(secret) == "unknown command \"…\"")
    }

    @Test("a program can require that the command comes before the flags")
    func order() throws {
        #expect(try run("file", "copy", "--data", "d", "x", by: strict).arguments.positional == ["x"])
        #expect(
            message("--data", "d", "file", "copy", "x", by: strict) == "the command comes first, and --data after it")
        guard case .incomplete(group: "file", _) = try strict.parse(["file", "--data", "d", "copy", "x"]) else {
            Issue.record("the words of the command were separated")
            return
        }
    }

    @Test("help is shown for a command, a group, or all commands")
    func help() throws {
        func help(_ words: String...) throws -> String? {
            guard case .help(let text) = try program.parse(words) else { return nil }
            return text
        }
        let copy = try #require(try help("file", "copy", "--help"))
        #expect(
            copy.hasPrefix(
                "Usage: tool file copy FROM [TO] [OPTIONS]\n\nCopy a file.\n\nArguments:\n  FROM  the file\n"))
        #expect(copy.contains("\n  --mode M     fast or safe\n"))
        #expect(copy.contains("\n  -o, --output FORMAT  the format\n"))
        #expect(try help("help", "file", "copy") == copy)
        #expect(try help("file", "copy", "-h") == copy)
        let all = try #require(try help("--help"))
        #expect(all.contains("\n  file show    Show files.\n") && !all.contains("__hidden"))
        #expect(try help("file", "--help")?.hasPrefix("Usage: tool file COMMAND [OPTIONS]\n") == true)
        guard case .incomplete(group: nil, all) = try program.parse([]) else {
            Issue.record("no words are not an incomplete command line")
            return
        }
        guard case .version = try program.parse(["file", "show", "--version"]) else {
            Issue.record("--version is not recognized")
            return
        }
    }

    @Test("long texts are wrapped, and aligned below their column")
    func wrapping() throws {
        let text = String(repeating: "word ", count: 40)
        let wrapping = Program("tool", commands: [Command("run", summary: text, action: 1)], globalFlags: [])
        let lines = wrapping.overview().split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 100 })
        #expect(lines.count { $0.hasPrefix("       word") } == 2)
    }
}
