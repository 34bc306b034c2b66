extension Migrations {
    /// How people sign in to the dashboard. Of what they show only digests are kept.
    static let signIn = [
        "ALTER TABLE users ADD COLUMN password_hash TEXT",
        """
        CREATE TABLE sign_in_links (
            digest BLOB NOT NULL PRIMARY KEY,
            user_id TEXT REFERENCES users (id),
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE sessions (
            id TEXT NOT NULL PRIMARY KEY,
            digest BLOB NOT NULL UNIQUE,
            user_id TEXT NOT NULL REFERENCES users (id),
            created_at BIGINT NOT NULL,
            last_seen_at BIGINT NOT NULL,
            address TEXT NOT NULL,
            user_agent TEXT
        )
        """,
        "CREATE INDEX sessions_of_user ON sessions (user_id)",
        """
        CREATE TABLE sign_in_failures (
            who BLOB NOT NULL PRIMARY KEY,
            count BIGINT NOT NULL,
            failed_at BIGINT NOT NULL
        )
        """,
    ]
}
