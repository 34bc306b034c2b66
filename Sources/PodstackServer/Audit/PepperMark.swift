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

    static func isMissing(in connection: any DatabaseConnection) throws -> Bool { try known(in: connection) == nil }

    /// Checks that the pepper belongs to the database, and marks the database if it is not marked yet.
    ///
    /// - Throws: ``SetupFailure`` if the pepper belongs to another database.
    static func check(_ peppers: Peppers, in database: any Database) throws {
        let mark = mark(of: peppers.current)
        func isKnown(_ connection: any DatabaseConnection) throws -> Bool {
            try known(in: connection).map { Sodium.constantTimeEqual($0, mark) } ?? false
        }
        // Most starts change nothing, and then need no write, which may not be possible.
        if try database.read(isKnown) { return }
        try database.write { connection in
            if try isKnown(connection) { return }
            if let known = try known(in: connection) {
                // The command that rotates the pepper has to run again.
                if let next = peppers.next, Sodium.constantTimeEqual(known, self.mark(of: next)) { return }
                // The pepper was rotated, which has sealed every audit log again, and this is the first start since.
                guard let previous = peppers.previous, Sodium.constantTimeEqual(known, self.mark(of: previous)),
                    try belongs(peppers.current, in: connection, isRotated: true)
                else { throw mismatch }
                try connection.execute("UPDATE pepper_mark SET mark = \(mark)")
            } else {
                guard try belongs(peppers.current, in: connection, isRotated: false) else { throw mismatch }
                try connection.execute("INSERT INTO pepper_mark (mark) VALUES (\(mark))")
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
