import PodstackCryptography

// The transport that the SDK uses, and the types that a user's own transport needs.
@_exported public import PodstackTransport

#if canImport(Darwin)
    @_exported public import PodstackURLSession
#endif

#if os(Linux)
    typealias DefaultTransport = CurlTransport
#else
    typealias DefaultTransport = URLSessionTransport
#endif

extension DefaultTransport {
    /// Creates a transport; opens no connection.
    ///
    /// Proxies come from the conventional variables (`https_proxy`, `http_proxy`, `all_proxy`, `no_proxy`), and a file of
    /// trusted certificate authorities from `PODSTACK_CA_BUNDLE` or `SSL_CERT_FILE`.
    ///
    /// - Parameter environment: The environment that contains the variables.
    public convenience init(environment: PodstackEnvironment = .process) {
        self.init(options: ConnectionOptions(environment: environment))
    }
}

extension TransportRequest {
    /// The API token that the request is sent with; empty for the requests that need none.
    ///
    /// Printing it shows no secret.
    public var token: APIToken {
        get { credential?.withSecret { APIToken($0) } ?? APIToken("") }
        set { credential = newValue.credential }
    }
}

extension APIToken {
    /// The token as a credential; nil for the empty token.
    var credential: TransportCredential? {
        withSecret { $0.isEmpty ? nil : TransportCredential(bearer: $0) }
    }
}

extension APIToken {
    /// The digest of the whole token in hexadecimal, as the service receives it.
    package var sha256: String { withSecret { Hash.sha256($0.utf8).hexadecimal } }
}
