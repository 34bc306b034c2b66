import PodstackAPI
import PodstackCommandLine
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A named value in a log line.
struct LogField: Sendable {
    enum Value: Sendable {
        case text(String)
        case integer(Int)
        /// A number with up to three decimal places.
        case number(Double)
    }

    var name: String
    var value: Value

    init(_ name: String, _ text: String) {
        self.name = name
        value = .text(text)
    }

    init(_ name: String, _ integer: Int) {
        self.name = name
        value = .integer(integer)
    }

    init(_ name: String, _ number: Double) {
        self.name = name
        value = .number(number)
    }
}

/// The log of the service: JSON lines with named fields.
///
/// A secret is never a field. A line has at most ``maxLineBytes`` bytes, and a text at most ``maxTextBytes``.
struct Log: Sendable {
    /// The most bytes of a line, with its line feed.
    static let maxLineBytes = 4096
    /// The most bytes of a text as JSON; the rest is cut off at a character boundary and replaced by `…`.
    static let maxTextBytes = 1024

    let sink: @Sendable ([UInt8]) -> Void
    /// The limit on lines that clients cause.
    let limit: LogLimit

    static let standardError = Log { LogWriter.standardError.add($0) }

    init(limit: LogLimit = LogLimit(), sink: @escaping @Sendable ([UInt8]) -> Void) {
        self.sink = sink
        self.limit = limit
    }

    func write(_ event: String, level: String = "info", _ fields: [(name: String, value: String)] = []) {
        write(event, level: level, fields: fields.map { LogField($0.name, $0.value) })
    }

    /// Writes a line; a field with an empty text is left out.
    func write(_ event: String, level: String = "info", fields: [LogField]) {
        sink(Self.line(event, level: level, fields))
    }

    /// Writes a line that a client causes, unless clients cause too many: then they are counted, and one line says how
    /// many there were.
    ///
    /// - Parameters:
    ///   - event: The name of the event.
    ///   - level: The level.
    ///   - source: The source of the line, such as a network, and the kind of line.
    ///   - fields: Returns the fields of the line; not called if the line is only counted.
    func write(_ event: String, level: String, from source: LogLimit.Source, _ fields: () -> [LogField]) {
        let (isAllowed, sums) = limit.count(source)
        for sum in sums { write(sum) }
        if isAllowed { write(event, level: level, fields: fields()) }
    }

    /// Writes the sums of the lines that were only counted, once their second is over.
    func writeSums() {
        for sum in limit.takeSums() { write(sum) }
    }

    private func write(_ sum: LogLimit.Sum) {
        write(
            "similar_lines_not_logged", level: "warning",
            fields: [
                LogField("kind", sum.source?.kind ?? "all"), LogField("source", sum.source?.name ?? ""),
                LogField("lines", sum.count),
            ])
    }

    // MARK: - Lines

    /// Returns a line.
    static func line(_ event: String, level: String, _ fields: [LogField]) -> [UInt8] {
        var line = Array("{\"time\":\"\(Timestamp.format(Date()))\",\"level\":".utf8)
        append(level, to: &line)
        line += Array(",\"event\":".utf8)
        append(event, to: &line)
        for field in fields {
            if case .text("") = field.value { continue }
            var text = Array(",".utf8)
            append(field.name, to: &text)
            text.append(UInt8(ascii: ":"))
            switch field.value {
            case .text(let value): append(value, to: &text)
            case .integer(let number): text += Array(String(number).utf8)
            case .number(let number): text += Array(decimal(number).utf8)
            }
            // The end of the line, and of a field that says that others are missing.
            guard line.count + text.count + 20 <= maxLineBytes else {
                line += Array(",\"is_cut\":true".utf8)
                break
            }
            line += text
        }
        return line + Array("}\n".utf8)
    }

