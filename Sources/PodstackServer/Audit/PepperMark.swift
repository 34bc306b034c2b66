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
            try database.read { try known(in: $0) }.map { Sodium.constantTimeEqual($0, mark(of: staged)) } ?? false
        }
    }

    /// Returns whether nothing in the database depends on a pepper.
    private static func isNew(_ connection: any DatabaseConnection) throws -> Bool {
        try known(in: connection) == nil && connection.query("SELECT id FROM users LIMIT 1").isEmpty
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
    }

    /// Returns how peppers relate to a database.
    static func match(_ peppers: Peppers, in connection: any DatabaseConnection) throws -> Match {
        func isMark(_ known: [UInt8], of pepper: Pepper?) -> Bool {
            pepper.map { Sodium.constantTimeEqual(known, mark(of: $0)) } ?? false
        }
        guard let known = try known(in: connection) else {
            if try isNew(connection) { return .new }
            return try belongs(peppers.current, in: connection, isRotated: false) ? .unmarked : .mismatch
        }
        if isMark(known, of: peppers.current) { return .marked }
        if isMark(known, of: peppers.next) { return .interrupted }
        // The pepper was rotated, which has sealed every audit log again, and this is the first start since.
        guard isMark(known, of: peppers.previous), try belongs(peppers.current, in: connection, isRotated: true) else {
            return .mismatch
        }
        return .unmarked
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
            case .new, .unmarked:
                try connection.execute("DELETE FROM pepper_mark")
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(mark(of: peppers.current)))")
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

    private static func known(in connection: any DatabaseConnection) throws -> [UInt8]? {
        try connection.query("SELECT mark FROM pepper_mark").first?.blob("mark")
    }

    private static func mark(of pepper: Pepper) -> [UInt8] {
        Sodium.hmacSHA256(Array("podstack pepper mark 1".utf8), key: pepper.bytes)
    }
}
