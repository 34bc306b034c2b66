/// Lines for a shell to run.
enum ShellLine {
    /// Sets a variable for the shell and what it starts.
    static func setting(_ name: String, to value: String, isFish: Bool) -> String {
        isFish ? "set -gx \(name) \(fish(value))" : "export \(name)=\(posix(value))"
    }

    /// In single quotes nothing has a meaning, but to fish the backslash.
    private static func posix(_ text: String) -> String { "'\(text.replacing("'", with: "'\\''"))'" }

    private static func fish(_ text: String) -> String {
        "'\(text.replacing("\\", with: "\\\\").replacing("'", with: "\\'"))'"
    }
}
