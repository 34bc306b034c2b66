import Foundation
import Podstack
import PodstackCommandLine
import Testing

@testable import PodstackCLI
@testable import PodstackServer

/// Compares docs/cli.md with the tables of the programs.
@Suite("The reference of the command lines", .timeLimit(.minutes(1)))
struct ReferenceTests {
    /// The options and arguments under each heading of the reference, in backticks in the first column of a table.
    let entries: [String: Set<String>]
    let text: String

    init() throws {
        let file = URL(filePath: #filePath).appending(path: "../../../docs/cli.md").standardized
        text = try String(contentsOf: file, encoding: .utf8)
        var entries: [String: Set<String>] = [:]
        var heading = ""
        for line in text.split(separator: "\n") {
            if line.hasPrefix("### ") {
                heading = String(line.dropFirst(4))
                entries[heading] = []
            } else if line.hasPrefix("| `"), let end = line.dropFirst(3).firstIndex(of: "`") {
                entries[heading]?.insert(String(line.dropFirst(3)[..<end]))
            }
        }
        self.entries = entries
    }

    func expect<Action>(documented program: Program<Action>) {
        var expected: [String: Set<String>] = [
            "Global options of `\(program.name)`": Set(program.globalFlags.map(\.usage))
        ]
        for command in program.visibleCommands {
            let options = command.arguments.map(\.name) + command.flags.map(\.usage)
            expected["`\(program.name) \(command.usage)`"] = Set(options)
        }
        for (heading, options) in expected { #expect(entries[heading] == options, "\(heading)") }
        // Headings of commands that do not exist.
        let documented = entries.keys.filter { $0.hasPrefix("`\(program.name) ") }
        #expect(Set(documented).subtracting(expected.keys).isEmpty)
    }

    @Test("docs/cli.md has exactly the commands, arguments and options of podstack")
    func podstack() { expect(documented: PodstackTool.program) }

    @Test("docs/cli.md has exactly the commands, arguments and options of podstack-server")
    func podstackServer() { expect(documented: ServerTool.program) }

    @Test("docs/cli.md has every environment variable")
    func variables() {
        for variable in PodstackEnvironment.Variable.allCases { #expect(text.contains("`\(variable.rawValue)`")) }
        #expect(text.contains("| `\(ProcessEnvironment.databaseURL)` |"))
        #expect(text.contains("| `PODSTACK_OUTPUT` |"))
    }

    @Test("a flag name takes a value in all commands of a program, or in none")
    func flagNames() {
        func flags<Action>(_ program: Program<Action>) -> [Flag] {
            program.globalFlags + program.commands.flatMap(\.flags)
        }
        for flags in [flags(PodstackTool.program), flags(ServerTool.program)] {
            // The command is not known yet when its words are separated from the flags.
            for (name, all) in Dictionary(grouping: flags, by: \.name) {
                #expect(Set(all.map { $0.valueName == nil }).count == 1, "--\(name)")
            }
        }
    }
}
