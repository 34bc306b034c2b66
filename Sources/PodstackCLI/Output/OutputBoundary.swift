import Podstack
import PodstackCommandLine
import Synchronization

/// The place where text leaves the program: the only one where it is redacted.
///
/// No command has to know which of its texts may contain a token in the wrong place, such as the name of a profile or a
/// path. Commands that print a token on purpose use ``Invocation/printingNewToken`` or ``Invocation/printingData``.
final class OutputBoundary: Sendable {
    private let output: FilteredStream
    private let error: FilteredStream
    /// Whether a new token was printed, which is lost if writing fails.
    private let newTokenWasPrinted = Atomic(false)

    var hasPrintedNewToken: Bool { newTokenWasPrinted.load(ordering: .relaxed) }

    fileprivate init(output: FilteredStream, error: FilteredStream) {
        self.output = output
        self.error = error
    }

    /// Writes what was held back, because it could have been the start of a token.
    func finish() {
        output.finish()
        error.finish()
    }

    fileprivate func writeData(_ text: String) { output.writeUnfiltered(text) }

    fileprivate func writeNewToken(_ text: String) {
        newTokenWasPrinted.store(true, ordering: .relaxed)
        output.writeUnfiltered(text)
    }
}

/// A stream that receives no token, and escape codes only if its terminal understands them.
private final class FilteredStream: Sendable {
    private struct State {
        var redactor = StreamRedactor()
        var codes = EscapeCodes()
        var target: @Sendable (String) -> Void

        func emit(_ text: String) { if !text.isEmpty { target(text) } }
    }

    private let state: Mutex<State>
    private let allowsCodes: Bool

    init(allowsCodes: Bool, _ target: @escaping @Sendable (String) -> Void) {
        self.allowsCodes = allowsCodes
        state = Mutex(State(target: target))
    }

    /// Writes while the lock is held, so that the texts of several threads stay in order.
    func write(_ text: String) {
        state.withLock { state in
            let plain = allowsCodes ? text : state.codes.removed(from: text)
            state.emit(state.redactor.pass(plain))
        }
    }

    func writeUnfiltered(_ text: String) {
        state.withLock { state in
            state.emit(state.redactor.finish())
            state.target(text)
        }
    }

    func finish() { state.withLock { $0.emit($0.redactor.finish()) } }
}

/// Removes the escape codes of terminals from a text that arrives in pieces.
private struct EscapeCodes {
    private enum Position { case text, escape, sequence, command }

    private var position = Position.text

    mutating func removed(from text: String) -> String {
        guard position != .text || text.utf8.contains(0x1B) else { return text }
        var output: [UInt8] = []
        for byte in text.utf8 {
            switch (position, byte) {
            case (_, 0x1B): position = .escape
            case (.text, _): output.append(byte)
            case (.escape, UInt8(ascii: "[")): position = .sequence
            case (.escape, UInt8(ascii: "]")): position = .command
            case (.escape, _): position = .text
            case (.sequence, 0x40...0x7E), (.command, 0x07): position = .text
            case (.sequence, _), (.command, _): break
            }
        }
        return String(decoding: output, as: UTF8.self)
    }
}

// MARK: - Contexts

extension Context {
    /// Whether escape codes are wanted: not with `NO_COLOR`, `--no-color` or a terminal that does not understand them.
    private func wantsCodes(_ words: [String]) -> Bool {
        // An empty TERM is set, and names a terminal without styles.
        TextStyle.isWanted { $0 == "TERM" ? environment[$0] : environment.value(of: $0) }
            && !words.prefix { $0 != "--" }.contains("--no-color")
    }

    /// Returns a copy whose streams pass through an ``OutputBoundary``, for a command line that may contain `--no-color`.
    func bounded(_ words: [String]) -> Context {
        guard boundary == nil else { return self }
        var context = self
        let wantsCodes = wantsCodes(words)
        // A line that is replaced as work advances consists of codes.
        context.showsProgress = showsProgress && wantsCodes
        context.stylesOutput = isOutputTerminal && wantsCodes
        let stylesErrors = isErrorTerminal && wantsCodes
        let output = FilteredStream(allowsCodes: context.stylesOutput, standardOutput)
        let error = FilteredStream(allowsCodes: stylesErrors || context.showsProgress, standardError)
        context.standardOutput = { output.write($0) }
        context.standardError = { error.write(stylesErrors ? TextStyle.styledMessage($0) : $0) }
        context.boundary = OutputBoundary(output: output, error: error)
        if let askLine {
            context.askLine = { prompt in
                error.finish()
                return askLine(TokenRedaction.redact(prompt))
            }
        }
        if let askSecret {
            context.askSecret = { prompt in
                error.finish()
                return askSecret(TokenRedaction.redact(prompt))
            }
        }
        return context
    }
}

extension Invocation {
    /// A copy that prints values as they are, for data that the user asked for.
    var printingData: Invocation {
        var invocation = self
        if let boundary = context.boundary { invocation.context.standardOutput = { boundary.writeData($0) } }
        return invocation
    }

    /// A copy that prints a token, which is shown once.
    var printingNewToken: Invocation {
        var invocation = self
        if let boundary = context.boundary { invocation.context.standardOutput = { boundary.writeNewToken($0) } }
        return invocation
    }
}
