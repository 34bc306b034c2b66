import PodstackTestSupport
import PodstackTesting
import Testing

@testable import Podstack
@testable import PodstackTransport

@Suite("Proxies and certificate authorities are settings", .blocking, .timeLimit(.perTest))
struct ConnectionSettingsTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    func configuration(_ variables: [String: String], endpoint: String? = nil) throws -> ClientConfiguration {
        try ClientConfiguration(apiToken: "t", apiEndpoint: endpoint, environment: PodstackEnvironment(variables))
    }

    /// Returns the message of the error with which a request to a closed port fails.
    func failure(_ environment: PodstackEnvironment, endpoint: String = "https://127.0.0.1:9") async throws -> String {
        let client = try Client(apiToken: "t", apiEndpoint: endpoint, retry: .none, environment: environment)
        let error = await #expect(throws: NetworkError.self) { try await client.auth.whoami() }
        return error?.message ?? ""
    }

    @Test("each is trimmed, has a source, and lists the variables that it shadows")
    func sources() throws {
        let settings = try configuration([
            "https_proxy": " ", "HTTPS_PROXY": " http://proxy:3128\n", "ALL_PROXY": "socks5h://other",
            "NO_PROXY": " localhost ", "SSL_CERT_FILE": "\t/certificates.pem ",
        ])
        #expect(settings.proxy?.value == "http://proxy:3128")
        #expect(settings.proxy?.source == .environment("HTTPS_PROXY"))
        #expect(settings.proxy?.shadows.map(\.source) == [.environment("ALL_PROXY")])
        #expect(settings.proxy?.shadows.map(\.reason) == ["another variable takes precedence"])
        #expect(settings.noProxy?.value == "localhost")
        #expect(settings.noProxy?.source == .environment("NO_PROXY"))
        #expect(settings.certificateAuthorities?.value == "/certificates.pem")
        #expect(settings.certificateAuthorities?.source == .environment("SSL_CERT_FILE"))
        let plain = try configuration(["HTTP_PROXY": "127.0.0.1:1"], endpoint: "http://127.0.0.1:2")
        #expect(plain.proxy?.source == .environment("HTTP_PROXY"))
        // A plain request is sent through no other machine, so such a proxy is not a setting in use.
        for proxy in ["http://proxy:3128", "user:pa/ss@127.0.0.1:1"] {
            #expect(try configuration(["http_proxy": proxy], endpoint: "http://127.0.0.1:2").proxy == nil)
        }
        let none = try configuration([:])
        #expect(none.proxy == nil && none.noProxy == nil && none.certificateAuthorities == nil)
    }

    @Test("printing the configuration shows them, without a password")
    func printed() throws {
        let text = "\(try configuration(["HTTPS_PROXY": "http://user:pass-word@proxy:3128", "NO_PROXY": "x"]))"
        #expect(text.contains("proxy         http://…@proxy:3128"))
        #expect(text.contains("HTTPS_PROXY"))
        #expect(text.contains("no_proxy"))
        #expect(!text.contains("pass-word"))
    }

    @Test(
        "a value that is not the address of a proxy is an error that names its source",
        arguments: [
            ("http://pro xy", "contains whitespace or characters that a URL must not contain"),
            ("gopher://proxy", "must start with http://, https:// or socks5h://"), ("http://", "has no host"),
            ("http://user@:3128", "has no host"), ("proxy:port", "has no valid port"),
            ("proxy:99999", "has no valid port"),
        ])
    func invalid(value: String, problem: String) {
        let error = #expect(throws: ConfigurationError.self) { try configuration(["HTTPS_PROXY": value]) }
        #expect(error?.message == "The proxy from HTTPS_PROXY \(problem)")
        #expect(error?.source == .environment("HTTPS_PROXY"))
    }

    @Test(
        "an address with or without a scheme, a password and a port is accepted",
        arguments: [
            ("proxy", "proxy"), ("proxy:3128", "proxy:3128"), ("HTTPS://proxy:1/", "HTTPS://proxy:1/"),
            ("socks5h://u:p@[::1]:1080", "socks5h://…@[::1]:1080"), ("http://u:p@x@proxy", "http://…@proxy"),
        ])
    func valid(value: String, displayed: String) throws {
        #expect(try configuration(["ALL_PROXY": value]).proxy?.value == displayed)
    }

    @Test("an error about a proxy names the proxy and the variable, without the password")
    func unreachableProxy() async throws {
        for (name, value, displayed) in [
            ("HTTPS_PROXY", " http://127.0.0.1:1\n", "http://127.0.0.1:1"),
            ("https_proxy", "http://u:secret@127.0.0.1:1", "http://…@127.0.0.1:1"),
            ("ALL_PROXY", "127.0.0.1:1", "127.0.0.1:1"),
            ("all_proxy", "socks5h://127.0.0.1:1", "socks5h://127.0.0.1:1"),
        ] {
            let message = try await failure(PodstackEnvironment([name: value]))
            #expect(message.hasPrefix("Cannot connect to the proxy \(displayed) set by \(name)"), "\(message)")
            #expect(!message.contains("secret"))
        }
        let unknown = try await failure(PodstackEnvironment(["HTTPS_PROXY": "http://proxy.invalid:3128"]))
        #expect(
            unknown.hasPrefix("Cannot connect to the proxy http://proxy.invalid:3128 set by HTTPS_PROXY"), "\(unknown)")
    }

    @Test("an error about a proxy from a trusted .env file names the file and the line")
    func proxyOfFile() async throws {
        let path = try folder.write("\nHTTPS_PROXY=http://127.0.0.1:1\n", to: ".env")
        var environment = PodstackEnvironment([:])
        try DotEnv.load(path, into: &environment, trust: true)
        let message = try await failure(environment)
        #expect(message == "Cannot connect to the proxy http://127.0.0.1:1 set by HTTPS_PROXY of \(path):2")
    }

    @Test("a failure of a service that is exempt from the proxy does not name the proxy")
    func exempt() async throws {
        for list in ["127.0.0.1", "example.com, 127.0.0.1", "*"] {
            let message = try await failure(
                PodstackEnvironment(["HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": list]))
            #expect(message.hasPrefix("No response from https://127.0.0.1:9: "), "\(message)")
        }
    }

    @Test("a file of certificate authorities that cannot be read is named with its variable")
    func missingAuthorities() async throws {
        let server = try ScriptedServer { _ in nil }
        let message = try await failure(
            PodstackEnvironment(["SSL_CERT_FILE": " \(folder.file("gone")) "]),
            endpoint: "https://127.0.0.1:\(server.port)")
        #expect(
            message.hasSuffix(
                "the certificate authorities in \(folder.file("gone")), set by SSL_CERT_FILE cannot be read"),
            "\(message)")
    }

    // MARK: - Empty variables

    @Test("an empty variable for a setting is not set, so a .env file can set it", arguments: ["", " ", "\t\n"])
    func emptyVariables(empty: String) throws {
        let path = try folder.write(
            "PODSTACK_API_TOKEN=of_the_file\nPODSTACK_API_ENDPOINT=https://file.example\nPODSTACK_PROJECT=prj_file\n",
            to: ".env")
        var environment = PodstackEnvironment([
            "PODSTACK_API_TOKEN": empty, "PODSTACK_API_ENDPOINT": empty, "PODSTACK_PROJECT": empty,
        ])
        try DotEnv.load(path, into: &environment)
        let configuration = try ClientConfiguration(environment: environment)
        #expect(configuration.apiEndpoint.value.url == "https://file.example")
        #expect(configuration.apiToken?.source == .dotEnv("PODSTACK_API_TOKEN", path: path, line: 1))
        #expect(configuration.projectID?.value == "prj_file")
    }

    @Test("an empty variable is not set wherever one is read", arguments: ["", " \t"])
    func emptyEverywhere(empty: String) throws {
        _ = try folder.write("[default]\napi_token = t\nproject_id = p\n", to: "credentials")
        let names =
            PodstackEnvironment.Variable.allCases.map(\.rawValue) + [
                "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "PODSTACK_PROJECT_ID",
                "PODSTACK_API_KEY",
            ]
        var variables = Dictionary(uniqueKeysWithValues: names.map { ($0, empty) })
        variables["PODSTACK_CREDENTIALS_FILE"] = folder.file("credentials")
        let configuration = try ClientConfiguration(environment: PodstackEnvironment(variables))
        #expect(configuration.apiToken?.source.kind == "profile")
        #expect(configuration.projectID?.value == "p")
        #expect(configuration.apiEndpoint.source == .default)
        #expect(configuration.profile?.source == .default)
        #expect(configuration.proxy == nil && configuration.noProxy == nil)
        #expect(configuration.certificateAuthorities == nil)
        #expect(!configuration.warnings.contains { $0.contains("PODSTACK_PROJECT_ID") })
        let options = ConnectionOptions(environment: PodstackEnvironment(variables))
        #expect(options.secureProxy == nil && options.plainProxy == nil && options.noProxy == nil)
        #expect(options.certificateAuthorities == nil)
        let gateway = PodstackEnvironment(["REQUEST_METHOD": "", "HTTP_PROXY": "http://127.0.0.1:1"])
        #expect(ConnectionOptions(environment: gateway).plainProxy == "http://127.0.0.1:1")
    }

    // MARK: - Endpoints of ignored profiles

    @Test("a token from the environment next to a profile with another endpoint causes a warning")
    func ignoredEndpoint() throws {
        let path = try folder.write(
            "[default]\napi_token = a\napi_endpoint = https://default.example\n"
                + "[work]\napi_token = b\napi_endpoint = https://work.example\n[same]\napi_endpoint = https://api.podstack.ai\n",
            to: "credentials")
        func warnings(_ variables: [String: String], endpoint: String? = nil, token: String? = nil) throws -> [String] {
            let environment = PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path].merging(variables) { $1 })
            return try ClientConfiguration(apiToken: token, apiEndpoint: endpoint, environment: environment).warnings
                .filter { $0.contains("is sent to") }
        }
        #expect(
            try warnings(["PODSTACK_API_TOKEN": "t"]) == [
                "the token from PODSTACK_API_TOKEN is sent to https://api.podstack.ai, and not to "
                    + "https://default.example of \(path):3 [default]: that profile is ignored while PODSTACK_API_TOKEN "
                    + "is set"
            ])
        let token = try folder.write("t", to: "token")
        #expect(try warnings(["PODSTACK_API_TOKEN_FILE": token]).count == 1)
        #expect(
            try warnings(["PODSTACK_API_TOKEN": "t", "PODSTACK_PROFILE": "work"]).first?.contains("work.example")
                == true)
        #expect(try warnings(["PODSTACK_API_TOKEN": "t", "PODSTACK_PROFILE": "same"]) == [])
        #expect(try warnings(["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "https://default.example"]) == [])
        #expect(try warnings(["PODSTACK_API_TOKEN": "t", "PODSTACK_API_ENDPOINT": "https://x.example"]).count == 1)
        #expect(try warnings(["PODSTACK_API_TOKEN": "t"], endpoint: "https://x.example") == [])
        #expect(try warnings([:]) == [])
        #expect(try warnings(["PODSTACK_API_TOKEN": "t"], token: "u") == [])
        _ = try folder.write("not a credentials file\n", to: "credentials")
        #expect(try warnings(["PODSTACK_API_TOKEN": "t"]) == [])
    }

    @Test("the warning about another endpoint is an event of the client")
    func ignoredEndpointEvent() throws {
        let path = try folder.write("[default]\napi_endpoint = https://default.example\n", to: "credentials")
        let events = RecordedEvents()
        _ = try Client(
            environment: PodstackEnvironment(["PODSTACK_CREDENTIALS_FILE": path, "PODSTACK_API_TOKEN": "t"]),
            transport: RecordingTransport(.user(email: "you@example.com")), onEvent: events.append)
        #expect(events.warnings.contains { $0.contains("https://default.example") })
    }
}
