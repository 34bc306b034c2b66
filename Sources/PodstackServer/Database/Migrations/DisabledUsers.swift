extension Migrations {
    /// Since when a user may do nothing; null while they may.
    static let disabledUsers = ["ALTER TABLE users ADD COLUMN disabled_at BIGINT"]
}
