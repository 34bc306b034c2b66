import PodstackTestSupport
import Testing

@testable import Podstack

/// The dashboard of the real program, requested over TLS and through a proxy.
@Suite("The dashboard over TLS, and behind a proxy", .blocking, .timeLimit(.perTest))
struct DashboardTLSTests {
    let folder: TemporaryDirectory
    var data: String { folder.file("data") }

    init() throws { folder = try TemporaryDirectory() }

    func serve(_ options: [String]) throws -> (ToolProcess, url: String) {
        let process = try ToolProcess(
            "podstack-server",
            ["serve", "--listen", "127.0.0.1:0", "--data", data, "--request-timeout", "600"] + options)
        do { try process.waitForOutput { $0.contains("\n") } } catch {
            process.signal(9)
            throw error
        }
        let line = process.standardOutput.prefix { $0 != "\n" }
        return (process, String(line.dropFirst("podstack-server listening on ".count)))
    }

    func link(_ email: String = "you@example.com") throws -> String {
        let created = try ToolProcess.run("podstack-server", ["user", "add", email, "--data", data])
        #expect(created.status == 0, "\(created.error)")
        return String(try #require(created.output.split(separator: "\n").last))
    }

    func port(_ url: String) throws -> UInt16 { try #require(url.split(separator: ":").last.flatMap { UInt16($0) }) }

    @Test("under TLS, cookies are secure and have a name that other hosts cannot set")
    func overTLS() async throws {
        let authority = try PrivateAuthority()
        let (certificate, key) = try authority.issue("server", for: "DNS:localhost,IP:127.0.0.1")
        let (process, url) = try serve(["--tls-cert", certificate, "--tls-key", key])
        defer { process.signal(9) }
        let transport = DefaultTransport(environment: PodstackEnvironment(["PODSTACK_CA_BUNDLE": authority.bundle]))
        let link = try link()
        #expect(link.hasPrefix("\(url)/welcome/"))
        func send(
            _ method: String, _ url: String, headers: [HeaderField] = [], body: String? = nil
        ) async throws -> TransportResponse {
            try await transport.send(
                TransportRequest(
                    method: method, url: url, headers: headers, body: body.map { Array($0.utf8) },
                    timeout: .seconds(120)))
        }
        let opened = try await send("GET", link)
        let linkCookie = try #require(opened.headers.first { $0.value.hasPrefix("__Secure-podstack_link_") }?.value)
        #expect(linkCookie.hasSuffix("; Path=/welcome; HttpOnly; SameSite=Lax; Secure; Max-Age=3600"))
        let linkPair = String(linkCookie.prefix { $0 != ";" })
        let form = url + (try #require(opened.header("location")))
        let page = try await send("GET", form, headers: [HeaderField("Cookie", linkPair)])
        let client = try #require(page.header("set-cookie"))
        #expect(client.hasPrefix("__Host-podstack_visitor="))
        #expect(client.hasSuffix("; Path=/; HttpOnly; SameSite=Lax; Secure"))
        let text = String(decoding: page.body, as: UTF8.self)
        let formKey = try #require(text.firstMatch(of: /name="form_key" value="([0-9a-f]+)"/)).1
        let password = TestClient.password.replacing(" ", with: "+").replacing(",", with: "%2C")
        func choose(_ origin: String) async throws -> TransportResponse {
            try await send(
                "POST", form,
                headers: [
                    HeaderField("Content-Type", "application/x-www-form-urlencoded"), HeaderField("Origin", origin),
                    HeaderField("Cookie", "\(client.prefix { $0 != ";" }); \(linkPair)"),
                ], body: "form_key=\(formKey)&password=\(password)&repeated=\(password)")
        }
        // Without TLS, the host is a different origin.
        #expect(try await choose(url.replacing("https:", with: "http:")).status == 403)
        let response = try await choose(url)
        #expect(response.status == 303)
        let cookie = try #require(response.header("set-cookie"))
        #expect(cookie.hasPrefix("__Host-podstack_session="))
        #expect(cookie.hasSuffix("; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=604800"))
        let secret = String(cookie.prefix { $0 != ";" })
        #expect(try await send("GET", url + "/account/sign-in", headers: [HeaderField("Cookie", secret)]).status == 200)
        // A cookie that another host could have set is ignored.
        let plain = secret.replacing("__Host-", with: "")
        #expect(try await send("GET", url + "/account/sign-in", headers: [HeaderField("Cookie", plain)]).status == 303)
    }

    @Test("behind a proxy, the origin of forms is that of the Host header or of --public-url")
    func behindProxy() throws {
        for (options, origin) in [
            (["--behind-proxy", "127.0.0.1"], "https://localhost"),
            (
                ["--behind-proxy", "127.0.0.1", "--public-url", "https://Podstack.example.com:443/"],
                "https://podstack.example.com"
            ),
        ] {
            let (process, url) = try serve(options)
            defer {
                process.signal(9)
                process.wait()
            }
            let client = TestClient(port: try port(url))
            let link = try link("\(origin.count)@example.com")
            let path = String(link[try #require(link.firstRange(of: "/welcome/")).lowerBound...])
            if options.count > 2 { #expect(link.hasPrefix("https://podstack.example.com/welcome/")) }
            client.origin = "http://localhost"
            #expect(try client.choose(at: path).status == 403)
            client.origin = origin
            let chosen = try client.choose(at: path)
            #expect(chosen.status == 303)
            #expect(chosen.cookies.first?.hasPrefix("__Host-podstack_session=") == true)
            #expect(try client.isSignedIn)
        }
    }

    @Test("with an http --public-url, cookies work without TLS")
    func plainURL() throws {
        let (process, url) = try serve(["--behind-proxy", "127.0.0.1", "--public-url", "http://podstack.internal:8080"])
        defer { process.signal(9) }
        let client = TestClient(port: try port(url))
        try client.get("/sign-in")
        #expect(client.cookies.keys.elementsEqual(["podstack_visitor"]))
    }

    @Test(
        "an invalid --public-url is rejected with one sentence",
        arguments: [
            "podstack.example.com", "ftp://podstack.example.com", "https://", "https://podstack.example.com/dashboard",
            "https://you@podstack.example.com", "https://podstack.example.com?x", "https://podstack example.com",
        ])
    func badURL(url: String) throws {
        let result = try ToolProcess.run(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", data, "--public-url", url])
        #expect(result.status == 2)
        #expect(result.error.hasPrefix("error: --public-url must be a URL without a path"))
        #expect(result.error.split(separator: "\n").count == 1)
    }
}
