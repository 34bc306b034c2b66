extension Migrations {
    /// From where a token was last used, and which scopes it used since when: of tokens from before, since their next
    /// use.
    static let tokenUses = [
        "ALTER TABLE tokens ADD COLUMN last_used_from TEXT",
        "ALTER TABLE tokens ADD COLUMN used_scopes BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE tokens ADD COLUMN used_scopes_since BIGINT",
    ]
}
