import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A session with a bus and a keyring of its own, such as a desktop has; nobody is there to be asked anything.
final class KeyringSession: Sendable {
    let home: TemporaryDirectory
    private let bus: ToolProcess
    private let keyring: ToolProcess?
    let environment: [String: String]

    /// - Parameter hasKeyring: Without one, there is the bus alone.
    init(hasKeyring: Bool = true) throws {
        home = try TemporaryDirectory()
        let address = "unix:path=\(home.file("bus"))"
        environment = ["HOME": home.path, "XDG_RUNTIME_DIR": home.path, "DBUS_SESSION_BUS_ADDRESS": address]
        // It starts no programs: one that asks would need a screen, and outlive the test.
        let configuration = try home.write(
            """
            <busconfig><type>session</type><listen>\(address)</listen><policy context="default">
            <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
            </policy></busconfig>
            """, to: "bus.conf")
        bus = try ToolProcess(
            attached: "dbus-daemon", ["--config-file=\(configuration)", "--nofork", "--nosyslog", "--print-address"],
            removing: home.path)
        try bus.waitForOutput { $0.contains("unix:path=") }
        guard hasKeyring else {
            keyring = nil
            return
        }
        let password = try home.write("password", to: "password")
        let variables = environment.map { "\($0.key)='\($0.value)'" }.joined(separator: " ")
        let daemon = "PATH=$PATH:/usr/bin gnome-keyring-daemon --foreground --unlock --components=secrets"
        keyring = try ToolProcess(attached: "/bin/sh", ["-c", "exec env \(variables) \(daemon) <'\(password)'"])
        var questions = 0
        while try tool(["check"]).status != 0 {
            usleep(20_000)
            questions += 1
            try #require(questions < 1000, "no keyring answers: \(keyring?.standardError ?? "")")
        }
    }

    /// Runs `podstack-keyring`.
    func tool(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-keyring", words, environment: environment)
    }

    /// As the screen lock of a desktop may do.
    func lock() throws {
        let path = "/org/freedesktop/secrets"
        let result = try ToolProcess.run(
            "/usr/bin/dbus-send",
            [
                "--session", "--print-reply", "--dest=org.freedesktop.secrets", path,
                "org.freedesktop.Secret.Service.Lock", "array:objpath:\(path)/collection/login",
            ], environment: environment)
        #expect(result.status == 0, "\(result.error)")
    }
}
