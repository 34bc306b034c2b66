/// The migrations of the database schema, and what runs them.
///
/// A released migration never changes; MigrationTests compares the digest of each one.
enum Migrations {
    static let all: [[SQL]] = [
        initialSchema, tokenRotation, projectMembers, idempotentReplies, auditLog, pepperRotations, deviceRequests,
        disabledUsers, signIn, tokenUses, invitations, anonymousLimits, databaseChecks, largeDatabases, pods,
        operators,
    ]

    private static let versionQuery: SQL = "SELECT version FROM schema_version"

    /// Returns the version of the schema; 0 for an empty database.
    static func version(in connection: any DatabaseConnection) throws -> Int64 {
        try connection.execute("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)")
        return try connection.query(versionQuery).first?.integer("version") ?? 0
    }

    /// Brings a database from any released schema to the newest one, in one transaction.
    ///
    /// If several instances start at once, the first one does it, and the others wait for it and find it done.
    ///
    /// - Parameters:
    ///   - database: The database.
    ///   - all: The migrations.
    ///   - updatesSchema: Whether to update an older schema. A database without one gets it anyway.
    /// - Throws: ``SetupFailure`` if the schema is older and must not be updated.
    static func run(on database: any Database, all: [[SQL]] = all, updatesSchema: Bool = true) throws {
        // A read suffices for a database that is up to date. It fails on a new one, which has no such table.
        if let version = try? database.read({ try $0.query(Self.versionQuery).first?.integer("version") }) {
            if version == Int64(all.count) { return }
            guard updatesSchema || version == 0 || version > Int64(all.count) else {
                throw SetupFailure(
                    "the database has schema version \(version), and this program needs version \(all.count): back it up, "
                        + "then run podstack-server migrate or start the service, which updates it too")
            }
        }
        try database.write { connection in
            let version = try version(in: connection)
            guard version <= all.count else {
                throw DatabaseFailure(
                    reason: "the schema has version \(version) and this program supports up to \(all.count): "
                        + "use a newer podstack-server")
            }
            guard version < all.count else { return }
            for statement in all[Int(version)...].joined() { try connection.execute(statement) }
            try connection.execute("DELETE FROM schema_version")
            try connection.execute("INSERT INTO schema_version (version) VALUES (\(Int64(all.count)))")
        }
    }
}

// MARK: - 1: accounts, users, projects and tokens

