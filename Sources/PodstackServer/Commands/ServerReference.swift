import PodstackCommandLine

/// The sections of the manual page of `podstack-server` about the program as a whole, as in docs/cli.md.
enum ServerReference {
    static let reference = ProgramReference(
        environment: [
            (
                ProcessEnvironment.databaseURL,
                "the PostgreSQL database, like --database, but not visible in the list of processes"
            )
        ],
        files: [
            (
                "podstack.sqlite, -wal, -shm, .mark",
                "in the data directory: the database, unless it is PostgreSQL, and what SQLite and running processes "
                    + "share beside it"
            ),
            ("serving.lock", "in the data directory: the lock of the running server"),
            (
                "pepper",
                "in the data directory: the key with which token digests are computed; without it, no token can be "
                    + "verified"
            ),
            ("pepper.next, pepper.previous", "in the data directory: the other peppers, during a rotation"),
            ("first-account-link", "in the data directory: the link that creates the first account, until one exists"),
            ("address", "in the data directory: the URL at which the service last listened"),
        ],
        exitStatuses: [
            ("0", "success; serve: ended by a signal"), ("1", "failure; doctor: problems"), ("2", "wrong usage"),
        ])
}
