extension Migrations {
    /// Who belongs to which project. Until now each user had one, and is its admin.
    static let projectMembers = [
        "ALTER TABLE projects ADD COLUMN description TEXT",
        """
        CREATE TABLE members (
            project_id TEXT NOT NULL REFERENCES projects (id),
            user_id TEXT NOT NULL REFERENCES users (id),
            role TEXT NOT NULL,
            can_create BIGINT NOT NULL,
            can_read BIGINT NOT NULL,
            can_update BIGINT NOT NULL,
            can_delete BIGINT NOT NULL,
            added_at BIGINT NOT NULL,
            deactivated_at BIGINT,
            PRIMARY KEY (project_id, user_id)
        )
        """,
        "CREATE INDEX members_of_user ON members (user_id)",
        """
        INSERT INTO members (project_id, user_id, role, can_create, can_read, can_update, can_delete, added_at)
        SELECT projects.id, users.id, 'admin', 1, 1, 1, 1, projects.created_at
        FROM projects JOIN users ON users.account_id = projects.account_id
        """,
    ]
}
