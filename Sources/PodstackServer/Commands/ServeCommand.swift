#if canImport(Glibc)
    import Glibc
#endif

/// `podstack-server serve`.
struct ServeCommand {
    static let flags = [
        "--listen", "--threads", "--max-active-tokens", "--failed-authentications", "--requests-per-minute",
        "--reports-per-minute", "--behind-proxy",
    ]
    /// Seconds between two rounds of housekeeping.
    private static let housekeepingInterval = 5

    private let host: String
    private let port: UInt16
    private let threads: Int
    private let settings: Settings
    private let data: Flags

    init(_ flags: Flags) throws {
        _ = try flags.positional([])
        let listen = try flags.one("--listen") ?? "127.0.0.1:8080"
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw UsageFailure("--listen must be HOST:PORT, such as 127.0.0.1:8080")
        }
        let named = String(listen[..<colon])
        host = named == "localhost" ? "127.0.0.1" : named
        guard host.hasPrefix("127.") else {
            throw UsageFailure(
                "--listen \(named): tokens must not travel in the clear, so this version listens on 127.0.0.1 only")
        }
        self.port = port
        threads = try flags.count("--threads") ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
        settings = Settings(
            maxActiveTokens: try flags.count("--max-active-tokens") ?? 5,
            failedAuthentications: try flags.count("--failed-authentications") ?? 20,
            requests: try flags.count("--requests-per-minute"),
            reports: try flags.count("--reports-per-minute") ?? 60,
            proxies: TrustedProxies(try (flags.all("--behind-proxy") ?? []).map(Self.proxy)))
        data = flags
    }

    private static func proxy(_ text: String) throws(UsageFailure) -> ClientAddress {
        guard let address = ClientAddress(text) else {
            throw UsageFailure("--behind-proxy \(text): must be an IP address")
        }
        return address
    }

    func run() throws {
        // Before any thread starts, so that all of them leave these signals to this one.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)

        let directory = try data.dataDirectory()
        let database = try data.database()
        // Of another database the folder holds the pepper alone, and several instances may share that.
        if database == nil { try directory.lockForServing() }
        let service = try Service(directory: directory, database: database, settings: settings)
        try service.start()
        let handler = service.handler
        let listener = try Listener(address: host, port: port, threads: threads) { handler.handle($0) }
        StandardStream.output.write("podstack-server listening on http://\(host):\(listener.port)\n")
        service.log.write("started", [("address", "\(host):\(listener.port)")])
        waitForSignal(signals, meanwhile: Housekeeping(service))
        listener.stop()
        try service.stop()
        service.log.write("stopped")
    }

    private func waitForSignal(_ signals: sigset_t, meanwhile housekeeping: Housekeeping) {
        var signals = signals
        var interval = timespec(tv_sec: Self.housekeepingInterval, tv_nsec: 0)
        while sigtimedwait(&signals, nil, &interval) < 0 { housekeeping.run() }
    }
}
