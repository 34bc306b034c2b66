#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds a program as a shell does.
enum ProgramSearch {
    /// - Parameter folders: With colons between; nil for the usual ones.
    static func path(of program: String, in folders: String?) -> String {
        if program.utf8.contains(UInt8(ascii: "/")) { return program }
        let folders = (folders ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        for folder in folders {
            let path = "\(folder)/\(program)"
            if access(path, X_OK) == 0 { return path }
        }
        return program
    }
}
