import PodstackTransport

/// The proxy and the certificate authorities of a client: settings like the others, each with its source.
struct ConnectionSettings: Sendable {
    typealias Setting = ClientConfiguration.Setting<String>

    /// The proxy for the endpoint, without its password; nil when none is set, even if `noProxy` exempts the endpoint.
    var proxy: Setting?
    var noProxy: Setting?
    /// The file of trusted certificate authorities.
    var certificateAuthorities: Setting?

    /// Finds the settings for an endpoint.
    ///
    /// Throws ``ConfigurationError`` when the proxy cannot be one.
    init(_ environment: PodstackEnvironment, for endpoint: APIEndpoint) throws(ConfigurationError) {
        let lookUp = { (name: String) in environment[name] }
        // A plain request is sent through no other machine.
        let plain = ProxyVariables.plain(lookUp).first.map { [$0] } ?? []
        let proxies =
            endpoint.isSecure
            ? ProxyVariables.secure(lookUp) : plain.filter { ProxyAddress.isOnThisMachine($0.value) }
        proxy = Self.setting(proxies.map { ($0.name, ProxyAddress.displayed($0.value)) }, environment)
        noProxy = Self.setting(ProxyVariables.exemptions(lookUp), environment)
        let files = [PodstackEnvironment.Variable.caBundle, .sslCertFile].compactMap { variable in
            environment[variable].map { (name: variable.rawValue, value: $0) }
        }
        certificateAuthorities = Self.setting(files, environment)
        if let proxy, let used = proxies.first { try SettingCheck.proxy(used.value, from: proxy.source) }
    }

    private static func setting(_ found: [ProxyVariables.Found], _ environment: PodstackEnvironment) -> Setting? {
        guard let first = found.first else { return nil }
        return Setting(
            TokenRedaction.redact(first.value), environment.source(ofVariable: first.name),
            shadows: found.dropFirst().map { environment.source(ofVariable: $0.name) })
    }
}

extension ConnectionOptions {
    /// Creates options with the proxies and the certificate authorities that an environment names.
    package init(environment: PodstackEnvironment) {
        func origin(_ variable: String?) -> String? { variable.map { environment.source(ofVariable: $0).origin } }
        self.init(proxiesFrom: { environment[$0] })
        sources.secureProxy = origin(sources.secureProxy)
        sources.plainProxy = origin(sources.plainProxy)
        let variable = [PodstackEnvironment.Variable.caBundle, .sslCertFile].first { environment[$0] != nil }
        // Without a home directory, the connection fails with an error that names the path.
        certificateAuthorities = variable.flatMap { environment[$0] }.map { (try? environment.path($0).text) ?? $0 }
        sources.certificateAuthorities = origin(variable?.rawValue)
        certificateAdvice = "set PODSTACK_CA_BUNDLE to a file that contains the right ones"
    }
}
