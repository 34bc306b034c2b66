#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A copy of a database in a file of its own, for the service's user alone.
enum SQLiteBackup {
    /// Makes `file`, whole or not at all. Throws when it is there already.
    ///
    /// - Parameter progress: Told how many pages are done, of how many.
    static func make(of database: String, to file: String, _ progress: (Int, Int) -> Void = { _, _ in }) throws {
        guard access(file, F_OK) != 0 else { throw SetupFailure("\(file) is there already: a backup replaces nothing") }
        let partial = file + ".partial"
        let made = open(partial, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard made >= 0 else {
            throw errno == EEXIST
                ? SetupFailure("\(partial) is there: another backup is running, or did not come to its end")
                : SetupFailure("cannot write \(partial): \(reason)")
        }
        defer {
            close(made)
            unlink(partial)
        }
        do {
            try SQLiteConnection(path: database).copy(to: SQLiteConnection(path: partial, isCopy: true), progress)
        } catch { throw SetupFailure("cannot back up \(database) to \(file): \(error.reason)") }
        guard fsync(made) == 0 else { throw SetupFailure("cannot write \(partial): \(reason)") }
        // Unlike a rename this never replaces what came there meanwhile.
        guard link(partial, file) == 0 else { throw SetupFailure("cannot make \(file): \(reason)") }
        sync(folderOf: file)
    }

    /// So that the name is still there after a power failure.
    private static func sync(folderOf file: String) {
        let folder = file.lastIndex(of: "/").map { String(file[...$0]) } ?? "."
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    private static var reason: String { String(cString: strerror(errno)) }
}
