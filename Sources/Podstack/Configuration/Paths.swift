package import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

extension PodstackEnvironment {
    /// Returns the home directory from `HOME`, or for this process from the user database; nil if unknown.
    ///
    /// On Windows, `USERPROFILE` takes the place of `HOME`.
    ///
    /// - Throws: ``ConfigurationError`` when the home directory is a relative path. The working directory would then
    ///   determine which file a token is read from or written to.
    package func home() throws(ConfigurationError) -> FilePath? {
        #if os(Windows)
            let variable = "USERPROFILE"
        #else
            let variable = "HOME"
        #endif
        if let text = self[variable], !text.trimmingWhitespace().isEmpty {
            let path = FilePath(text)
            guard path.isAbsolute else {
                throw ConfigurationError(
                    message: "\(variable) is a relative path, so it is not a home directory",
                    hint: "Set \(variable) to an absolute path")
            }
            return path
        }
        guard isProcess, let home = UserDatabase.home(of: getuid()), home.isAbsolute else { return nil }
        return home
    }

    /// Returns a path in which `~` at the start is replaced by the home directory, and `~name` by that of a user.
    ///
    /// A variable, a flag and a file are not read by a shell, which would replace them.
    ///
    /// - Parameter text: The path. `./~` names a file whose name starts with `~`.
    /// - Returns: The path.
    /// - Throws: ``ConfigurationError`` when there is no such home directory.
    package func path(_ text: String) throws(ConfigurationError) -> FilePath {
        let path = FilePath(text)
        guard path.bytes.first == UInt8(ascii: "~") else { return path }
        let end = path.bytes.firstIndex(of: UInt8(ascii: "/")) ?? path.bytes.endIndex
        let user = FilePath(bytes: Array(path.bytes[1..<end]))
        let found = user.bytes.isEmpty ? try home() : UserDatabase.home(of: user)
        guard let found, found.isAbsolute else {
            throw ConfigurationError(
                message: user.bytes.isEmpty
                    ? "~ stands for the home directory, and there is none" : "~\(user) names a user who does not exist",
                hint: "Write the whole path, or ./~\(user) for a file of that name")
        }
        let rest = path.bytes[end...].drop { $0 == UInt8(ascii: "/") }
        return rest.isEmpty ? found : found.appending(rest)
    }

    /// Returns the path that a variable contains, with `~` replaced; nil when it is not set.
    func path(_ variable: Variable) throws(ConfigurationError) -> FilePath? {
        guard let text = self[variable] else { return nil }
        return try path(text)
    }
}

/// The system's database of users.
private enum UserDatabase {
    static func home(of user: uid_t) -> FilePath? { entry { getpwuid_r(user, $0, $1, $2, $3) } }

    static func home(of name: FilePath) -> FilePath? {
        entry { entry, buffer, size, result in
            name.withCString { getpwnam_r($0, entry, buffer, size, result) }
        }
    }

    private typealias LookUp = (
        UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
        UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
    ) -> Int32

    private static func entry(_ lookUp: LookUp) -> FilePath? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        // An entry is at most a few hundred bytes long; a directory service may add more.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1 << 16) { buffer in
            guard let start = buffer.baseAddress, lookUp(&entry, start, buffer.count, &found) == 0, found != nil,
                let home = entry.pw_dir
            else { return nil }
            return FilePath(cString: home)
        }
    }
}
