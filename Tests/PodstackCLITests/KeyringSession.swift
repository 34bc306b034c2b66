import PodstackTestSupport
import Testing

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A desktop session with its own bus and keyring, and without a user to answer questions.
final class KeyringSession: Sendable {
    let home: TemporaryDirectory
    private let bus: ToolProcess
    private let keyring: ToolProcess?
    let environment: [String: String]

    /// Starts the bus and, if `hasKeyring` is true, the keyring.
    init(hasKeyring: Bool = true) throws {
        home = try TemporaryDirectory()
        let address = "unix:path=\(home.file("bus"))"
        environment = ["HOME": home.path, "XDG_RUNTIME_DIR": home.path, "DBUS_SESSION_BUS_ADDRESS": address]
        // The bus starts no programs: one that asks a user would need a screen, and outlive the test.
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
        try blockUntil(within: .seconds(20), "the keyring responds") { try tool(["check"]).status == 0 }
    }

    /// Runs `podstack-keyring`.
    func tool(_ words: [String]) throws -> (status: Int32, output: String, error: String) {
        try ToolProcess.run("podstack-keyring", words, environment: environment)
    }

    /// Locks the keyring, as the screen lock of a desktop may do.
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
