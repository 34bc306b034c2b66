import PodstackCommandLine
import Testing

@Suite("Help texts and styles", .timeLimit(.minutes(1)))
struct HelpTests {
    let program = Program(
        "tool", summary: "Do things.",
        groups: [CommandGroup("Things", "thing"), CommandGroup("Nothing", "gone")],
        commands: [
            Command(
                "thing", "make", summary: "Make a thing.",
                flags: [
                    Flag("name", value: "NAME", summary: "its name", isRequired: true), Flag("big", summary: "big"),
                ],
                details: "One paragraph\nin two lines.\n\n  a literal line\n    more",
                examples: [Example("tool thing make --name x", "make x"), "tool thing make --name y --big"], action: 1),
            Command("other", summary: "Do something else.", action: 2),
        ], globalFlags: [], footer: "The end.")

    func message(_ words: String...) -> (message: String, hint: String?)? {
        do {
            _ = try program.parse(words)
            return nil
        } catch { return (error.message, error.hint) }
    }

    @Test("commands are under their headings, in aligned columns, and a heading without commands is left out")
    func headings() {
        #expect(
            program.overview().hasPrefix(
                """
                Do things.

                Usage: tool COMMAND [OPTIONS]

                Things:
                  thing make  Make a thing.

                Other commands:
                  other       Do something else.

                Global options:

                """))
        #expect(program.overview().hasSuffix("\n\nThe end.\n"))
        #expect(program.overview(of: "thing").contains("Commands:\n  thing make  Make a thing.\n"))
    }

    @Test("the help of a command has its required options, paragraphs and examples")
    func command() throws {
        let help = program.help(for: program.commands[0])
        #expect(
            help.hasPrefix(
                "Usage: tool thing make --name NAME [OPTIONS]\n\nMake a thing.\n\nOne paragraph in two lines.\n"))
        #expect(help.contains("\n\n  a literal line\n    more\n\n"))
        #expect(help.contains("  --name NAME  its name (required)\n"))
        #expect(
            help.contains(
                "Examples:\n  tool thing make --name x  # make x\n  tool thing make --name y --big\n\nGlobal options:"))
    }

    @Test("a missing required option is an error that says what it is for")
    func required() {
        let missing = message("thing", "make")
        #expect(missing?.message == "--name is missing: its name")
        #expect(missing?.hint == "tool thing make --help shows the usage")
        #expect(message("thing", "make", "--name", "x") == nil)
        #expect(message("thing", "make", "--help") == nil)
    }

    @Test("the help command of a line is that of its command, or of the program")
    func helpCommand() {
        #expect(program.helpCommand(for: ["thing", "make", "--name"]) == "tool thing make --help")
        #expect(program.helpCommand(for: ["--big", "thing", "make"]) == "tool thing make --help")
        #expect(program.helpCommand(for: ["fly"]) == "tool --help")
    }

    @Test("only a terminal that understands styles gets them")
    func styles() {
        #expect(TextStyle.isWanted { ["TERM": "xterm"][$0] })
        #expect(TextStyle.isWanted { ["TERM": "xterm", "NO_COLOR": ""][$0] })
        #expect(!TextStyle.isWanted { ["TERM": "xterm", "NO_COLOR": "0"][$0] })
        #expect(!TextStyle.isWanted { ["TERM": "dumb"][$0] })
        #expect(!TextStyle.isWanted { ["TERM": ""][$0] })
        #expect(TextStyle.isWanted { _ in nil })
        #expect(TextStyle.styledMessage("error: x") == "\u{1B}[1;31merror:\u{1B}[0m x")
        #expect(TextStyle.styledMessage("no error: x") == "no error: x")
    }

    @Test("a styled table has the width of the plain one")
    func table() {
        let rows = [["a", "active", "1"], ["b", "revoked", "2"], ["c", "odd", "3"]]
        let plain = Table.text(["ID", "STATUS", "N"], rows)
        let styled = Table.text(["ID", "STATUS", "N"], rows, isStyled: true)
        #expect(styled.contains("a   \u{1B}[32mactive\u{1B}[0m   1"))
        #expect(styled.contains("b   \u{1B}[31mrevoked\u{1B}[0m  2"))
        #expect(styled.replacing(/\u{1B}\[[0-9;]*m/, with: "") == plain)
    }
}
