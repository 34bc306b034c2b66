extension Migrations {
    /// Times are seconds since 1970, UTC. Scopes and projects are lists with a space between.
    static let initialSchema = [
        """
        CREATE TABLE accounts (
            id TEXT NOT NULL PRIMARY KEY,
            created_at BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE users (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            email TEXT NOT NULL,
            email_key TEXT NOT NULL UNIQUE,
            name TEXT,
            default_project_id TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE projects (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            name TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE tokens (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            user_id TEXT NOT NULL REFERENCES users (id),
            name TEXT NOT NULL,
            digest BLOB NOT NULL,
            scopes TEXT NOT NULL,
            project_ids TEXT,
            created_at BIGINT NOT NULL,
            expires_at BIGINT,
            revoked_at BIGINT,
            rotated_at BIGINT,
            last_used_at BIGINT,
            generation BIGINT NOT NULL
        )
        """,
        "CREATE INDEX tokens_of_account ON tokens (account_id, created_at, id)",
    ]
}
