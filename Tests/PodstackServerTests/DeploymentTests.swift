import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

/// The files in `deploy/`, with the programs that read them.
@Suite("The files for operators", .blocking, .timeLimit(.perTest))
struct DeploymentTests {
    static let folder = URL(filePath: #filePath).appending(path: "../../../deploy").standardized.path

    static func text(_ name: String) throws -> String {
        try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
    }

    /// Returns nginx.conf for free ports, without TLS, so that a test can send malformed requests.
    private func configuration(_ ports: [UInt16], upstream: UInt16, logs: String) throws -> String {
        var text = try Self.text("nginx.conf")
        for (original, replacement) in [
            ("    listen [::]:80;\n", ""), ("    listen [::]:443 ssl;\n", ""),
            ("listen 80;", "listen 127.0.0.1:\(ports[0]);"), ("listen 443 ssl;", "listen 127.0.0.1:\(ports[1]);"),
            ("server 127.0.0.1:8080;", "server 127.0.0.1:\(upstream);"), ("/var/log/nginx", logs),
            ("    ssl_certificate /etc/podstack/cert.pem;\n", ""),
            ("    ssl_certificate_key /etc/podstack/key.pem;\n", ""),
        ] {
            #expect(text.contains(original), "\(original)")
            text.replace(original, with: replacement)
        }
        return text
    }

    @Test("no log of nginx contains a piece of a sign-in link, whatever is wrong with the request")
    func secrets() throws {
        let folder = try TemporaryDirectory()
        let server = try RunningServer()
        let nginx = try Nginx(ports: 2) {
            (try? configuration($0, upstream: server.server.port, logs: folder.path)) ?? "invalid"
        }
        let link = try server.server.signInLink(RunningServer.email)
        let secret = String(link.dropFirst("/welcome/".count))
        let code = "WDJB-MJHT"
        let fields = "Host: podstack.example.com\r\nReferer: https://podstack.example.com\(link)\r\n"
        func send(_ request: String, _ port: UInt16, _ status: Int, line: Int = #line) throws {
            let connection = try RawHTTP(port: port, silence: 60)
            // nginx may respond and close before it has received everything.
            try? connection.send(request)
            let response = try connection.response()
            #expect(response.status == status, "line \(line), port \(nginx.ports.firstIndex(of: port) ?? 2)")
            // An error page requests an icon.
            #expect(response.headers["referrer-policy"] == "strict-origin", "line \(line)")
        }
        let port = nginx.ports[1]
        try send("GET \(link) HTTP/1.1\r\n\(fields)\r\n", port, 303)
        try send("GET \(link) HTTP/1.1\r\n\(fields)\r\n", nginx.ports[0], 301)
        try send("GET /device?code=\(code) HTTP/1.1\r\n\(fields)\r\n", port, 303)
        for path in ["//welcome/\(secret)", "/%77elcome/\(secret)", "/x/..\(link)", "/x\(link)", "/\(secret)"] {
            try send("GET \(path) HTTP/1.1\r\n\(fields)\r\n", port, path.hasPrefix("/%77") ? 303 : 404)
        }
        try send("GET /sign-in HTTP/1.1\r\n\(fields)\r\n", port, 200)
        for port in nginx.ports {
            try send("GET \(link)%zz HTTP/1.1\r\n\(fields)\r\n", port, 400)
            try send("GET \(link) x HTTP/1.1\r\n\(fields)\r\n", port, 400)
            try send("GET \(link) HTTP/1.1\r\n\r\n", port, 400)
            try send("GET \(link) HTTP/1.1\r\nHost: a b \(secret)\r\n\r\n", port, 400)
            try send("GET \(link)\(String(repeating: "x", count: 140_000)) HTTP/1.1\r\n\(fields)\r\n", port, 414)
            try send(
                "GET \(link) HTTP/1.1\r\n\(fields)X: \(String(repeating: "x", count: 140_000))\(secret)\r\n\r\n", port,
                400)
            try send("GET \(link) HTTP/9.9\r\n\(fields)\r\n", port, 505)
        }
        try send("POST \(link) HTTP/1.1\r\n\(fields)Content-Length: 9999999\r\n\r\n", port, 413)
        server.server.stop()
        try send("GET \(link) HTTP/1.1\r\n\(fields)\r\n", port, 502)
        try send("GET /sign-in HTTP/1.1\r\n\(fields)\r\n", port, 502)

        // nginx logs a request after its response.
        func accessLog() throws -> String { try String(contentsOfFile: folder.file("access.log"), encoding: .utf8) }
        try blockUntil(within: .seconds(20), "the last request is logged") {
            try accessLog().contains("\"GET /sign-in HTTP/1.1\" 502 ")
        }
        let log = try accessLog()
        #expect(log.contains("\"GET /welcome/... HTTP/1.1\" 303 "))
        #expect(log.contains("\"GET /sign-in HTTP/1.1\" 502 "))
        #expect(log.contains("\"GET /device HTTP/1.1\" 303 "))
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
        #expect(names == ["access.log"])
        for text in [log, nginx.errorLog, server.log] {
            #expect(!text.contains(code))
            for start in 0...(secret.count - 8) {
                #expect(!text.contains(secret.dropFirst(start).prefix(8)))
            }
        }
    }

    @Test("nginx closes an idle connection to the service before the service does")
    func idleConnections() throws {
        let upstream = try #require(try Self.text("nginx.conf").split(separator: "}").first)
        let line = upstream.split(separator: "\n").first { $0.contains("keepalive_timeout ") }
        let text = try #require(line, "nginx would keep it for 60 seconds").split(separator: " ").last?.dropLast(2)
        let seconds = try #require(text.flatMap { Int($0) })
        #expect(seconds <= RequestLimits.seconds - 5)
    }

    @Test("nginx accepts nginx.conf as it is, with a certificate")
    func nginxSyntax() throws {
        let folder = try TemporaryDirectory()
        let authority = try PrivateAuthority()
        defer { withExtendedLifetime(authority) {} }
        let (certificate, key) = try authority.issue("server", for: "DNS:podstack.example.com")
        let site = try Self.text("nginx.conf").replacing("/etc/podstack/cert.pem", with: certificate)
            .replacing("/etc/podstack/key.pem", with: key).replacing("/var/log/nginx", with: folder.path)
        let include = try folder.write(site, to: "site.conf")
        let main = try folder.write(
            "pid \(folder.path)/pid; error_log stderr; events {} http { include \(include); }", to: "nginx.conf")
        let check = try ToolProcess(installed: "nginx", ["-e", "stderr", "-t", "-c", main])
        #expect(check.wait() == 0, "\(check.standardError)")
        #expect(!check.standardError.contains("[warn]"), "\(check.standardError)")
        #expect(site.contains("return 301 https://"))
    }

    /// Returns the lines of the code block of a guide that contains a text.
    private func commands(in guide: String, with text: String) throws -> [String] {
        let guide = try String(contentsOfFile: Self.folder + "/../docs/" + guide, encoding: .utf8)
        let block = guide.components(separatedBy: "```").first { $0.hasPrefix("\n") && $0.contains(text) }
        return try #require(block).split(separator: "\n").map(String.init)
    }

    @Test(
        "the guide's steps for nginx make a running nginx serve the service under another host name",
        .enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/curl"), "curl is not installed"))
    func nginxSteps() throws {
        let folder = try TemporaryDirectory()
        let server = try RunningServer()
        let authority = try PrivateAuthority()
        defer { withExtendedLifetime(authority) {} }
        let host = "tokens.example.net"
        let (certificate, key) = try authority.issue("server", for: "DNS:\(host)")
        let files = FileManager.default
        for name in ["deploy", "conf.d", "etc", "log"] {
            try files.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        }
        try files.copyItem(atPath: certificate, toPath: folder.file("fullchain.pem"))
        try files.copyItem(atPath: key, toPath: folder.file("privkey.pem"))
        let port = try LoopbackListener.freePorts(1)[0]
        let nginx = try Nginx(ports: 1, isReloadable: true) { ports in
            // Other programs may use the ports of the file.
            let text = (try? Self.text("nginx.conf")) ?? ""
            let local = [
                ("listen [::]:80;", ""), ("listen [::]:443 ssl;", ""), ("listen 80;", "listen 127.0.0.1:\(ports[0]);"),
                ("listen 443 ssl;", "listen 127.0.0.1:\(port) ssl;"),
                ("server 127.0.0.1:8080;", "server 127.0.0.1:\(server.server.port);"),
                ("/var/log/nginx", folder.file("log")), ("/etc/podstack", folder.file("etc")),
            ].reduce(text) { $0.replacing($1.0, with: $1.1) }
            _ = try? folder.write(local, to: "deploy/nginx.conf")
            // Before the steps, nginx serves something else.
            return "include \(folder.file("conf.d"))/*.conf; "
                + "server { listen 127.0.0.1:\(ports[0]); server_name other; }"
        }
        let main = "-e stderr -c \(nginx.configuration)"
        let steps = try commands(in: "operating.md", with: "nginx -t").map { line in
            [
                ("HOST=podstack.example.com", "HOST=\(host)"),
                ("sudo systemctl reload nginx", "nginx -s reload \(main)"),
                ("sudo nginx -t", "nginx -t \(main)"), ("sudo ", ""), ("/etc/nginx/conf.d", folder.file("conf.d")),
                ("/etc/podstack", folder.file("etc")),
                (
                    "curl ",
                    "curl -sS --max-time 60 --retry 20 --retry-delay 1 --retry-all-errors --fail --cacert \(authority.bundle) "
                        + "--connect-to \(host):443:127.0.0.1:\(port) "
                ),
            ].reduce(line) { $0.replacing($1.0, with: $1.1) }
        }
        #expect(steps.count == 8)
        let script = try folder.writeProgram("set -e\ncd \(folder.path)\n" + steps.joined(separator: "\n"), to: "steps")
        let process = try ToolProcess(installed: "sh", [script])
        #expect(process.wait() == 0, "\(process.standardError)")
        #expect(process.standardOutput.contains(#""status":"ok""#), "\(process.standardOutput)")
        let installed = try String(contentsOfFile: folder.file("conf.d/podstack.conf"), encoding: .utf8)
        #expect(!installed.contains("podstack.example.com") && installed.contains("https://\(host)$request_uri"))
    }

    @Test(
        "systemd accepts the units and the timers",
        .enabled(
            if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze"), "systemd is not installed"))
    func units() throws {
        let folder = try TemporaryDirectory()
        let program = try ToolProcess.path(of: "podstack-server")
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
            .filter { $0.hasSuffix(".service") || $0.hasSuffix(".timer") }.sorted()
        #expect(names.count == 5)
        var files: [String] = []
        for name in names {
            let text = try Self.text(name).replacing("/usr/local/bin/podstack-server", with: program)
            files.append(try folder.write(text, to: name))
            if name.hasSuffix(".timer") { #expect(names.contains(name.replacing(".timer", with: ".service"))) }
        }
        let check = try ToolProcess(installed: "systemd-analyze", ["verify"] + files)
        #expect(check.wait() == 0)
        let problems = (check.standardOutput + check.standardError).split(separator: "\n").filter {
            $0.contains(folder.path)
        }
        #expect(problems == [])
    }
}
