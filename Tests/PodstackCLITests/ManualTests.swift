import Foundation
import Podstack
import PodstackCommandLine
import PodstackTestSupport
import Testing

@testable import PodstackCLI
@testable import PodstackServer

@Suite("Help and manual pages", .blocking, .timeLimit(.minutes(5)))
struct ManualTests {
    func forEachProgram(_ body: (ProgramView) throws -> Void) rethrows {
        try body(ProgramView(PodstackTool.program, section: 1))
        try body(ProgramView(ServerTool.program, section: 8))
    }

    /// A program without the type of its actions.
    struct ProgramView {
        var name: String
        var section: Int
        var overview: String
        var groups: [String]
        var firstWords: [String]
        var commands: [(name: String, words: [String], usage: String, help: String, examples: [String], flags: [Flag])]
        var parse: ([String]) throws -> Void

        init<Action>(_ program: Program<Action>, section: Int) {
            name = program.name
            self.section = section
            overview = program.overview()
            groups = program.groups.flatMap(\.words)
            firstWords = program.visibleCommands.compactMap(\.words.first)
            commands = program.visibleCommands.map {
                ($0.name, $0.words, $0.usage, program.help(for: $0), $0.examples.map(\.line), $0.flags)
            }
            parse = { words in
                guard case .run = try program.parse(words) else { throw UsageError("not a command: \(words)") }
            }
        }
    }

    @Test("every command is under exactly one heading of the help")
    func groups() {
        forEachProgram { program in
            #expect(Set(program.groups).count == program.groups.count)
            #expect(Set(program.firstWords) == Set(program.groups))
            for command in program.commands {
                let lines = program.overview.split(separator: "\n").count {
                    $0.hasPrefix("  \(command.name)  ") || $0 == "  \(command.name)"
                }
                #expect(lines == 1, "\(command.name)")
            }
        }
        #expect(PodstackTool.program.overview().contains("\nAPI tokens:\n  token list "))
    }

    @Test("every command has examples, and each is a command line that the program accepts")
    func examples() throws {
        forEachProgram { program in
            for command in program.commands {
                #expect(!command.examples.isEmpty, "\(command.name)")
                #expect(command.help.contains("\nExamples:\n"))
                #expect(command.examples.contains { $0.contains("\(program.name) \(command.name)") }, "\(command.name)")
                for line in command.examples {
                    let words = Self.words(of: line, after: program.name)
                    #expect(throws: Never.self, "\(line)") { try program.parse(words) }
                }
            }
        }
    }

    /// Returns the words of a program in a line of a shell.
    static func words(of line: String, after program: String) -> [String] {
        guard let start = line.range(of: program + " ") else { return [] }
        var rest = String(line[start.upperBound...])
        // A command substitution ends at its parenthesis.
        if line[..<start.lowerBound].hasSuffix("$("), let end = rest.firstIndex(of: ")") { rest = String(rest[..<end]) }
        var words: [String] = []
        for word in CommandWords.split(rest) ?? [] {
            if word == "|" || word.hasPrefix("<") || word.hasPrefix(">") { break }
            words.append(word)
        }
        return words
    }

    @Test("required options are marked in the help, and in its first line")
    func required() {
        forEachProgram { program in
            for command in program.commands {
                for flag in command.flags where flag.isRequired {
                    #expect(command.help.split(separator: "\n")[0].contains(" --\(flag.name) \(flag.valueName ?? "")"))
                    #expect(command.help.contains("(required)"))
                }
            }
        }
    }

    @Test("the real programs write one manual page for each command, and groff and man accept them")
    func pages() throws {
        for (program, section) in [("podstack", 1), ("podstack-server", 8)] {
            let folder = try TemporaryDirectory()
            let written = try ToolProcess.run(program, ["man", folder.path])
            #expect(written.status == 0, "\(written.error)")
            let files = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            #expect(written.output.split(separator: "\n").map(String.init).sorted() == files)
            #expect(files.contains("\(program).\(section)"))
            forEachProgram { view in
                guard view.name == program else { return }
                for command in view.commands {
                    #expect(files.contains("\(([program] + command.words).joined(separator: "-")).\(section)"))
                }
                #expect(files.count == view.commands.count + 1)
            }
            for file in files {
                let checked = try ToolProcess.run(
                    "/usr/bin/env", ["groff", "-man", "-Tutf8", "-ww", "-Kutf8", "-P-c", folder.file(file)],
                    environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"])
                #expect(checked.status == 0)
                #expect(checked.error.isEmpty, "\(file): \(checked.error)")
                #expect(Self.plain(checked.output).contains("SYNOPSIS"), "\(file)")
            }
        }
    }

    /// Returns the text of a formatted page, in which bold is a character, a backspace and the character again.
    static func plain(_ page: String) -> String { page.replacing(/.\u{8}/, with: "") }

    @Test("a manual page shows the text of the help, with every character")
    func characters() throws {
        let folder = try TemporaryDirectory()
        let tricky = Program(
            "tool", summary: "Show.",
            commands: [
                PodstackCommandLine.Command(
                    "run", summary: "Print 'quotes', \"more\" and C:\\path.",
                    flags: [
                        Flag("x", value: "A-B", summary: ".dots 'first' and ~/-^`…")
                    ], details: "  literal --line\n  .second\n\n'quoted' start", examples: ["tool run --x '.a\\b'"],
                    action: 1)
            ], globalFlags: [])
        let files = try ManPages(of: tricky, section: 1, version: "1.0").write(to: folder.path)
        #expect(files == ["tool.1", "tool-run.1"])
        let shown = try ToolProcess.run(
            "/usr/bin/env", ["groff", "-man", "-Tutf8", "-ww", "-Kutf8", "-P-c", folder.file("tool-run.1")],
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"])
        #expect(shown.error.isEmpty, "\(shown.error)")
        let plain = Self.plain(shown.output)
        for text in [
            "Print 'quotes', \"more\" and C:\\path", "--x A-B", ".dots 'first' and ~/-^`...", "literal --line",
            ".second",
            "'quoted' start", "tool run --x '.a\\b'",
        ] { #expect(plain.contains(text), "\(text) in \(plain)") }
        #expect(throws: UsageError.self) {
            try ManPages(of: tricky, section: 1, version: "1.0").write(to: folder.file("missing"))
        }
    }

    @Test("the names of commands without a project lookup exist")
    func withoutLookup() {
        let names = Set(PodstackTool.program.commands.map(\.name))
        #expect(PodstackTool.ignoringProject.subtracting(names).isEmpty)
    }

    @Test("usage errors of podstack-server name the help of their command")
    func serverHints() throws {
        for (words, hint) in [
            (["serve", "--listen", "nowhere"], "podstack-server serve --help shows the usage"),
            (["user", "add", "not-an-address"], "podstack-server user add --help shows the usage"),
            (["token", "create", "you@example.com"], "podstack-server token create --help shows the usage"),
            (["serve", "--tls-cert", "f"], "podstack-server serve --help shows the usage"),
        ] {
            let outcome = try ToolProcess.run("podstack-server", words)
            #expect(outcome.status == 2)
            #expect(outcome.error.hasSuffix("(\(hint))\n"), "\(outcome.error)")
        }
    }
}
