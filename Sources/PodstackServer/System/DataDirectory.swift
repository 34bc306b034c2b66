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

    /// Opens the directory for the service's user only; creates it if it is missing.
    init(_ path: String) throws {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw SetupFailure("cannot create \(path): \(String(cString: strerror(errno)))")
        }
        guard chmod(path, 0o700) == 0 else {
            throw SetupFailure("cannot use \(path): \(String(cString: strerror(errno)))")
        }
        // The files that SQLite creates are for this user only too.
        umask(0o077)
    }

    /// Opens a directory that a service has used before; never creates one, because the path may be mistyped.
    static func existing(_ path: String) throws -> DataDirectory {
        guard access(path + "/podstack.sqlite", F_OK) == 0 else {
            throw SetupFailure("\(path) is not a data directory of podstack-server: it contains no podstack.sqlite")
        }
        return try DataDirectory(path)
    }

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

    /// Throws if the database is empty although the directory has a pepper, which is created after the first tables.
    func checkIsNew(_ isDatabaseEmpty: () throws -> Bool) throws {
        // Read in this order: another process may be starting for the first time.
        guard exists(pepperPath), try isDatabaseEmpty() else { return }
        throw SetupFailure(
            "\(databasePath) is empty, and the pepper beside it belongs to another database: restore the database, or, "
                + "for a new one, move both files away")
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Reads the peppers.
    ///
    /// - Parameter mayCreate: Whether to create a missing pepper; true only if no digest exists that needs the old one.
    /// - Returns: The current pepper and, during a rotation, the previous one.
    /// - Throws: ``SetupFailure`` if a file is missing, invalid or readable by other users.
    func peppers(mayCreate: Bool) throws -> Peppers {
        let isMissing = !exists(pepperPath)
        guard mayCreate || !isMissing else {
            throw SetupFailure(
                "\(pepperPath) is missing, and no token can be verified without it: restore it from a backup, or copy it "
                    + "from another instance")
        }
        let current = try Pepper(file: pepperPath)
        if isMissing { sync() }
        return Peppers(
            current: current, previous: exists(previousPepperPath) ? try Pepper(file: previousPepperPath) : nil,
            next: exists(nextPepperPath) ? try Pepper(file: nextPepperPath) : nil)
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
        let descriptor = open(path + "/serving.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw SetupFailure("cannot open \(path)/serving.lock: \(String(cString: strerror(errno)))")
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SetupFailure("another podstack-server is serving \(path)")
        }
    }
}
