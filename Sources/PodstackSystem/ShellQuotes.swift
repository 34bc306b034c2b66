/// Quotes words for shells: the only place where a command line is written.
package enum ShellQuotes {
    /// Quotes a word for sh, bash and zsh, where no byte has a meaning in single quotes.
    package static func posix(_ text: String) -> String { "'\(text.replacing(bytes: "'", with: "'\\''"))'" }

    /// Quotes a word for fish, where the backslash has a meaning in single quotes.
    package static func fish(_ text: String) -> String {
        "'\(text.replacing(bytes: "\\", with: "\\\\").replacing(bytes: "'", with: "\\'"))'"
    }
}
