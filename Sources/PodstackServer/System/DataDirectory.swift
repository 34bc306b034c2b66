#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The directory with the files of the service, which only the service's user can access.
struct DataDirectory: Sendable {
    /// The directory that is used if the operator names no other.
    static let defaultPath = "./podstack-data"

    let path: String
    var databasePath: String { path + "/podstack.sqlite" }
    var pepperPath: String { path + "/pepper" }
    /// The file of the previous pepper, which exists while a stored digest still uses it.
    var previousPepperPath: String { path + "/pepper.previous" }
    /// The file of the pepper that a rotation is about to install.
    var nextPepperPath: String { path + "/pepper.next" }
    /// The file with the number of all audit events, see ``AuditCount``.
    var auditCountPath: String { path + "/audit.count" }

    /// Opens the directory for the service's user only; creates it if it is missing.
    ///
    /// - Throws: ``SetupFailure`` if that is not possible, or if the directory belongs to another user.
    init(_ path: String) throws {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw SetupFailure("cannot create \(path): \(String(cString: strerror(errno)))")
        }
        try Self.checkOwner(of: path)
        guard chmod(path, 0o700) == 0 else {
            throw SetupFailure("cannot use \(path): \(String(cString: strerror(errno)))")
        }
        // The files that SQLite creates are for this user only too.
        umask(0o077)
    }

    /// Opens a directory that a service has used before; never creates one, because the path may be mistyped.
    static func existing(_ path: String) throws -> DataDirectory {
        try checkOwner(of: path)
        // A symbolic link that leads nowhere is refused with its own message when it is opened.
        guard exists(path + "/podstack.sqlite") else {
            throw SetupFailure(
                errno == ENOENT || errno == ENOTDIR
                    ? "\(path) is not a data directory of podstack-server: it contains no podstack.sqlite"
                    : "cannot use \(path): \(String(cString: strerror(errno)))")
        }
        return try DataDirectory(path)
    }

    // MARK: - Owner

    /// Throws if the directory belongs to another user, whose files this process can neither read nor create.
    private static func checkOwner(of path: String) throws {
        var status = stat()
        guard stat(path, &status) == 0, status.st_uid != geteuid(), geteuid() != 0 else { return }
        let owner = userName(status.st_uid)
        throw SetupFailure(
            "\(path) belongs to the user \(owner), and this command runs as \(userName(geteuid())): run it with "
                + "sudo -u \(owner)")
    }

    /// Throws if this user cannot use a file of the database, which a command that another user ran has created.
    func checkAccess() throws {
        for file in ["", "-wal", "-shm", ".mark"].map({ databasePath + $0 }) {
            guard faccessat(AT_FDCWD, file, R_OK | W_OK, AT_EACCESS) != 0, errno == EACCES else { continue }
            throw SetupFile.denied(file, to: "use")
        }
    }

    /// Returns the name of a user; a number, as sudo reads it, if the user has no name.
    static func userName(_ id: uid_t) -> String {
        getpwuid(id).flatMap { $0.pointee.pw_name }.map { String(cString: $0) } ?? "#\(id)"
    }

    /// Continues as the owner of the directory, if this process is root: files that a command creates must belong to the
    /// user of the service.
    static func actAsOwner(of path: String) {
        var status = stat()
        guard geteuid() == 0, stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid != 0,
            setegid(status.st_gid) == 0
        else { return }
        seteuid(status.st_uid)
    }

    // MARK: - Database

    /// Returns whether the directory may get a new database: only at the first start.
    ///
    /// With a new, empty database in a directory that was used before, every token would be rejected as unknown.
    ///
    /// - Returns: False if the directory has a database.
    /// - Throws: ``SetupFailure`` if the directory was used before and has no database. The operator has moved it, or has
    ///   forgotten to name a PostgreSQL database.
    func mayCreateDatabase() throws -> Bool {
        // These exist only after the database. So they are read first: another process may be creating all of them.
        let hasPepper = exists(pepperPath)
        let log = databasePath + "-wal"
        let hasLog = exists(log)
        guard !exists(databasePath) else { return false }
        if hasPepper {
            throw SetupFailure(
                "\(path) has a pepper but no database: if podstack.sqlite was moved, put it back; if the database is "
                    + "PostgreSQL, give --database or PODSTACK_DATABASE_URL; for a new database in the directory, move "
                    + "the pepper away")
        }
        if hasLog { throw SetupFailure("\(log) exists without its database: put podstack.sqlite back") }
        return true
    }

    /// Checks that the database is one of this service, and the one to which the pepper belongs.
    ///
    /// - Parameter tables: Returns the names of the tables of the database.
    /// - Throws: ``SetupFailure`` if it is not.
    func checkDatabase(_ tables: () throws -> Set<String>) throws {
        // Read in this order: another process may be starting for the first time.
        let hasPepper = hasPepper
        let tables = try tables()
        if tables.isEmpty, hasPepper {
            throw SetupFailure(
                "\(databasePath) is empty, and the pepper beside it belongs to another database: restore the database, or, "
                    + "for a new one, move both files away")
        }
        if !tables.isEmpty, !tables.contains("schema_version") {
            throw SetupFailure(
                "\(databasePath) is not a database of podstack-server, because it has only other tables: put the right "
                    + "file in its place")
        }
    }

    /// Returns whether a path exists, even as a symbolic link that leads nowhere.
    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private func exists(_ path: String) -> Bool { Self.exists(path) }

    // MARK: - Pepper

    var hasPepper: Bool { exists(pepperPath) }

    /// Reads the peppers.
    ///
    /// - Returns: The current pepper and, during a rotation, the previous one.
    /// - Throws: ``SetupFailure`` if a file is missing, invalid or readable by other users.
    func peppers() throws -> Peppers {
        guard hasPepper else {
            throw SetupFailure(
                "\(pepperPath) is missing, and no token can be verified without it: restore it from a backup, or copy it "
                    + "from another instance")
        }
        return Peppers(
            current: try Pepper(existing: pepperPath),
            previous: exists(previousPepperPath) ? try Pepper(existing: previousPepperPath) : nil,
            next: exists(nextPepperPath) ? try Pepper(existing: nextPepperPath) : nil)
    }

    /// Returns the pepper that ``installPepper(_:)`` will install; generates it if there is none.
    func stagedPepper() throws -> Pepper { try Pepper(file: nextPepperPath) }

    /// Installs the staged pepper, if the directory has none; the files are not changed if another process has done it.
    ///
    /// - Parameter isRight: Returns whether the database is marked with a pepper.
    /// - Throws: ``SetupFailure`` if the file cannot be renamed.
    func installPepper(_ isRight: (Pepper) throws -> Bool) throws {
        guard !hasPepper, exists(nextPepperPath), let staged = try? Pepper(existing: nextPepperPath),
            try isRight(staged)
        else { return }
        guard rename(nextPepperPath, pepperPath) == 0 || hasPepper else {
            throw SetupFailure("cannot create \(pepperPath): \(String(cString: strerror(errno)))")
        }
        sync()
    }

    /// Makes created and renamed files durable.
    func sync() {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Takes the lock of a running server, which is held until the process ends.
    func lockForServing() throws {
        let descriptor = open(path + "/serving.lock", O_CREAT | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else {
            throw SetupFailure("cannot open \(path)/serving.lock: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SetupFailure("another podstack-server is serving \(path)")
        }
    }
}
