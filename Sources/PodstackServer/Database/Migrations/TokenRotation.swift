extension Migrations {
    /// A token's secret that waits for its first use, and those that others replaced.
    static let tokenRotation = [
        "ALTER TABLE tokens ADD COLUMN waiting_digest BLOB",
        "ALTER TABLE tokens ADD COLUMN waiting_made_at BIGINT",
        "ALTER TABLE tokens ADD COLUMN waiting_grace_seconds BIGINT",
        """
        CREATE TABLE retired_secrets (
            token_id TEXT NOT NULL REFERENCES tokens (id),
            digest BLOB NOT NULL,
            rotated_at BIGINT NOT NULL,
            ends_at BIGINT NOT NULL,
            PRIMARY KEY (token_id, digest)
        )
        """,
    ]
}
