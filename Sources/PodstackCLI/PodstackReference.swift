import PodstackCommandLine

/// The sections of the manual page of `podstack` about the program as a whole, as in docs/cli.md.
enum PodstackReference {
    static let reference = ProgramReference(environment: environment, files: files, exitStatuses: exitStatuses)

    private static let environment: [ProgramReference.Row] = [
        ("PODSTACK_API_TOKEN", "the token; overrides every profile that is not named by --profile"),
        ("PODSTACK_API_TOKEN_FILE", "a file that contains only the token"),
        ("PODSTACK_PROFILE", "the profile that is used when none is named"),
        ("PODSTACK_PROJECT", "the ID of the project"),
        ("PODSTACK_API_ENDPOINT", "the URL of the service (default: https://api.podstack.ai)"),
        ("PODSTACK_CREDENTIALS_FILE", "the credentials file (default: ~/.podstack/credentials)"),
        ("PODSTACK_OUTPUT", "the output format when --output is not given: table, wide, json or yaml"),
        ("PODSTACK_PAGER, PAGER", "the pager for lists on a terminal (default: less); cat pages nothing"),
        (
            "PODSTACK_CA_BUNDLE, SSL_CERT_FILE",
            "a file of certificate authorities that are trusted instead of the system's"
        ),
        ("BROWSER", "the program that opens pages (default: xdg-open)"),
        ("NO_COLOR", "write no colors, whatever its value"),
        ("HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY", "the proxy, also in lower case"),
    ]

    private static let files: [ProgramReference.Row] = [
        (
            "~/.podstack/credentials",
            "the profiles: tokens, projects and endpoints, or the commands that provide a token; only the user has access"
        ),
        (
            "~/.podstack/credentials.lock, credentials.rotation.lock",
            "the locks of programs that change the file or rotate its token"
        ),
        (".env", "variables, read only by podstack env and --env-file"),
    ]

    private static let exitStatuses: [ProgramReference.Row] = [
        ("0", "success"), ("1", "any other failure; a check found a problem"), ("2", "wrong usage"),
        ("3", "not authenticated: no token, or the service rejected it"), ("4", "not allowed"), ("5", "not found"),
        ("6", "the network or the service failed"),
    ]
}
