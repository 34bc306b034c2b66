import PodstackCommandLine
import PodstackSystem

/// The output of a program in a pod, as a terminal shows it.
///
/// A pod must not be able to write to the user's terminal what it wants: a title, a color that stays, or text that the
/// terminal types. Line ends, carriage returns, tabs and colors pass; all other control characters and escape sequences are dropped. Colors
/// pass only if this terminal gets styles, and end with the output. Elsewhere than on a terminal, the output is not
/// changed at all.
struct LogText {
    private enum Position {
        case text
        /// After the escape character.
        case escape
        /// In a sequence such as that of a color.
        case sequence
        /// In a command such as that of a title, which ends with BEL or ESC `\`.
        case command
        case commandEscape
    }

    private let allowsColors: Bool
    private var position = Position.text
    private var sequence: [UInt8] = []
    /// The bytes of a character whose rest has not arrived.
    private var held: [UInt8] = []
    private var hasColor = false

    /// Creates the text of a terminal.
    ///
    /// - Parameter allowsColors: Whether colors pass.
    init(allowsColors: Bool) { self.allowsColors = allowsColors }

    /// Returns the text of some bytes, which continue those before.
    mutating func text(of bytes: some Sequence<UInt8>) -> String {
        var output = held
        held = []
        for byte in bytes { add(byte, to: &output) }
        let end = Self.completeCount(output)
        held = Array(output[end...])
        return displayed(output[..<end])
    }

    /// Returns the rest of the text.
    mutating func finish() -> String {
        defer { (held, position, sequence, hasColor) = ([], .text, [], false) }
        return displayed(held[...]) + (hasColor ? "\u{1B}[0m" : "")
    }

    private mutating func add(_ byte: UInt8, to output: inout [UInt8]) {
        switch (position, byte) {
        case (.text, 0x1B), (.escape, 0x1B), (.sequence, 0x1B): (position, sequence) = (.escape, [])
        case (.text, UInt8(ascii: "\n")), (.text, UInt8(ascii: "\t")), (.text, UInt8(ascii: "\r")): output.append(byte)
        case (.text, 0..<0x20), (.text, 0x7F): break
        case (.text, _): output.append(byte)
        case (.escape, UInt8(ascii: "[")): position = .sequence
        case (.escape, UInt8(ascii: "]")), (.escape, UInt8(ascii: "P")), (.escape, UInt8(ascii: "X")),
            (.escape, UInt8(ascii: "^")), (.escape, UInt8(ascii: "_")):
            position = .command
        // Codes such as that of a character set have further bytes before their last one.
        case (.escape, 0x20...0x2F): break
        case (.escape, _): position = .text
        case (.sequence, 0x40...0x7E):
            position = .text
            guard allowsColors, byte == UInt8(ascii: "m"), sequence.allSatisfy(Self.isColor) else { return }
            output += [0x1B, UInt8(ascii: "[")] + sequence + [byte]
            hasColor = true
        case (.sequence, 0x20..<0x40):
            sequence.append(byte)
            // No color is longer; the rest is text.
            if sequence.count > 64 { position = .text }
        case (.sequence, _): position = .text
        case (.command, 0x07), (.commandEscape, UInt8(ascii: "\\")), (.command, 0x18), (.command, 0x1A):
            position = .text
        case (.command, 0x1B): position = .commandEscape
        // A command that never ends must not hide the rest of the output.
        case (.command, UInt8(ascii: "\n")), (.commandEscape, UInt8(ascii: "\n")):
            position = .text
            output.append(byte)
        case (.command, _): break
        case (.commandEscape, _): position = .command
        }
    }

    private static func isColor(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || byte == UInt8(ascii: ";") || byte == UInt8(ascii: ":")
    }

    /// Returns the text of bytes from which the ASCII control characters are removed.
    private func displayed(_ bytes: ArraySlice<UInt8>) -> String {
        let text = SystemText.displayed(SystemText.text(of: Array(bytes)))
        guard text.unicodeScalars.contains(where: Self.isHidden) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.filter { !Self.isHidden($0) }))
    }

    /// Whether a character controls the terminal or the direction of text: C1 controls, and those of Unicode.
    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x80...0x9F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }

    /// Returns the number of bytes before a character that is not complete.
    private static func completeCount(_ bytes: [UInt8]) -> Int {
        // A character has up to four bytes.
        for back in 1...4 where back <= bytes.count {
            let byte = bytes[bytes.count - back]
            if byte < 0x80 { return bytes.count }
            if byte >= 0xC0 {
                let length = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : 2
                return length > back ? bytes.count - back : bytes.count
            }
        }
        return bytes.count
    }
}

// MARK: - Writer

/// Writes the output of a program in a pod: as it is to a file or a pipe, and as ``LogText`` to a terminal.
struct LogWriter {
    private let invocation: Invocation
    private let isError: Bool
    private var text: LogText?

    /// Creates a writer.
    ///
    /// - Parameters:
    ///   - invocation: The command.
    ///   - isError: Whether the output goes to standard error.
    ///   - isRaw: Whether a terminal receives the output as it is, because the program has the terminal.
    init(_ invocation: Invocation, isError: Bool = false, isRaw: Bool = false) {
        self.invocation = invocation
        self.isError = isError
        let context = invocation.context
        let isTerminal = isError ? context.isErrorTerminal : context.isOutputTerminal
        if isTerminal, !isRaw { text = LogText(allowsColors: context.stylesOutput) }
    }

    mutating func write(_ bytes: [UInt8]) {
        guard var terminal = text else { return writePlain(bytes) }
        writeText(terminal.text(of: bytes))
        text = terminal
    }

    mutating func finish() {
        guard var terminal = text else { return }
        writeText(terminal.finish())
        text = terminal
    }

    private func writePlain(_ bytes: [UInt8]) {
        guard let write = invocation.context.writeBytes else { return writeText(SystemText.text(of: bytes)) }
        // The boundary holds the end of earlier output back, which must be written before these bytes.
        invocation.context.boundary?.finish()
        write(bytes, isError)
    }

    private func writeText(_ text: String) {
        guard !text.isEmpty else { return }
        if isError {
            invocation.context.standardError(text)
        } else {
            invocation.printingData.context.standardOutput(text)
        }
    }
}
