/// Every variable that the SDK reads; help and documentation take their names from here.
public enum EnvironmentVariable: String, CaseIterable, Sendable {
    case apiToken = "PODSTACK_API_TOKEN"
    /// Names a file that holds just a token: a mounted secret.
    case apiTokenFile = "PODSTACK_API_TOKEN_FILE"
    case project = "PODSTACK_PROJECT"
    case apiEndpoint = "PODSTACK_API_ENDPOINT"
    case profile = "PODSTACK_PROFILE"
    /// Names a credentials file other than `~/.podstack/credentials`.
    case credentialsFile = "PODSTACK_CREDENTIALS_FILE"
    /// A file of certificate authorities to trust instead of the system's.
    case caBundle = "PODSTACK_CA_BUNDLE"
    case sslCertFile = "SSL_CERT_FILE"
}
