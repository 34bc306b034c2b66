/// A statement and its arguments, written as one string literal.
///
/// `\(value)` binds an argument; it never becomes text of the statement. `\(fragment)`, where the fragment is another
/// ``SQL``, inserts the fragment's text and arguments, for column lists and conditions that several statements share.
struct SQL: Sendable, ExpressibleByStringInterpolation {
    /// The statement with `?` in the place of each argument.
    private(set) var text: String
    private(set) var arguments: [DatabaseValue]

    init(stringLiteral text: String) { self.init(text: text) }

    /// Creates a statement from its text, with `?` in the place of each argument.
    init(text: String, arguments: [DatabaseValue] = []) {
        self.text = text
        self.arguments = arguments
    }

    init(stringInterpolation interpolation: StringInterpolation) {
        text = interpolation.text
        arguments = interpolation.arguments
    }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""
        fileprivate var arguments: [DatabaseValue] = []

        init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount)
            arguments.reserveCapacity(interpolationCount)
        }

        mutating func appendLiteral(_ literal: String) { text += literal }

        mutating func appendInterpolation(_ value: DatabaseValue) {
            text += "?"
            arguments.append(value)
        }

        mutating func appendInterpolation(_ value: String?) { appendInterpolation(DatabaseValue(value)) }
        mutating func appendInterpolation(_ value: Int64?) { appendInterpolation(DatabaseValue(value)) }
        mutating func appendInterpolation(_ value: [UInt8]?) { appendInterpolation(DatabaseValue(value)) }

        /// Binds each value as an argument, separated by commas, for `IN (…)`.
        mutating func appendInterpolation(list values: [String]) {
            for (index, value) in values.enumerated() {
                if index > 0 { text += ", " }
                appendInterpolation(value)
            }
        }

        mutating func appendInterpolation(_ fragment: SQL) {
            text += fragment.text
            arguments += fragment.arguments
        }
    }

    /// Joins fragments with a separator, such as `", "` or `" AND "`.
    static func joined(_ fragments: [SQL], by separator: String) -> SQL {
        var joined: SQL = ""
        for (index, fragment) in fragments.enumerated() {
            if index > 0 { joined.text += separator }
            joined.text += fragment.text
            joined.arguments += fragment.arguments
        }
        return joined
    }
}
