#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Finds the `.env` that belongs to where a program runs.
enum DotEnvSearch {
    /// In `folder` or above it: up to the root of a repository, the home directory, or a folder of another owner, since
    /// what lies beyond is not this project's. Nor is what somebody else left above, where all may write, as in `/tmp`.
    /// Nil when there is none.
    static func find(from folder: String, home: String?) -> String? {
        guard let start = resolved(folder) else { return nil }
        var current = start
        let home = home.flatMap(resolved)
        let owner = self.owner(of: current)
        while true {
            let candidate = current == "/" ? "/.env" : current + "/.env"
            if isReadable(candidate), current == start || belongs(candidate, to: owner) { return candidate }
            guard current != "/", current != home, !exists(current + "/.git") else { return nil }
            current = parent(of: current)
            guard self.owner(of: current) == owner else { return nil }
        }
    }

    static var workingDirectory: String? {
        guard let path = getcwd(nil, 0) else { return nil }
        defer { free(path) }
        return String(cString: path)
    }

    /// A file, or a pipe such as some secret managers make.
    private static func isReadable(_ path: String) -> Bool {
        guard let mode = status(path)?.st_mode else { return false }
        return mode & S_IFMT == S_IFREG || mode & S_IFMT == S_IFIFO
    }

    private static func exists(_ path: String) -> Bool { status(path) != nil }

    private static func owner(of path: String) -> uid_t? { status(path)?.st_uid }

    /// The link too, where it is one.
    private static func belongs(_ path: String, to owner: uid_t?) -> Bool {
        var link = stat()
        return lstat(path, &link) == 0 && link.st_uid == owner && self.owner(of: path) == owner
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return stat(path, &status) == 0 ? status : nil
    }

    private static func resolved(_ path: String) -> String? {
        guard let real = realpath(path, nil) else { return nil }
        defer { free(real) }
        return String(cString: real)
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
