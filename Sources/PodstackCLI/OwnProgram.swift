#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The program that runs, and what was installed beside it.
enum OwnProgram {
    /// The path of a program in the same folder, links followed; nil when it is not there.
    static func neighbour(_ name: String) -> String? {
        #if os(Linux)
            guard let path = realpath("/proc/self/exe", nil) else { return nil }
            defer { free(path) }
            let folder = String(cString: path).split(separator: "/").dropLast().joined(separator: "/")
            let neighbour = "/\(folder)/\(name)"
            return access(neighbour, X_OK) == 0 ? neighbour : nil
        #else
            return nil
        #endif
    }
}
