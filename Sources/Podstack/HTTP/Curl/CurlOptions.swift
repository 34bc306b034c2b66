/// What the process's environment says about how to reach a service; libcurl is told, and never looks by itself.
struct CurlOptions: Sendable {
    var secureProxy: String?
    var plainProxy: String?
    var noProxy: String?
    var certificateAuthorities: String?
    /// Transfers under way at once; others wait their turn.
    var concurrency = 256
    /// Bytes of an answer's body.
    var largestBody = 16 << 20

    init(environment: Environment) {
        func value(_ names: String...) -> String? {
            names.lazy.compactMap { environment[$0] }.first { !$0.isEmpty }
        }
        secureProxy = value("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        plainProxy = value("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
        noProxy = value("no_proxy", "NO_PROXY")
        certificateAuthorities = environment[.caBundle] ?? environment[.sslCertFile]
    }
}
