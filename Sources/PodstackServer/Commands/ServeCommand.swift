#if canImport(Glibc)
    import Glibc
#endif

/// `podstack-server serve`.
struct ServeCommand {
    /// Seconds between two rounds of housekeeping.
    private static let housekeepingInterval: Int64 = 5

    private let address: ListenAddress
    private let threads: Int
    private let requestTime: Int
    private let settings: ServiceSettings
    private let data: Flags
    /// The files of the certificate and its key.
    private let certificate: (file: String, key: String)?

    init(_ flags: Flags) throws {
        do { address = try ListenAddress(try flags.one("--listen") ?? "127.0.0.1:8080") } catch let mistake
            as ListenAddress.Mistake
        {
            throw UsageFailure("--listen \(mistake.message)")
        }
        switch (try flags.one("--tls-cert"), try flags.one("--tls-key")) {
        case (let file?, let key?): certificate = (file, key)
        case (nil, nil): certificate = nil
        default: throw UsageFailure("--tls-cert and --tls-key go together")
        }
        guard address.isLoopback || certificate != nil || flags.all("--behind-proxy") != nil else {
            throw UsageFailure(
                "--listen \(address.host): tokens must not travel in the clear beyond this machine: give --tls-cert and "
                    + "--tls-key, or name the proxy in front of it with --behind-proxy")
        }
        requestTime = try flags.count("--request-timeout") ?? RequestLimits.seconds
        threads = try flags.count("--threads") ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
        settings = ServiceSettings(
            maxActiveTokens: try flags.count("--max-active-tokens") ?? 5,
            failedAuthentications: try flags.count("--failed-authentications") ?? 20,
            requests: try flags.count("--requests-per-minute"),
            reports: try flags.count("--reports-per-minute") ?? 60,
            deviceCodes: try flags.count("--device-codes-per-minute") ?? 10,
            publicURL: PublicURL(
                fixed: try flags.publicURL(),
                isEncrypted: certificate != nil || flags.all("--behind-proxy") != nil),
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
        sigaddset(&signals, SIGHUP)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        signal(SIGPIPE, SIG_IGN)

        Self.allowManyConnections()
        let directory = try data.dataDirectory()
        let database = try data.database()
        // Of another database the folder holds the pepper alone, and several instances may share that.
        if database == nil { try directory.lockForServing() }
        let tls = try certificate.map { try TLSCertificate(certificateFile: $0.file, keyFile: $0.key) }
        let service = try Service(directory: directory, database: database, settings: settings)
        if let tls { service.metrics.certificateExpires(at: tls.end) }
        try service.start()
        let handler = service.handler
        let listener = try Listener(address, threads: threads, certificate: tls, requestSeconds: requestTime) {
            handler.handle($0)
        }
        let url = "\(tls == nil ? "http" : "https")://\(address.host):\(listener.port)"
        let shown = settings.publicURL.fixed ?? url
        ServiceAddress.note(shown, in: directory)
        StandardStream.output.write("podstack-server listening on \(url)\n")
        service.log.write("started", [("address", "\(address.host):\(listener.port)")])
        let offer = try FirstAccountOffer.make(service, in: directory, at: shown)
        work(signals, listener, service, tls, offer)
        listener.stop()
        try service.stop()
        service.log.write("stopped")
    }

    /// The usual limit of 1,024 open files is less than the connections that are kept.
    private static func allowManyConnections() {
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(files, &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
        setrlimit(files, &limit)
    }

    /// Until a signal says to stop.
    private func work(
        _ signals: sigset_t, _ listener: Listener, _ service: Service, _ tls: TLSCertificate?,
        _ offer: FirstAccountOffer?
    ) {
        var (signals, offer) = (signals, offer)
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        let housekeeping = Housekeeping(service)
        var isDueAt = MonotonicClock.seconds() + Self.housekeepingInterval
        while true {
            switch sigtimedwait(&signals, nil, &second) {
            case SIGHUP: reload(tls, service)
            case SIGTERM, SIGINT: return
            default: break
            }
            listener.closeOverdue()
            guard MonotonicClock.seconds() >= isDueAt else { continue }
            housekeeping.run()
            if offer?.withdrawIfOver() == true { offer = nil }
            isDueAt = MonotonicClock.seconds() + Self.housekeepingInterval
        }
    }

    private func reload(_ tls: TLSCertificate?, _ service: Service) {
        guard let tls else { return }
        do {
            try tls.reload()
            service.metrics.certificateExpires(at: tls.end)
            service.log.write("certificate_reloaded")
        } catch {
            let reason = (error as? SetupFailure)?.message ?? ""
            service.log.write("certificate_not_reloaded", level: "error", [("reason", reason)])
        }
    }
}
