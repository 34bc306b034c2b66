import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Checks the data directory and its files, without changing them.
struct DoctorDirectory {
    let path: String
    /// Whether the database is in the directory.
    let hasDatabase: Bool
    /// The status of the directory, or nil if there is none.
    private let status: stat?

    init(_ path: String, hasDatabase: Bool) {
        self.path = path
        self.hasDatabase = hasDatabase
        var status = stat()
        self.status = stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR ? status : nil
    }

    var exists: Bool { status != nil }
    /// Whether this user can see the files of the directory.
    var isReadable: Bool { exists && access(path, R_OK | X_OK) == 0 }
    var databasePath: String { path + "/podstack.sqlite" }
    private var pepperPath: String { path + "/pepper" }

    /// Continues as the owner of the directory, if this process is root: files that SQLite creates beside the database must
    /// belong to the user of the service.
    func actAsOwner() {
        DataDirectory.actAsOwner(of: path)
    }

    // MARK: - Modes and owners

    func check(_ report: inout DoctorReport) {
        guard let status else {
            report.add(
                "data_directory", .critical, "\(path) is not a directory that this user can see.",
                "Give the --data of the service, and run the command as its user.")
            return
        }
        let count = report.findings.count
        if status.st_uid != geteuid() {
            report.add(
                "data_directory", .critical,
                "\(path) belongs to the user \(DataDirectory.userName(status.st_uid)), and this command runs as "
                    + "\(DataDirectory.userName(geteuid())).",
                "Run the command with sudo -u \(DataDirectory.userName(status.st_uid)), or change the owner with chown -R."
            )
        } else if access(path, R_OK | W_OK | X_OK) != 0 {
            report.add(
                "data_directory", .critical, "\(path) cannot be written: \(String(cString: strerror(errno))).",
                "Run chmod 700 on it, and check that its file system is not mounted read-only.")
        }
        if status.st_mode & 0o077 != 0 {
            report.add(
                "data_directory", .critical, "other users can enter \(path).", "Run chmod 700 on it.")
        }
        checkFiles(owner: status.st_uid, &report)
        if report.findings.count == count {
            report.add(.ok("data_directory", "the directory and its files belong to one user only."))
        }
    }

    private func checkFiles(owner: uid_t, _ report: inout DoctorReport) {
        guard let directory = opendir(path) else { return }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard name != ".", name != "..", lstat("\(path)/\(name)", &status) == 0 else { continue }
            let kind = status.st_mode & S_IFMT
            let isDatabase = name.hasPrefix("podstack.sqlite")
            if kind == S_IFLNK {
                report.add(
                    "files", isDatabase ? .critical : .warning, "\(path)/\(name) is a symbolic link.",
                    isDatabase
                        ? "Stop the service, and replace it by the file; for another disk, move the whole directory."
                        : "The service does not follow it for most files: replace it by the file.")
                continue
            }
            guard kind == S_IFREG else { continue }
            if isDatabase, status.st_nlink > 1 {
                report.add(
                    "files", .critical, "\(path)/\(name) has another name, a hard link.",
                    "Remove the other name: a database that is opened under two names is destroyed.")
            }
            if status.st_mode & 0o077 != 0 {
                let isPepper = name.hasPrefix("pepper")
                report.add(
                    "files", .critical, "other users can read or write \(path)/\(name).",
                    "Run chmod 600 on it."
                        + (isPepper
                            ? " Treat the pepper as leaked: podstack-server pepper "
                                + "rotate." : ""))
            }
            if status.st_uid != owner {
                report.add(
                    "files", .critical, "\(path)/\(name) does not belong to the owner of the directory.",
                    "Run chown on it; it was probably created by a command that root ran.")
            }
        }
    }

    // MARK: - Pepper

    /// Returns the peppers, or nil if they cannot be read.
    func checkPeppers(_ report: inout DoctorReport) -> Peppers? {
        guard isReadable else { return nil }
        guard access(pepperPath, F_OK) == 0 else {
            let isNew = hasDatabase && access(databasePath, F_OK) != 0
            report.add(
                "pepper", isNew ? .note : .critical,
                isNew ? "there is no pepper and no database yet." : "\(pepperPath) is missing or cannot be seen.",
                isNew
                    ? "The first start creates both."
                    : "Restore it from a backup or another instance: no "
                        + "token works without it.")
            return nil
        }
        func read(_ name: String) throws -> Pepper? {
            let file = "\(path)/\(name)"
            guard access(file, F_OK) == 0 else { return nil }
            let bytes = try SetupFile.readSecret(file, maxBytes: 1 << 10, flags: O_NOFOLLOW)
            guard bytes.count == Pepper.length else {
                throw SetupFailure("\(file) has \(counted(bytes.count, "byte")) and not \(Pepper.length)")
            }
            return Pepper(bytes: bytes)
        }
        var status = stat()
        // Reported with the other files.
        guard stat(pepperPath, &status) != 0 || status.st_mode & 0o077 == 0 else { return nil }
        do {
            guard let current = try read("pepper") else { return nil }
            return Peppers(
                current: current, previous: try read("pepper.previous"), next: try read("pepper.next"))
        } catch {
            report.add(
                "pepper", .critical, "\(DoctorCommand.reason(error)).",
                "Restore the pepper of this database "
                    + "from a backup.")
            return nil
        }
    }

    // MARK: - Space

    private static let mebibyte: UInt64 = 1 << 20

    static func checkSpace(of path: String, _ report: inout DoctorReport) {
        var system = statvfs()
        guard statvfs(path, &system) == 0, system.f_blocks > 0 else { return }
        let free = UInt64(system.f_bavail) * UInt64(system.f_frsize)
        let share = Double(system.f_bavail) / Double(system.f_blocks)
        let text = "\(free / mebibyte) MiB (\(Int(share * 100))%) are free on the disk of \(path)."
        if free < 20 * mebibyte {
            report.add("disk", .critical, text, "Free some space: soon no change can be saved.")
        } else if free < 200 * mebibyte || share < 0.1 && free < 10_240 * mebibyte {
            report.add("disk", .warning, text, "Free some space, or enlarge the disk.")
        } else {
            report.add(.ok("disk", text))
        }
        guard system.f_files > 0 else { return }
        if Double(system.f_favail) / Double(system.f_files) < 0.05 || system.f_favail < 100 {
            report.add(
                "disk", .warning,
                "only \(counted(system.f_favail, "more file")) can be created on the disk of \(path).",
                "Remove files: the disk runs out of inodes.")
        }
    }
}
