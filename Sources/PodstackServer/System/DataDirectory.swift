#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The folder with all that the service keeps, for its user alone.
struct DataDirectory: Sendable {
    /// Where nothing else is said.
    static let usualPath = "./podstack-data"

    let path: String
    var databasePath: String { path + "/podstack.sqlite" }
    var pepperPath: String { path + "/pepper" }
    /// The one before, as long as something is kept under it.
    var previousPepperPath: String { path + "/pepper.previous" }
    /// The one that a rotation is about to put in place.
    var nextPepperPath: String { path + "/pepper.next" }

    /// Makes the folder when it is not there, and takes it away from others when it is.
    init(_ path: String) throws {
        self.path = path
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw SetupFailure("cannot make \(path): \(String(cString: strerror(errno)))")
        }
        guard chmod(path, 0o700) == 0 else {
            throw SetupFailure("cannot use \(path): \(String(cString: strerror(errno)))")
        }
        // What SQLite makes in it is for this user alone too.
        umask(0o077)
    }

    /// One that a service has worked in. Throws when there is none: what was mistyped is not made.
    static func existing(_ path: String) throws -> DataDirectory {
        guard access(path + "/podstack.sqlite", F_OK) == 0 else {
            throw SetupFailure("\(path) is no data directory of podstack-server: there is no podstack.sqlite in it")
        }
        return try DataDirectory(path)
    }

    /// Throws where a database of PostgreSQL is forgotten: with a new one, empty, every token would be refused as unknown.
    func checkHoldsItsDatabase() throws {
        guard access(pepperPath, F_OK) == 0, access(databasePath, F_OK) != 0 else { return }
        throw SetupFailure(
            "\(path) has a pepper and no database: if that is PostgreSQL's, give --database or PODSTACK_DATABASE_URL; "
                + "for a new one in the folder move the pepper away")
    }

    /// - Parameter mayMake: Whether one that is missing is made: only where there is nothing yet that would need it.
    func peppers(mayMake: Bool) throws -> Peppers {
        guard mayMake || access(pepperPath, F_OK) == 0 else {
            throw SetupFailure("\(pepperPath) is missing, and no token verifies without it: restore it from your copy")
        }
        let hasPrevious = access(previousPepperPath, F_OK) == 0
        return Peppers(
            current: try Pepper(file: pepperPath), previous: hasPrevious ? try Pepper(file: previousPepperPath) : nil)
    }

    /// So that names are as they are now after a power failure.
    func sync() {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Held for as long as a server serves the folder, until the process ends.
    func lockForServing() throws {
        let descriptor = open(path + "/serving.lock", O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            throw SetupFailure("another podstack-server is serving \(path)")
        }
    }
}
