import Foundation
import PodstackTestSupport
import Testing

@testable import PodstackServer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A socket to which a service reports its state, like that of systemd.
private final class NotifySocket: Sendable {
    let descriptor: Int32
    let name: String

    /// Opens the socket at a path, or at an abstract name after `@`.
    init(_ name: String) throws {
        self.name = name
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(name.utf8)) }
        if name.hasPrefix("@") { address.sun_path.0 = 0 }
        let size = socklen_t(2 + name.utf8.count)
        let isBound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
        }
        guard isBound else { throw POSIXError(.EADDRINUSE) }
    }

    deinit { close(descriptor) }

    /// Returns the next message, or nil if there is none within the time.
    func next(seconds: Int) -> String? {
        var limit = timeval(tv_sec: seconds, tv_usec: seconds == 0 ? 1000 : 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &bytes, bytes.count, 0)
        return count < 0 ? nil : String(decoding: bytes.prefix(count), as: UTF8.self)
    }

    /// Returns the next message that is not a sign of life.
    func nextChange() -> String? {
        for _ in 0..<200 {
            guard let message = next(seconds: 60) else { return nil }
            if message != "WATCHDOG=1" { return message }
        }
        return nil
    }
}

@Suite("The service manager", .blocking, .timeLimit(.perTest))
struct ServiceManagerTests {
    let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    @Test(
        "hears when the real program accepts requests, works, reloads and stops", arguments: [false, true],
        [false, true])
    func states(isAbstract: Bool, hasTLS: Bool) throws {
        let manager = try NotifySocket(
            isAbstract ? "@podstack-test-\(UInt64.random(in: 0...UInt64.max))" : folder.file("notify"))
        var words = ["serve", "--listen", "127.0.0.1:0", "--data", folder.file("data")]
        let authority = try PrivateAuthority()
        defer { withExtendedLifetime(authority) {} }
        if hasTLS {
            let (certificate, key) = try authority.issue("server", for: "IP:127.0.0.1")
            #expect(chmod(key, 0o600) == 0)
            words += ["--tls-cert", certificate, "--tls-key", key]
        }
        let process = try ToolProcess(
            "podstack-server", words,
            environment: ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "400000"])
        defer { process.signal(SIGKILL) }
        let ready = try #require(manager.next(seconds: 60))
        #expect(ready.hasPrefix("READY=1\nSTATUS=Serving http"))
        let line = process.standardOutput.prefix { $0 != "\n" }
        let port = try #require(UInt16(line.split(separator: ":").last ?? ""))
        if !hasTLS { #expect(try RawHTTP(port: port).request("GET", "/healthz").status == 200) }
        for _ in 0..<3 { #expect(manager.next(seconds: 60) == "WATCHDOG=1") }
        process.signal(SIGHUP)
        let reloading = try #require(manager.nextChange())
        #expect(reloading.wholeMatch(of: /RELOADING=1\nMONOTONIC_USEC=[0-9]+/) != nil, "\(reloading)")
        #expect(manager.nextChange() == "READY=1")
        #expect(manager.next(seconds: 60) == "WATCHDOG=1")
        process.signal(SIGTERM)
        #expect(manager.nextChange()?.hasPrefix("STOPPING=1\n") == true)
        #expect(process.wait() == 0)
        #expect(process.standardError.contains(#""event":"stopped""#))
    }

    @Test("is not told that the service works while an event thread does not respond")
    func stalled() throws {
        let manager = try NotifySocket(folder.file("notify"))
        let gate = Gate()
        let address = try ListenAddress("127.0.0.1:0")
        let listener = try Listener(address, ListenerOptions()) { _ in
            gate.pass()
            return .ready(Response(status: 200), requestID: "")
        }
        defer {
            gate.open()
            listener.stop()
        }
        let environment = ["NOTIFY_SOCKET": manager.name, "WATCHDOG_USEC": "100", "WATCHDOG_PID": "\(getpid())"]
        let watchdog = try #require(
            Watchdog(ServiceManager { environment[$0] }, address, port: listener.port))
        try blockUntil(within: .seconds(60), "a request reaches the handler") {
            watchdog.advance()
            return gate.held > 0
        }
        for _ in 0..<200 { watchdog.advance() }
        #expect(manager.next(seconds: 0) == nil)
        gate.open()
        try blockUntil(within: .seconds(60), "there is a message") {
            watchdog.advance()
            return manager.next(seconds: 0) == "WATCHDOG=1"
        }
    }

    @Test("expects signs of life only if it says so to this process")
    func watchdogVariables() throws {
        let manager = try NotifySocket(folder.file("notify"))
        func microseconds(_ variables: [String: String]) -> Int64? {
            ServiceManager { ["NOTIFY_SOCKET": manager.name].merging(variables) { $1 }[$0] }?.watchdogMicroseconds
        }
        #expect(microseconds(["WATCHDOG_USEC": "60000000"]) == 60_000_000)
        #expect(microseconds(["WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "\(getpid())"]) == 60_000_000)
        for variables in [
            [:], ["WATCHDOG_USEC": "0"], ["WATCHDOG_USEC": "x"], ["WATCHDOG_USEC": "-1"],
            ["WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"],
        ] {
            #expect(microseconds(variables) == nil, "\(variables)")
        }
    }

    @Test("is optional: without a usable socket, the program serves all the same")
    func missing() throws {
        for name in [
            "", "relative", "@", "/", folder.file("nothing"), "/" + String(repeating: "x", count: 200), "vsock:2:3",
        ] {
            #expect(ServiceManager { ["NOTIFY_SOCKET": name][$0] } == nil, "\(name)")
        }
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", folder.file("data")],
            environment: ["NOTIFY_SOCKET": folder.file("nothing"), "WATCHDOG_USEC": "400000"])
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("listening on") }
    }

    @Test("signals that ask nothing of the service do it no harm")
    func signals() throws {
        let process = try ToolProcess(
            "podstack-server", ["serve", "--listen", "127.0.0.1:0", "--data", folder.file("data")])
        defer { process.signal(SIGKILL) }
        try process.waitForOutput { $0.contains("first-account-link\n") }
        let line = process.standardOutput.prefix { $0 != "\n" }
        let port = try #require(UInt16(line.split(separator: ":").last ?? ""))
        let named = [SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGXFSZ]
        for number in named + [34, 50, 64] {
            process.signal(number)
            #expect(try RawHTTP(port: port).request("GET", "/readyz").status == 200, "\(number)")
        }
        process.signal(SIGTERM)
        #expect(process.wait() == 0)
    }
}
