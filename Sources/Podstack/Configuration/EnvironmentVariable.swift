extension PodstackEnvironment {
    /// Every variable that the SDK reads; help and documentation take their names from here.
    public enum Variable: String, CaseIterable, Sendable {
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

        /// What steers where a token goes, or who can read it: a `.env` may say it only when the program trusts the file.
        static let steering: Set<String> = [
            "PODSTACK_PROFILE", "PODSTACK_CREDENTIALS_FILE", "HOME", "USERPROFILE",
            "http_proxy", "https_proxy", "all_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY",
            "PODSTACK_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR",
            // Read by OpenSSL and libcurl themselves: code to load, and where to write the keys of connections.
            "OPENSSL_CONF", "OPENSSL_MODULES", "OPENSSL_ENGINES", "SSLKEYLOGFILE",
            // Read by the C library: which machine a name stands for, and code to load.
            "LOCALDOMAIN", "RES_OPTIONS", "HOSTALIASES", "RESOLV_HOST_CONF", "GCONV_PATH",
        ]
    }
}

/// The names that the published client reads, and we must not: whoever followed it has them set.
extension PodstackEnvironment {
    var misnamedToken: String? { ifSet("PODSTACK_API_KEY") }
    var misnamedProject: String? { ifSet("PODSTACK_PROJECT_ID") }

    private func ifSet(_ name: String) -> String? { self[name]?.isEmpty == false ? name : nil }
}
