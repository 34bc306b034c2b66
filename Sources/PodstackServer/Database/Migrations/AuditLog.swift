extension Migrations {
    /// What was done, by whom, chained; and what is needed to tell of the use of rotated secrets.
    static let auditLog = [
        """
        CREATE TABLE audit_events (
            account_id TEXT NOT NULL,
            number BIGINT NOT NULL,
            id TEXT NOT NULL UNIQUE,
            created_at BIGINT NOT NULL,
            action TEXT NOT NULL,
            resource_type TEXT NOT NULL,
            resource_id TEXT,
            resource_name TEXT,
            project_id TEXT,
            user_id TEXT,
            user_email TEXT,
            token_id TEXT,
            address TEXT,
            user_agent TEXT,
            details TEXT NOT NULL,
            previous_hash BLOB NOT NULL,
            hash BLOB NOT NULL,
            PRIMARY KEY (account_id, number)
        )
        """,
        "CREATE INDEX audit_events_of_project ON audit_events (project_id, number)",
        """
        CREATE TABLE audit_chains (
            account_id TEXT NOT NULL PRIMARY KEY,
            first_number BIGINT NOT NULL,
            first_hash BLOB NOT NULL,
            last_number BIGINT NOT NULL,
            last_hash BLOB NOT NULL,
            seal BLOB NOT NULL
        )
        """,
        "ALTER TABLE tokens ADD COLUMN current_used_from TEXT",
        "ALTER TABLE retired_secrets ADD COLUMN reuse_noted_at BIGINT",
    ]
}
