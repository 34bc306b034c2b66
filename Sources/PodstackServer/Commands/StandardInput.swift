#if canImport(Glibc)
    import Glibc
#endif

/// What is piped into a command.
enum StandardInput {
    /// A password, up to the end of its line. It is not asked for at a terminal, which would show it.
    static func password(for email: String) throws -> String {
        guard isatty(STDIN_FILENO) == 0 else {
            throw UsageFailure("--password-stdin reads a pipe: podstack-server user add EMAIL --password-stdin <FILE")
        }
        guard let line = readLine(strippingNewline: true) else { throw UsageFailure("there is no password to read") }
        if let defect = Password.problem(line, email: email) { throw UsageFailure("the password \(defect)") }
        return line
    }
}
