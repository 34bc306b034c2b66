/// One line of a credentials file, as places in its bytes.
struct INILine: Sendable {
    enum Meaning: Sendable, Equatable {
        /// Blank, or a comment.
        case nothing
        case section(Range<Int>)
        case entry(key: Range<Int>, value: Range<Int>)
    }

    /// With its end: LF, CRLF or CR.
    var range: Range<Int>
    var meaning: Meaning
}
