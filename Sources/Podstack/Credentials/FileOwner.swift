#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Root may write for another user, who must be able to use the files afterwards; nobody else can give a file away.
struct FileOwner {
    var user: uid_t
    var group: gid_t

    /// Nil when there is no such file.
    static func of(_ path: String) -> FileOwner? {
        var status = stat()
        return stat(path, &status) == 0 ? FileOwner(user: status.st_uid, group: status.st_gid) : nil
    }

    /// Whose a new file in a folder is; nil for whoever makes it.
    static func ofNew(in folder: String) -> FileOwner? { geteuid() == 0 ? of(folder) : nil }

    /// - Parameter descriptor: Of a file that this process has just made: of another's, giving it away is theft.
    static func give(_ descriptor: Int32, to owner: FileOwner?) -> Bool {
        guard let owner, owner.user != geteuid() else { return true }
        return fchown(descriptor, owner.user, owner.group) == 0
    }
}