    /// Returns a number with three decimal places, without trailing zeros.
    private static func decimal(_ number: Double) -> String {
        guard number.isFinite, abs(number) < 1e15 else { return "null" }
        let rounded = (number * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }

    /// Appends a text as a JSON string, in which control characters, and those that change the direction of text, are
    /// escaped, because lines are also read on terminals.
    private static func append(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        let end = line.count + maxTextBytes
        for character in text {
            let start = line.count
            for scalar in character.unicodeScalars {
                append(scalar, to: &line)
                // A character may have any number of combining marks.
                if line.count > end { break }
            }
            if line.count > end {
                line.removeSubrange(start...)
                line += Array("…".utf8)
                break
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    private static func append(_ scalar: Unicode.Scalar, to line: inout [UInt8]) {
        switch scalar {
        case "\"", "\\":
            line.append(UInt8(ascii: "\\"))
            line.append(UInt8(truncatingIfNeeded: scalar.value))
        case "\n": line += Array("\\n".utf8)
        case "\t": line += Array("\\t".utf8)
        case "\r": line += Array("\\r".utf8)
        case " "..."~": line.append(UInt8(truncatingIfNeeded: scalar.value))
        default:
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    line += Array("\\u\(String(repeating: "0", count: 4 - digits.count))\(digits)".utf8)
                }
            default: line += Array(UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
    }
}

// MARK: - Limit

/// A limit on the log lines that clients cause: equal lines of one source in a second, and lines of all sources.
///
/// Further lines are counted. When the second is over, one line for each source reports their number.
final class LogLimit: Sendable {
    /// A network or a token, and the kind of lines that it causes.
    struct Source: Sendable, Hashable {
        var kind: String
        var name: String
    }

    /// The number of lines that were only counted.
    struct Sum: Sendable, Equatable {
        /// Nil for all sources beyond the limit on the lines of a second.
        var source: Source?
        var count: Int
    }

    /// The lines of one source in a second.
    static let linesPerSource = 10
    /// The lines of all sources in a second.
    static let lines = 100

    private struct State {
        var second: Int64 = .min
        var lines = 0
        /// The lines of each source; at most ``LogLimit/lines`` sources.
        var counts: [Source: (written: Int, counted: Int)] = [:]
        /// The lines of other sources, which were only counted.
        var others = 0
    }

    private let state = Mutex(State())
    private let seconds: @Sendable () -> Int64

    /// Creates a limit.
    ///
    /// - Parameter seconds: Returns the seconds of a monotonic clock.
    init(seconds: @escaping @Sendable () -> Int64 = MonotonicClock.seconds) { self.seconds = seconds }

    /// Counts a line.
    ///
    /// - Returns: Whether to write it, and the sums of an earlier second, which are written before it.
    func count(_ source: Source) -> (isAllowed: Bool, sums: [Sum]) {
        let second = seconds()
        return state.withLock { state in
            let sums = Self.takeSums(&state, at: second)
            let count = state.counts[source]
            guard state.lines < Self.lines, count?.written ?? 0 < Self.linesPerSource else {
                if count == nil { state.others += 1 } else { state.counts[source]?.counted += 1 }
                return (false, sums)
            }
            state.counts[source, default: (0, 0)].written += 1
            state.lines += 1
            return (true, sums)
        }
    }

    /// Returns the sums of an earlier second, once.
    func takeSums() -> [Sum] {
        let second = seconds()
        return state.withLock { Self.takeSums(&$0, at: second) }
    }

    /// Returns the sums of an earlier second: one for each source that exceeded its own limit, and one for the rest.
    private static func takeSums(_ state: inout State, at second: Int64) -> [Sum] {
        guard second != state.second else { return [] }
        var sums: [Sum] = []
        var others = state.others
        for (source, count) in state.counts where count.counted > 0 {
            if count.written < linesPerSource {
                others += count.counted
            } else {
                sums.append(Sum(source: source, count: count.counted))
            }
        }
        if others > 0 { sums.append(Sum(source: nil, count: others)) }
        state = State(second: second)
        return sums
    }
}
