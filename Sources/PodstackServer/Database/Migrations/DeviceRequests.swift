extension Migrations {
    /// Programs that wait for a user to grant them a token. Of their codes only digests are kept.
    static let deviceRequests = [
        """
        CREATE TABLE device_requests (
            id TEXT NOT NULL PRIMARY KEY,
            device_digest BLOB NOT NULL UNIQUE,
            user_digest BLOB NOT NULL UNIQUE,
            client_name TEXT NOT NULL,
            scopes TEXT,
            token_id TEXT,
            token_sha256 BLOB,
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            interval_seconds BIGINT NOT NULL,
            asked_at BIGINT,
            address TEXT NOT NULL,
            user_agent TEXT,
            state TEXT NOT NULL,
            user_id TEXT REFERENCES users (id)
        )
        """,
        "CREATE INDEX device_requests_by_age ON device_requests (expires_at)",
    ]
}
