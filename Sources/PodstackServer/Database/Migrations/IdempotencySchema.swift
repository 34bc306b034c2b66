extension Migrations {
    /// What repeats of a `POST` are answered. No body in it holds a secret.
    static let idempotentAnswers = [
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