extension Migrations {
    /// The tables of the first release.
    ///
    /// Times are seconds since 1970; lists of scopes and projects are separated by spaces.
    fileprivate static let initialSchema: [SQL] = [
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

// MARK: - 2: rotation

extension Migrations {
    /// The pending secret of a token, and its retired secrets.
    fileprivate static let tokenRotation: [SQL] = [
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

// MARK: - 3: members

extension Migrations {
    /// The members of projects.
    ///
    /// Until this migration, each user had one project and is its admin.
    fileprivate static let projectMembers: [SQL] = [
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

// MARK: - 4: idempotent replies

extension Migrations {
    /// The stored responses to repeated `POST` requests.
    ///
    /// No stored body contains a secret.
    fileprivate static let idempotentReplies: [SQL] = [
        """
        CREATE TABLE idempotent_answers (
            token_id TEXT NOT NULL,
            idempotency_key TEXT NOT NULL,
            request_hash BLOB NOT NULL,
            status BIGINT NOT NULL,
            body BLOB NOT NULL,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (token_id, idempotency_key)
        )
        """,
        "CREATE INDEX idempotent_answers_by_age ON idempotent_answers (created_at)",
    ]
}

// MARK: - 5: audit log

extension Migrations {
    /// The chained audit events, and the columns that detect the use of retired secrets.
    fileprivate static let auditLog: [SQL] = [
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

// MARK: - 6: pepper rotations

extension Migrations {
    /// The times of pepper rotations: digests that were not used since the last one are stored under the previous pepper.
    fileprivate static let pepperRotations: [SQL] = ["CREATE TABLE pepper_rotations (rotated_at BIGINT NOT NULL)"]
}

// MARK: - 7: device flow

extension Migrations {
    /// The requests of programs that wait for a user to grant them a token.
    ///
    /// Only digests of their codes are stored.
    fileprivate static let deviceRequests: [SQL] = [
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

// MARK: - 8: disabled users

extension Migrations {
    /// The time at which a user was disabled; null for active users.
    fileprivate static let disabledUsers: [SQL] = ["ALTER TABLE users ADD COLUMN disabled_at BIGINT"]
}

// MARK: - 9: sign-in

extension Migrations {
    /// The passwords, sign-in links, sessions and failed sign-ins of the dashboard.
    ///
    /// Only digests of secrets are stored.
    fileprivate static let signIn: [SQL] = [
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

// MARK: - 10: use of tokens

extension Migrations {
    /// The address of the last use of a token, and the scopes that it has used since a time; null until the next use.
    fileprivate static let tokenUses: [SQL] = [
        "ALTER TABLE tokens ADD COLUMN last_used_from TEXT",
        "ALTER TABLE tokens ADD COLUMN used_scopes BIGINT NOT NULL DEFAULT 0",
        "ALTER TABLE tokens ADD COLUMN used_scopes_since BIGINT",
    ]
}

// MARK: - 11: invitations

extension Migrations {
    /// The invitations of users to projects, and an index for the limit of projects.
    ///
    /// Members from before this migration stay members.
    fileprivate static let invitations: [SQL] = [
        """
        CREATE TABLE invitations (
            project_id TEXT NOT NULL REFERENCES projects (id),
            user_id TEXT NOT NULL REFERENCES users (id),
            role TEXT NOT NULL,
            can_create BIGINT NOT NULL,
            can_read BIGINT NOT NULL,
            can_update BIGINT NOT NULL,
            can_delete BIGINT NOT NULL,
            invited_by TEXT NOT NULL REFERENCES users (id),
            created_at BIGINT NOT NULL,
            expires_at BIGINT NOT NULL,
            PRIMARY KEY (project_id, user_id)
        )
        """,
        "CREATE INDEX invitations_of_user ON invitations (user_id, created_at)",
        "CREATE INDEX invitations_of_inviter ON invitations (invited_by)",
        "CREATE INDEX invitations_by_age ON invitations (expires_at)",
        "CREATE INDEX projects_of_account ON projects (account_id)",
    ]
}

// MARK: - 12: limits of anonymous callers

extension Migrations {
    /// The network of a device request's program, and the indexes that limits need.
    fileprivate static let anonymousLimits: [SQL] = [
        "ALTER TABLE device_requests ADD COLUMN network TEXT",
        "CREATE INDEX device_requests_of_network ON device_requests (network)",
        "CREATE INDEX sign_in_failures_by_age ON sign_in_failures (failed_at)",
    ]
}

// MARK: - 13: checks of the database

extension Migrations {
    /// The mark of the pepper, and an empty table that SQLite's check whether a change could be saved writes to.
    ///
    /// On PostgreSQL, earlier versions created the mark without a migration.
    fileprivate static let databaseChecks: [SQL] = [
        "CREATE TABLE IF NOT EXISTS pepper_mark (mark BLOB NOT NULL)",
        "CREATE TABLE write_checks (data BLOB NOT NULL)",
    ]
}

// MARK: - 14: large databases

extension Migrations {
    /// The indexes that keep requests as fast in a database with years of ended tokens and audit events.
    fileprivate static let largeDatabases: [SQL] = [
        "CREATE INDEX audit_events_by_age ON audit_events (created_at)",
        "CREATE INDEX audit_events_of_action ON audit_events (account_id, action, number)",
        "CREATE INDEX audit_events_of_user ON audit_events (account_id, user_id, number)",
        "CREATE INDEX audit_events_of_email ON audit_events (account_id, LOWER(user_email), number)",
        "CREATE INDEX tokens_by_end ON tokens (account_id, expires_at) WHERE revoked_at IS NULL",
    ]
}

// MARK: - 15: pods

extension Migrations {
    /// The pods, their volumes and events, what they cost, and the limits of that.
    ///
    /// Times of pods are milliseconds since 1970, because bills follow the engine's clock. Amounts are millionths.
    /// `specification` and lists are JSON. `sealed` holds the values of variables and the password of the registry,
    /// encrypted with a key from the pepper. Pods and volumes name a project without a reference, because the rows of those
    /// that are gone outlive it.
    fileprivate static let pods: [SQL] = [
        """
        CREATE TABLE pods (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            project_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            token_id TEXT,
            charged_token_id TEXT,
            name TEXT NOT NULL,
            specification TEXT NOT NULL,
            sealed BLOB,
            labels TEXT NOT NULL,
            gpu_type TEXT,
            gpu_count BIGINT NOT NULL,
            devices TEXT,
            price_per_hour BIGINT NOT NULL,
            stop_after_seconds BIGINT,
            delete_after_seconds BIGINT,
            max_cost BIGINT,
            own_token_id TEXT,
            desired TEXT NOT NULL,
            grace_seconds BIGINT NOT NULL,
            run_number BIGINT NOT NULL,
            prepared_run BIGINT NOT NULL,
            baseline_started_at BIGINT,
            replaces BIGINT NOT NULL,
            attempts BIGINT NOT NULL,
            status TEXT NOT NULL,
            status_reason TEXT,
            node TEXT,
            addresses TEXT NOT NULL,
            started_at BIGINT,
            finished_at BIGINT,
            observed_at BIGINT,
            exit_code BIGINT,
            last_event_number BIGINT NOT NULL,
            revision BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            changed_at BIGINT NOT NULL,
            terminated_at BIGINT
        )
        """,
        "CREATE UNIQUE INDEX pods_by_name ON pods (project_id, name) WHERE terminated_at IS NULL",
        "CREATE INDEX pods_of_project ON pods (project_id, created_at, id)",
        "CREATE INDEX pods_of_account ON pods (account_id, created_at, id)",
        "CREATE INDEX pods_alive ON pods (id) WHERE terminated_at IS NULL",
        "CREATE INDEX pods_by_revision ON pods (revision)",
        """
        CREATE TABLE pod_labels (
            pod_id TEXT NOT NULL REFERENCES pods (id),
            name TEXT NOT NULL,
            value TEXT NOT NULL,
            PRIMARY KEY (pod_id, name)
        )
        """,
        """
        CREATE TABLE pod_events (
            pod_id TEXT NOT NULL REFERENCES pods (id),
            number BIGINT NOT NULL,
            created_at BIGINT NOT NULL,
            type TEXT NOT NULL,
            message TEXT NOT NULL,
            PRIMARY KEY (pod_id, number)
        )
        """,
        """
        CREATE TABLE volumes (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            project_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            token_id TEXT,
            name TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            deleted_at BIGINT,
            removed_at BIGINT
        )
        """,
        "CREATE INDEX volumes_of_project ON volumes (project_id, created_at, id)",
        "CREATE INDEX volumes_of_account ON volumes (account_id)",
        "CREATE INDEX volumes_to_remove ON volumes (id) WHERE deleted_at IS NOT NULL AND removed_at IS NULL",
        "CREATE UNIQUE INDEX volumes_by_name ON volumes (project_id, name) WHERE deleted_at IS NULL",
        """
        CREATE TABLE pod_volumes (
            pod_id TEXT NOT NULL REFERENCES pods (id),
            volume_id TEXT NOT NULL REFERENCES volumes (id),
            mount_path TEXT NOT NULL,
            PRIMARY KEY (pod_id, mount_path)
        )
        """,
        "CREATE INDEX pod_volumes_of_volume ON pod_volumes (volume_id)",
        """
        CREATE TABLE usage_intervals (
            pod_id TEXT NOT NULL,
            started_at BIGINT NOT NULL,
            finished_at BIGINT,
            account_id TEXT NOT NULL,
            project_id TEXT NOT NULL,
            user_id TEXT NOT NULL,
            token_id TEXT,
            gpu_type TEXT,
            gpu_count BIGINT NOT NULL,
            price_per_hour BIGINT NOT NULL,
            PRIMARY KEY (pod_id, started_at)
        )
        """,
        "CREATE INDEX usage_intervals_of_account ON usage_intervals (account_id, finished_at)",
        "CREATE INDEX usage_intervals_of_project ON usage_intervals (project_id, finished_at)",
        "CREATE INDEX usage_intervals_of_token ON usage_intervals (token_id, finished_at)",
        "CREATE INDEX usage_intervals_running ON usage_intervals (pod_id) WHERE finished_at IS NULL",
        """
        CREATE TABLE usage_totals (
            subject TEXT NOT NULL PRIMARY KEY,
            settled BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE gpu_types (
            name TEXT NOT NULL PRIMARY KEY,
            memory_gigabytes BIGINT,
            price_per_hour BIGINT NOT NULL,
            devices TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE resource_prices (
            resource TEXT NOT NULL PRIMARY KEY,
            price_per_hour BIGINT NOT NULL
        )
        """,
        """
        CREATE TABLE wallet_entries (
            id TEXT NOT NULL PRIMARY KEY,
            account_id TEXT NOT NULL REFERENCES accounts (id),
            amount BIGINT NOT NULL,
            reason TEXT,
            created_at BIGINT NOT NULL
        )
        """,
        "CREATE INDEX wallet_entries_of_account ON wallet_entries (account_id, created_at)",
        "CREATE TABLE engine_instance (instance TEXT NOT NULL)",
        "ALTER TABLE tokens ADD COLUMN pod_id TEXT",
        "ALTER TABLE tokens ADD COLUMN spend_amount BIGINT",
        "ALTER TABLE tokens ADD COLUMN spend_period TEXT",
        "ALTER TABLE tokens ADD COLUMN parent_id TEXT",
        "ALTER TABLE projects ADD COLUMN spend_amount BIGINT",
        "ALTER TABLE projects ADD COLUMN spend_period TEXT",
        """
        CREATE TABLE budget_notices (
            subject TEXT NOT NULL,
            period_start BIGINT NOT NULL,
            percent BIGINT NOT NULL,
            account_id TEXT NOT NULL,
            created_at BIGINT NOT NULL,
            PRIMARY KEY (subject, period_start, percent)
        )
        """,
        "CREATE INDEX budget_notices_of_account ON budget_notices (account_id, created_at)",
    ]
}

// MARK: - 16: operators

extension Migrations {
    /// The role of users who manage the accounts of the service in the dashboard.
    fileprivate static let operators: [SQL] = [
        "ALTER TABLE users ADD COLUMN is_operator BIGINT NOT NULL DEFAULT 0"
    ]
}
