import Foundation
import Podstack
import PodstackTestSupport
import Testing

/// Runs the real program with a certificate and the SDK as its client.
@Suite("podstack-server over TLS", .blocking, .timeLimit(.perTest))
struct TLSTests {
    let folder: TemporaryDirectory
    let authority: PrivateAuthority
    var data: String { folder.file("data") }

    init() throws {
        folder = try TemporaryDirectory()
        authority = try PrivateAuthority()
    }

    /// Copies a certificate of `authority` to the path that the server reads.
    func install(_ authority: PrivateAuthority, days: Int = 2) throws {
        let (certificate, key) = try authority.issue("server", for: "DNS:localhost,IP:127.0.0.1,IP:::1", days: days)
        for (source, name) in [(certificate, "cert.pem"), (key, "key.pem")] {
            try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: folder.file(name)))
        }
        #expect(chmod(folder.file("key.pem"), 0o600) == 0)
    }

    func serve(_ listen: String = "127.0.0.1:0") throws -> (ToolProcess, url: String) {
        let process = try ToolProcess(
            "podstack-server",
            [
                "serve", "--listen", listen, "--data", data, "--tls-cert", folder.file("cert.pem"), "--tls-key",
                folder.file("key.pem"),
                // An idle connection must stay open even if the machine is busy.
                "--request-timeout", "600",
            ])
        do { try process.waitForOutput { $0.contains("\n") } } catch {
            process.signal(SIGKILL)
            throw error
        }
        // A second line contains the path of the link for the first account.
        let line = process.standardOutput.prefix { $0 != "\n" }
        return (process, String(line.dropFirst("podstack-server listening on ".count)))
    }

    func createToken() throws -> String {
        _ = try ToolProcess.run("podstack-server", ["user", "add", "you@example.com", "--data", data])
        let created = try ToolProcess.run(
            "podstack-server", ["token", "create", "you@example.com", "--name", "t", "--data", data])
        return String(created.output.dropLast())
    }

    func client(_ token: String, _ url: String, trusting authority: PrivateAuthority) throws -> Client {
        try Client(
            apiToken: token, apiEndpoint: url, retry: RetryConfiguration(maxRetries: 0),
            environment: PodstackEnvironment(["PODSTACK_CA_BUNDLE": authority.bundle]))
    }

    func handshake(_ url: String, _ version: String) throws -> Int32 {
        let process = try ToolProcess(
            installed: "openssl",
            ["s_client", "-connect", String(url.dropFirst("https://".count)), version, "-cipher", "ALL:@SECLEVEL=0"])
        return process.wait()
    }

    @Test("the SDK connects with the operator's authority, on IPv4 and IPv6")
    func sdk() async throws {
        try install(authority)
        let token = try createToken()
        for listen in ["127.0.0.1:0", "[::1]:0"] {
            let (process, url) = try serve(listen)
            defer {
                process.signal(SIGKILL)
                process.wait()
            }
            #expect(url.hasPrefix("https://\(listen.dropLast(2)):"))
            #expect(try await client(token, url, trusting: authority).auth.whoami().email == "you@example.com")
        }
    }

    @Test("TLS 1.3 and 1.2 are accepted; older versions and plain HTTP are not")
    func versions() throws {
        try install(authority)
        let (process, url) = try serve()
        defer { process.signal(SIGKILL) }
        #expect(try handshake(url, "-tls1_3") == 0)
        #expect(try handshake(url, "-tls1_2") == 0)
        #expect(try handshake(url, "-tls1_1") != 0)
        #expect(try handshake(url, "-tls1") != 0)
        let port = try #require(url.split(separator: ":").last.flatMap { UInt16($0) })
        #expect((try? RawHTTP(port: port).request("GET", "/healthz")) == nil)
    }

    @Test("SIGHUP loads a new certificate; open connections continue, and an invalid file changes nothing")
    func reload() async throws {
        try install(authority)
        let token = try createToken()
        let (process, url) = try serve()
        defer { process.signal(SIGKILL) }
        let old = try client(token, url, trusting: authority)
        _ = try await old.auth.whoami()
        let next = try PrivateAuthority()
        try install(next)
        process.signal(SIGHUP)
        try process.waitForError { $0.contains("certificate_reloaded") }
        // On the open connection.
        _ = try await old.auth.whoami()
        _ = try await client(token, url, trusting: next).auth.whoami()
        await #expect(throws: (any Error).self) {
            _ = try await client(token, url, trusting: authority).auth.whoami()
        }
        try TemporaryDirectory.replace(folder.file("cert.pem"), with: "broken")
        process.signal(SIGHUP)
        try process.waitForError { $0.contains("certificate_not_reloaded") }
        _ = try await client(token, url, trusting: next).auth.whoami()
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
        #expect(!process.standardError.contains("PRIVATE KEY"))
    }

    @Test("the metrics contain the expiry of the certificate and, after SIGHUP, of the new one")
    func expiry() async throws {
        try install(authority)
        let (process, url) = try serve()
        defer { process.signal(SIGKILL) }
        func end(_ authority: PrivateAuthority) throws -> Double? {
            let port = try #require(url.split(separator: ":").last)
            let curl = try ToolProcess(
                installed: "curl", ["-sf", "--cacert", authority.bundle, "https://localhost:\(port)/metrics"])
            #expect(curl.wait() == 0, "\(curl.standardError)")
            let name = "podstack_tls_certificate_expires_seconds "
            let line = curl.standardOutput.split(separator: "\n").first { $0.hasPrefix(name) }
            return line.flatMap { Double($0.dropFirst(name.count)) }
        }
        let now = Date().timeIntervalSince1970
        let first = try #require(try end(authority))
        #expect(abs(first - now - 2 * 86_400) < 600)
        let next = try PrivateAuthority()
        try install(next, days: 30)
        process.signal(SIGHUP)
        try process.waitForError { $0.contains("certificate_reloaded") }
        let second = try #require(try end(next))
        #expect(abs(second - now - 30 * 86_400) < 600)
    }

    @Test(
        "a key that other users can read, that does not fit the certificate or is missing, is rejected in one sentence")
    func badKey() throws {
        try install(authority)
        func failure(_ key: String) throws -> String {
            let result = try ToolProcess.run(
                "podstack-server",
                [
                    "serve", "--listen", "127.0.0.1:0", "--data", data, "--tls-cert", folder.file("cert.pem"),
                    "--tls-key", key,
                ])
            #expect(result.status == 1)
            #expect(result.error.split(separator: "\n").count == 1)
            return result.error
        }
        #expect(chmod(folder.file("key.pem"), 0o640) == 0)
        #expect(try failure(folder.file("key.pem")).contains("other users can read"))
        #expect(try failure(authority.issue("other", for: "DNS:x").key).contains("are not a certificate and its key"))
        #expect(try failure("/nowhere/key.pem").contains("cannot read /nowhere/key.pem"))
    }

    @Test(
        "beyond this machine a server listens only with a certificate, or behind a proxy",
        arguments: ["0.0.0.0:0", "[::]:0"])
    func beyondLoopback(listen: String) throws {
        let refused = try ToolProcess.run("podstack-server", ["serve", "--listen", listen, "--data", data])
        #expect(refused.status == 2)
        #expect(refused.error.contains("--tls-cert"))
        let half = ["serve", "--listen", listen, "--data", data, "--tls-cert", "x"]
        #expect(try ToolProcess.run("podstack-server", half).status == 2)
    }

    @Test("responses tell browsers to use TLS only, except on this machine's own address")
    func strictTransport() throws {
        try install(authority)
        for (listen, expected) in [("0.0.0.0:0", "max-age=15552000"), ("127.0.0.1:0", nil)] {
            let (process, url) = try serve(listen)
            defer { process.signal(SIGKILL) }
            for path in ["/sign-in", "/v1/auth/whoami"] {
                let page = try ToolProcess(
                    installed: "curl",
                    [
                        "-s", "-o", "/dev/null", "--cacert", authority.bundle, "-w",
                        "%header{strict-transport-security}", url.replacing("0.0.0.0", with: "127.0.0.1") + path,
                    ])
                #expect(page.wait() == 0)
                #expect(page.standardOutput == expected ?? "")
            }
        }
    }
}
