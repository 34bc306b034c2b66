import PodstackTestSupport
import Testing

@testable import Podstack
@testable import PodstackTransport

#if canImport(Glibc)
    import Glibc
#endif

@Suite("A transport and proxies", .blocking, .timeLimit(.minutes(5)))
struct ProxyTests {
    /// Checks that a transport without support for proxies rejects the request, and returns whether it is one.
    func refuses(_ subject: TransportUnderTest, _ environment: [String: String], _ url: String) async -> Bool {
        guard subject.has(.noProxyOfItsOwn) else { return false }
        let failure = await subject.transport(environment).failure(TransportRequest(url))
        #expect(failure?.reason.contains("proxy") == true)
        #expect(failure?.isRetryable == false)
        return true
    }

    @Test(
        "plain http goes through a proxy on this machine", arguments: TransportUnderTest.all,
        ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
    func plain(_ subject: TransportUnderTest, name: String) async throws {
        let proxy = try WireServer { _ in [.response("from the proxy")] }
        let environment = [name: proxy.url]
        if await refuses(subject, environment, "http://127.0.0.1:9/v1/a") {
            #expect(proxy.connections == 0)
            return
        }
        let response = try await subject.transport(environment).send(TransportRequest("http://127.0.0.1:9/v1/a"))
        #expect(String(decoding: response.body, as: UTF8.self) == "from the proxy")
        #expect(proxy.requests.map(\.target) == ["http://127.0.0.1:9/v1/a"])
    }

    @Test("plain http does not send the token to a proxy on another machine", arguments: TransportUnderTest.all)
    func plainElsewhere(_ subject: TransportUnderTest) async throws {
        let server = try WireServer { _ in [.response()] }
        for proxy in ["http://192.0.2.1:3128", "http://user:127.0.0.1@192.0.2.1", "http://127.0.0.1.example.com:80"] {
            let environment = ["http_proxy": proxy]
            if await refuses(subject, environment, server.url) { continue }
            #expect(try await subject.transport(environment).send(TransportRequest(server.url)).status == 200)
        }
    }

    @Test("no_proxy exempts a host", arguments: TransportUnderTest.all, ["127.0.0.1", "example.com,127.0.0.1", "*"])
    func exemption(_ subject: TransportUnderTest, value: String) async throws {
        let server = try WireServer { _ in [.response("direct")] }
        let proxy = try WireServer { _ in [.response("from the proxy")] }
        let environment = ["http_proxy": proxy.url, "no_proxy": value]
        if await refuses(subject, environment, server.url) { return }
        let response = try await subject.transport(environment).send(TransportRequest(server.url))
        #expect(String(decoding: response.body, as: UTF8.self) == "direct")
        #expect(proxy.connections == 0)
        let other = ["http_proxy": proxy.url, "no_proxy": "example.com"]
        let through = try await subject.transport(other).send(TransportRequest(server.url))
        #expect(String(decoding: through.body, as: UTF8.self) == "from the proxy")
    }

    @Test("https goes through a tunnel, and the token only through that", arguments: TransportUnderTest.all)
    func tunnel(_ subject: TransportUnderTest) async throws {
        let services = try TLSServices.shared()
        let proxy = try TunnelProxy()
        let environment = ["https_proxy": proxy.url, "PODSTACK_CA_BUNDLE": services.authority.bundle]
        let url = services.url(.modern) + "/token"
        if await refuses(subject, environment, url) { return }
        let response = try await subject.transport(environment).send(TransportRequest(url))
        #expect(String(decoding: response.body, as: UTF8.self) == "Bearer secret-token")
        #expect(response.headers.allSatisfy { $0.value != "Connection established" })
        let heads = proxy.received
        #expect(heads.count == 1)
        #expect(heads.first?.hasPrefix("CONNECT localhost:") == true)
        #expect(heads.first?.lowercased().contains("authorization") == false)
        #expect(heads.first?.contains("secret-token") == false)
    }

    @Test(
        "a proxy that rejects the request is reported with its status", arguments: TransportUnderTest.all,
        ["407 Proxy Authentication Required", "403 Forbidden", "503 Service Unavailable"])
    func refusal(_ subject: TransportUnderTest, status: String) async throws {
        let proxy = try TunnelProxy(refusal: status)
        let environment = ["https_proxy": proxy.url]
        if await refuses(subject, environment, "https://localhost:9") { return }
        let failure = await subject.transport(environment).failure(TransportRequest("https://localhost:9"))
        #expect(failure?.reason == "the proxy \(proxy.url) set by https_proxy refused with HTTP \(status.prefix(3))")
        #expect(failure?.isRetryable == status.hasPrefix("5"))
    }

    @Test("HTTP_PROXY of a CGI program comes from its client, and is ignored")
    func commonGateway() {
        let environment = PodstackEnvironment(["HTTP_PROXY": "http://127.0.0.1:1", "REQUEST_METHOD": "GET"])
        #expect(ConnectionOptions(environment: environment).proxy(isSecure: false) == nil)
    }

    @Test("a proxy of the process's environment is ignored if the options do not name it")
    func ambient() async {
        await #expect(processExitsWith: .success) {
            for name in ["http_proxy", "https_proxy", "all_proxy", "ALL_PROXY", "HTTPS_PROXY"] {
                setenv(name, "http://127.0.0.1:1", 1)
            }
            let server = try WireServer { _ in [.response()] }
            for subject in TransportUnderTest.all {
                let request = TransportRequest(server.url)
                if subject.has(.noProxyOfItsOwn) {
                    let failure = await subject.transport().failure(request)
                    #expect(failure?.reason.contains("proxy") == true)
                } else {
                    #expect(try await subject.transport().send(request).status == 200)
                }
            }
        }
    }
}
