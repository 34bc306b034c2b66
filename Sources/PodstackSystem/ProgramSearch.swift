#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds the programs that are started by name.
///
/// A name is searched for in the absolute directories of `PATH` only. A shell also searches the working directory, for an
/// empty or a relative entry: there, the author of a downloaded folder could choose the program.
package enum ProgramSearch {
    private static let defaultPath = "/usr/local/bin:/usr/bin:/bin"

    /// Returns the entries of `PATH` that are absolute, as a new value of `PATH`.
    ///
    /// - Parameter path: The value of `PATH`; nil or empty for the default one.
    /// - Returns: The value, which is the default one when no entry is absolute.
    package static func absolute(_ path: String?) -> String {
        let folders = (path ?? "").split(byte: ":").filter { $0.hasPrefix(bytes: "/") }
        return folders.isEmpty ? defaultPath : folders.joined(separator: ":")
    }

    /// Returns the path of a program.
    ///
    /// - Parameters:
    ///   - program: The name of the program, or its path, which contains a slash.
    ///   - path: The value of `PATH`; nil or empty for the default one.
    /// - Returns: The path; nil when no directory contains a program with this name.
    package static func find(_ program: String, in path: String?) -> String? {
        guard !program.isEmpty else { return nil }
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        return absolute(path).split(byte: ":").lazy.map { "\($0)/\(program)" }.first(where: isProgram)
    }

    /// Returns whether a path leads to a file that this user can execute.
    package static func isProgram(_ path: String) -> Bool {
        SystemText.withCString(path) { path in
            var status = stat()
            return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
        }
    }
}
