#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The manual pages of a program, from the same table as its help.
///
/// The pages contain no date, so that equal programs have equal pages.
package struct ManPages<Action: Sendable> {
    private let program: Program<Action>
    private let section: Int
    private let version: String

    /// Creates the pages of a program.
    ///
    /// - Parameters:
    ///   - program: The program.
    ///   - section: The section of the manual: 1 for commands of users, 8 for those of operators.
    ///   - version: The version of the program, which the pages show at their ends.
    package init(of program: Program<Action>, section: Int, version: String) {
        self.program = program
        self.section = section
        self.version = version
    }

    /// The names of the files and their texts: one page for the program, and one for each visible command.
    package var all: [(file: String, text: String)] {
        [(fileName(program.name), programPage)]
            + program.visibleCommands.map { (fileName(name(of: $0)), page(for: $0)) }
    }

    /// Writes the pages to a directory, which must exist.
    ///
    /// - Parameter directory: The path of the directory.
    /// - Returns: The names of the files.
    /// - Throws: ``UsageError`` when a file cannot be written.
    package func write(to directory: String) throws(UsageError) -> [String] {
        for (file, text) in all {
            let path = "\(directory)/\(file)"
            guard let stream = fopen(path, "w") else { throw Self.failure(path) }
            let count = text.utf8.count
            let written = text.withCString { fwrite($0, 1, count, stream) }
            guard fclose(stream) == 0, written == count else { throw Self.failure(path) }
        }
        return all.map(\.file)
    }

    private static func failure(_ path: String) -> UsageError {
        UsageError("cannot write \(path): \(String(cString: strerror(errno)))")
    }

    private func name(of command: Command<Action>) -> String {
        ([program.name] + command.words).joined(separator: "-")
    }

    private func fileName(_ page: String) -> String { "\(page).\(section)" }

    // MARK: - Pages

    private var programPage: String {
        var page = Roff()
        head(&page, program.name, summary: program.summary)
        page.section("SYNOPSIS")
        page.line(".B \(Roff.escaped(program.name))\n\\fICOMMAND\\fR [\\fIOPTIONS\\fR]")
        page.section("DESCRIPTION")
        page.paragraphs(program.summary)
        if !program.footer.isEmpty { page.paragraphs("\n" + program.footer) }
        page.section("COMMANDS")
        for (title, commands) in program.groupedCommands {
            page.subsection(title)
            for command in commands { page.item(command.usage, command.summary) }
        }
        options(&page, "OPTIONS", program.globalFlags)
        page.items("ENVIRONMENT", program.reference.environment)
        page.items("FILES", program.reference.files)
        page.items("EXIT STATUS", program.reference.exitStatuses)
        page.references(program.visibleCommands.map(name(of:)), section)
        return page.text
    }

    private func page(for command: Command<Action>) -> String {
        var page = Roff()
        head(&page, name(of: command), summary: command.summary)
        page.section("SYNOPSIS")
        page.line(".B \(Roff.escaped("\(program.name) \(command.name)"))")
        let rest = command.fullUsage.dropFirst(command.name.count).split(separator: " ").map { word in
            word.hasPrefix("-") ? "\\fB\(Roff.escaped(String(word)))\\fR" : "\\fI\(Roff.escaped(String(word)))\\fR"
        }
        page.line(rest.joined(separator: " "))
        page.section("DESCRIPTION")
        page.paragraphs(command.summary)
        if !command.details.isEmpty { page.paragraphs("\n" + command.details) }
        page.items("ARGUMENTS", command.arguments.map { ($0.name, $0.summary) })
        options(&page, "OPTIONS", command.flags)
        options(&page, "GLOBAL OPTIONS", program.globalFlags)
        if !command.examples.isEmpty {
            page.section("EXAMPLES")
            for example in command.examples {
                if !example.purpose.isEmpty { page.paragraphs("\n" + example.purpose + ":") }
                page.literal([example.line])
            }
        }
        page.items("EXIT STATUS", program.reference.exitStatuses)
        let group = program.visibleCommands.filter { $0.words.first == command.words.first && $0.name != command.name }
        page.references([program.name] + group.map(name(of:)), section)
        return page.text
    }

    private func head(_ page: inout Roff, _ name: String, summary: String) {
        let title = Roff.escaped(name.uppercased())
        page.line(".TH \"\(title)\" \(section) \"\" \"\(Roff.escaped("\(program.name) \(version)"))\" \"Podstack\"")
        // Without hyphenation, because a hyphen in an option would be ambiguous.
        page.line(".nh")
        page.section("NAME")
        // Programs that index manual pages expect one sentence, and take its end from the line.
        page.line("\(Roff.escaped(name)) \\- \(Roff.escaped(Self.firstSentence(of: summary)))")
    }

    private static func firstSentence(of text: String) -> String {
        var sentence: [Substring] = []
        for word in text.split(separator: " ") {
            sentence.append(word.hasSuffix(".") ? word.dropLast() : word)
            if word.hasSuffix(".") { break }
        }
        return sentence.joined(separator: " ")
    }

    private func options(_ page: inout Roff, _ title: String, _ flags: [Flag]) {
        page.items(title, flags.map { ($0.usage, $0.description) })
    }
}

/// A manual page in the language of `man` (groff_man(7)).
private struct Roff {
    private(set) var text = ""

    mutating func line(_ line: String) { text += line + "\n" }

    mutating func section(_ title: String) { line(".SH \"\(title)\"") }

    mutating func subsection(_ title: String) { line(".SS \"\(Self.escaped(title))\"") }

    /// Adds paragraphs that are separated by empty lines; a text that starts with one follows other paragraphs.
    mutating func paragraphs(_ text: String) {
        for (index, paragraph) in Paragraph.all(of: text).enumerated() {
            if paragraph.isLiteral {
                literal(paragraph.lines)
                continue
            }
            if index > 0 || text.hasPrefix("\n") { line(".PP") }
            for each in paragraph.lines { line(Self.escaped(each)) }
        }
    }

    /// Adds lines that are shown as they are.
    mutating func literal(_ lines: [String]) {
        line(".PP")
        line(".RS 4")
        line(".nf")
        for each in lines { line(Self.escaped(each)) }
        line(".fi")
        line(".RE")
    }

    mutating func item(_ term: String, _ text: String) {
        line(".TP")
        line(".B \(Self.escaped(term))")
        line(Self.escaped(text))
    }

    mutating func items(_ title: String, _ rows: [ProgramReference.Row]) {
        guard !rows.isEmpty else { return }
        section(title)
        for (term, text) in rows { item(term, text) }
    }

    mutating func references(_ pages: [String], _ number: Int) {
        guard !pages.isEmpty else { return }
        section("SEE ALSO")
        for (index, page) in pages.enumerated() {
            line(".BR \(Self.escaped(page)) (\(number))\(index == pages.count - 1 ? "" : ",")")
        }
    }

    /// Returns text that the formatter shows as it is.
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\e"
            case "-": escaped += "\\-"
            case "'": escaped += "\\(aq"
            case "\"": escaped += "\\(dq"
            case "`": escaped += "\\(ga"
            case "^": escaped += "\\(ha"
            case "~": escaped += "\\(ti"
            case "…": escaped += "..."
            case "–": escaped += "\\(en"
            default: escaped.append(character)
            }
        }
        // At the start of a line, a period would be a request.
        return escaped.hasPrefix(".") ? "\\&" + escaped : escaped
    }
}
