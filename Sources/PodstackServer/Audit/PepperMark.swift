import PodstackCryptography

/// The mark of the pepper in the database, by which the service notices a pepper that belongs to another database.
///
/// With such a pepper, every token would be rejected as unknown, and the audit log would look as if it had been changed.
enum PepperMark {
    /// The number of accounts whose audit log is compared with a pepper.
    private static let comparedAccounts = 100

    private static let mismatch = SetupFailure(
        "the file pepper in the data directory is not the pepper of this database: copy the pepper that belongs to it, "
            + "from a backup or from another instance, into the directory, with mode 600")

    private static let previousMismatch = SetupFailure(
        "the file pepper.previous in the data directory is not the pepper that this database had before the rotation: "
            + "copy the right one from a backup or from another instance, with mode 600; without it, tokens that were not "
            + "used since the rotation are rejected")

    // MARK: - New databases

    /// Generates the pepper of a new database.
    ///
    /// The pepper is staged in a file, then the database is marked with it, and then it is installed, so that the next start
    /// completes what was interrupted at any point.
    ///
    /// - Parameters:
    ///   - directory: The data directory.
    ///   - database: The database.
    ///   - isInDirectory: Whether the database is in the directory. A pepper beside a new database is then that of another.
    /// - Throws: ``SetupFailure`` if the directory has the pepper of another database.
    static func prepare(_ directory: DataDirectory, for database: any Database, isInDirectory: Bool) throws {
        // Most starts change nothing, and then need no write, which may not be possible.
        if try database.read(isNew) {
            try database.write { connection in
                guard try isNew(connection) else { return }
                guard !directory.hasPepper else {
                    // The operator may give all instances of a new PostgreSQL database the same pepper.
                    guard isInDirectory else { return }
                    throw SetupFailure(
                        "\(directory.databasePath) has no account, so the pepper beside it belongs to another database: "
                            + "restore the database of the pepper, or, for a new service, move both files away")
                }
                let mark = mark(of: try directory.stagedPepper())
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(mark))")
            }
        }
        guard !directory.hasPepper else { return }
        try directory.installPepper { staged in
            contains(try database.read { try marks(in: $0) }, mark(of: staged))
        }
    }

    /// Returns whether nothing in the database depends on a pepper.
    private static func isNew(_ connection: any DatabaseConnection) throws -> Bool {
        try marks(in: connection).isEmpty && connection.query("SELECT id FROM users LIMIT 1").isEmpty
            && AuditStore.accountIDs(limit: 1, in: connection).isEmpty
    }

    // MARK: - Check

    /// The relation of a directory's peppers to a database.
    enum Match {
        /// The database has the mark of the current pepper.
        case marked
        /// The current pepper is right, and the mark is missing, or is that of the pepper before a rotation.
        case unmarked
        /// A rotation was interrupted, and the command that rotates the pepper has to run again.
        case interrupted
        /// Nothing in the database depends on a pepper.
        case new
        case mismatch
        /// The current pepper is right, and the previous one is that of another database.
        case previousMismatch
    }

    /// Returns how peppers relate to a database.
    static func match(_ peppers: Peppers, in connection: any DatabaseConnection) throws -> Match {
        let marks = try marks(in: connection)
        func isMarked(_ pepper: Pepper?) -> Bool { pepper.map { contains(marks, mark(of: $0)) } ?? false }
        if marks.isEmpty {
            if try isNew(connection) { return .new }
            guard try belongs(peppers.current, in: connection, isRotated: false) else { return .mismatch }
        } else if isMarked(peppers.current) {
            guard let previous = peppers.previous, !contains(marks, previousMark(of: previous)) else { return .marked }
            switch try originOfPrevious(peppers, marks, in: connection) {
            case .ofDatabase: return .unmarked
            case .ofAnother: return .previousMismatch
            case .unknown: return .marked
            }
        } else if isMarked(peppers.next) {
            return .interrupted
        } else {
            // The pepper was rotated, which has sealed every audit log again, and this is the first start since.
            guard isMarked(peppers.previous), try belongs(peppers.current, in: connection, isRotated: true) else {
                return .mismatch
            }
        }
        let origin = try originOfPrevious(peppers, marks, in: connection)
        return origin == .ofAnother ? .previousMismatch : .unmarked
    }

    /// The database that a previous pepper belongs to.
    private enum PreviousPepper { case ofDatabase, ofAnother, unknown }

    /// Returns the database that a previous pepper belongs to.
    ///
    /// Since the rotation, the database has a mark of it. A database that an earlier version has rotated has none; then the
    /// newest events from before the rotation decide, which were hashed under that pepper.
    private static func originOfPrevious(
        _ peppers: Peppers, _ marks: [[UInt8]], in connection: any DatabaseConnection
    ) throws -> PreviousPepper {
        // They are the same if a rotation was interrupted.
        guard let previous = peppers.previous, previous.bytes != peppers.current.bytes else { return .unknown }
        // The second one is the mark of a current pepper: no start has followed the rotation yet.
        if contains(marks, previousMark(of: previous)) || contains(marks, mark(of: previous)) { return .ofDatabase }
        // The other mark is that of another previous pepper.
        if marks.count > 1 { return .ofAnother }
        let rotations = try rotations(in: connection)
        guard let rotatedAt = rotations.first else { return .unknown }
        let chain = AuditChain(Peppers(current: previous))
        let rows = try AuditStore.newestRows(
            after: rotations.dropFirst().first ?? .min, before: rotatedAt, limit: comparedAccounts, in: connection)
        if rows.contains(where: { chain.pepperAge(of: $0) != nil }) { return .ofDatabase }
        return rows.isEmpty ? .unknown : .ofAnother
    }

    /// Returns the times of the last two rotations, the newest first.
    static func rotations(in connection: any DatabaseConnection) throws -> [Int64] {
        try connection.query("SELECT rotated_at FROM pepper_rotations ORDER BY rotated_at DESC LIMIT 2")
            .map { try $0.integer("rotated_at") }
    }

    private static func contains(_ marks: [[UInt8]], _ mark: [UInt8]) -> Bool {
        marks.contains { Sodium.constantTimeEqual($0, mark) }
    }

    /// Checks that the pepper belongs to the database, and marks the database if it is not marked yet.
    ///
    /// - Throws: ``SetupFailure`` if the pepper belongs to another database.
    static func check(_ peppers: Peppers, in database: any Database) throws {
        // Most starts change nothing, and then need no write, which may not be possible.
        if case .marked = try database.read({ try match(peppers, in: $0) }) { return }
        try database.write { connection in
            switch try match(peppers, in: connection) {
            case .marked, .interrupted: break
            case .mismatch: throw mismatch
            case .previousMismatch: throw previousMismatch
            case .new, .unmarked:
                let origin = try originOfPrevious(peppers, marks(in: connection), in: connection)
                try connection.execute("DELETE FROM pepper_mark")
                // The current pepper comes first: earlier versions read one row.
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(mark(of: peppers.current)))")
                guard let previous = peppers.previous, origin == .ofDatabase else { return }
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(previousMark(of: previous)))")
            }
        }
    }

    /// Returns whether a pepper has sealed the audit logs; true if there are none.
    ///
    /// After a rotation (`isRotated`), which has sealed all of them, only a seal counts. Otherwise, an event suffices that was
    /// hashed under the pepper, because the seal may be the part that was changed.
    private static func belongs(
        _ pepper: Pepper, in connection: any DatabaseConnection, isRotated: Bool
    ) throws -> Bool {
        let chain = AuditChain(Peppers(current: pepper))
        let accountIDs = try AuditStore.accountIDs(limit: comparedAccounts, in: connection)
        for accountID in accountIDs {
            guard let (ends, seal) = try AuditStore.ends(of: accountID, in: connection) else { continue }
            if chain.seal(ends) == seal { return true }
            if !isRotated,
                let newest = try AuditStore.rows(of: accountID, after: ends.last - 1, limit: 1, in: connection).first,
                chain.pepperAge(of: newest) != nil
            {
                return true
            }
        }
        return accountIDs.isEmpty
    }

    /// Returns the mark of the current pepper and, since a rotation, another one of the previous pepper.
    private static func marks(in connection: any DatabaseConnection) throws -> [[UInt8]] {
        try connection.query("SELECT mark FROM pepper_mark").map { try $0.blob("mark") }
    }

    private static func mark(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack pepper mark 1".utf8), key: pepper.bytes)
    }

    private static func previousMark(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack previous pepper mark 1".utf8), key: pepper.bytes)
    }
}
