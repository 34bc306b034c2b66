import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#endif

/// `podstack-server serve`.
struct ServeCommand {
    static let command = ServerCommand(
        "serve", summary: "Serve the API until SIGTERM, which completes the requests in progress.",
        flags: [
            Flag(
                "listen", value: "ADDRESS:PORT",
                summary: "the address to listen on (default: 127.0.0.1:8080); port 0 selects a free port; an address "
                    + "beyond this machine requires --tls-cert and --tls-key, or --behind-proxy"),
            Flag(
                "threads", value: "N",
                summary: "the threads that handle requests, at most 1024 (default: one per processor)"),
            .maxActiveTokens,
            Flag(
                "max-projects", value: "N",
                summary: "the maximum number of projects of an account, up to 1000000 (default: 100)"),
            Flag(
                "max-pods", value: "N",
                summary: "the maximum number of pods of an account, up to 1000000 (default: 100)"),
            Flag(
                "max-volumes", value: "N",
                summary: "the maximum number of volumes of an account, up to 1000000 (default: 100)"),
            Flag(
                "engine", value: "URL",
                summary: "the container engine that runs the pods: unix:///var/run/docker.sock, or tcp://HOST:2376 "
                    + "with --engine-cert, --engine-key and --engine-ca; with swarm+ before it, a manager of a Docker "
                    + "Swarm, which runs the pods on its nodes (default: none, or what "
                    + "\(ProcessEnvironment.engineURL) says)"),
            Flag(
                "engine-cert", value: "FILE", summary: "the certificate by which the engine knows the service, in PEM",
                values: .files),
            Flag("engine-key", value: "FILE", summary: "the key of that certificate, in PEM", values: .files),
            Flag(
                "engine-ca", value: "FILE",
                summary: "the certificate of the authority that signed the engine's, in PEM",
                values: .files),
            Flag(
                "pods-address", value: "IP",
                summary: "the address at which the ports of pods can be reached (default: 127.0.0.1)"),
            Flag(
                "pod-runtime", value: "NAME",
                summary: "the engine's runtime for pods, such as runsc for gVisor (default: the engine's default)"),
            Flag(
                "requests-per-minute", value: "N",
                summary: "the maximum number of requests with one token in a minute, up to 1000000 (default: no limit)"),
            Flag(
                "failed-authentications", value: "N",
                summary: "the maximum number of failed authentications from one address in a minute, up to 1000000 "
                    + "(default: 20)"),
            Flag(
                "reports-per-minute", value: "N",
                summary: "the maximum number of reports of leaked tokens from one address in a minute, up to 1000000 "
                    + "(default: 60)"),
            Flag(
                "device-codes-per-minute", value: "N",
                summary: "the maximum number of logins that clients start from one address in a minute, up to 1000000 "
                    + "(default: 10)"),
            Flag(
                "public-url", value: "URL",
                summary: "the URL at which browsers reach the service (default: the host that each client uses)"),
            Flag(
                "behind-proxy", value: "IP",
                summary: "a proxy, or a network of proxies such as 10.0.0.0/8, whose X-Forwarded-For or Forwarded "
                    + "header is trusted; may be repeated", isRepeatable: true),
            Flag(
                "tls-cert", value: "FILE",
                summary: "the certificate and its chain, in PEM; SIGHUP reloads it and the key", values: .files),
            Flag("tls-key", value: "FILE", summary: "the key of the certificate, in PEM", values: .files),
            Flag(
                "request-timeout", value: "S",
                summary: "the seconds within which a request must arrive, at most 3600 (default: 30)"),
            Flag(
                "connections-per-network", value: "N",
                summary: "the maximum number of connections from one IPv4 address or one IPv6 network of 64 bits, "
                    + "except proxies, up to 1000000 (default: 256)"),
            Flag(
                "drain-timeout", value: "S",
                summary: "the seconds after SIGTERM within which requests in progress are completed, at most 86400 "
                    + "(default: 20)"),
            .logRequests,
        ],
        examples: [
            "podstack-server serve --listen 127.0.0.1:8080",
            "podstack-server serve --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem",
            "podstack-server serve --engine unix:///var/run/docker.sock",
            "PODSTACK_DATABASE_URL=postgres://podstack@db.example.com/podstack podstack-server serve",
        ]
    ) { try ServeCommand($0).run() }

    private static let housekeepingIntervalSeconds: Int64 = 5
    /// The largest value of an option that is a number of things.
    static let maxCount = 1_000_000

    private let address: ListenAddress
    private let threads: Int
    private let requestTimeoutSeconds: Int
    private let connectionsPerNetwork: Int
    private let drainTimeoutSeconds: Int
    private let settings: ServiceSettings
    private let arguments: Arguments
    /// The files of the certificate and its key.
    private let certificate: (file: String, key: String)?

    init(_ arguments: Arguments) throws {
        do { address = try ListenAddress(arguments.value("listen") ?? "127.0.0.1:8080") } catch {
            throw UsageError("--listen \(error.message)")
        }
        switch (arguments.value("tls-cert"), arguments.value("tls-key")) {
        case (let file?, let key?): certificate = (file, key)
        case (nil, nil): certificate = nil
        default: throw UsageError("--tls-cert and --tls-key must be given together")
        }
        let proxies = arguments.all("behind-proxy")
        let isEncrypted = certificate != nil || proxies != nil
        guard address.isLoopback || isEncrypted else {
            throw UsageError(
                "--listen \(address.host): tokens must not leave this machine unencrypted: give --tls-cert and "
                    + "--tls-key, or name the proxy in front of the service with --behind-proxy")
        }
        requestTimeoutSeconds = try arguments.count("request-timeout", upTo: 3600) ?? RequestLimits.seconds
        connectionsPerNetwork = try arguments.count("connections-per-network", upTo: Self.maxCount) ?? 256
        drainTimeoutSeconds = try arguments.count("drain-timeout", upTo: 86_400) ?? 20
        threads = try arguments.count("threads", upTo: 1024) ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
        settings = ServiceSettings(
            maxActiveTokens: try arguments.count("max-active-tokens", upTo: Self.maxCount) ?? 5,
            maxProjects: try arguments.count("max-projects", upTo: Self.maxCount) ?? 100,
            maxPods: try arguments.count("max-pods", upTo: Self.maxCount) ?? 100,
            maxVolumes: try arguments.count("max-volumes", upTo: Self.maxCount) ?? 100,
            pods: try arguments.podSettings(),
            failedAuthentications: try arguments.count("failed-authentications", upTo: Self.maxCount) ?? 20,
            requests: try arguments.count("requests-per-minute", upTo: Self.maxCount),
            reports: try arguments.count("reports-per-minute", upTo: Self.maxCount) ?? 60,
            deviceCodes: try arguments.count("device-codes-per-minute", upTo: Self.maxCount) ?? 10,
            loggedRequests: arguments.loggedRequests(),
            publicURL: PublicURL(fixed: try arguments.publicURL(), isEncrypted: isEncrypted),
            proxies: TrustedProxies(try (proxies ?? []).map(Self.proxy)))
        self.arguments = arguments
    }

    private static func proxy(_ text: String) throws(UsageError) -> AddressRange {
        do { return try AddressRange(text) } catch {
            throw UsageError("--behind-proxy \(Arguments.displayed(text)) \(error.message)")
        }
    }

    func run() throws {
        // Before other threads start, which inherit the mask, so that only this thread receives these signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        sigaddset(&signals, SIGHUP)
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        Self.ignoreOtherSignals()

        Self.allowManyConnections()
        let directory = try arguments.dataDirectory(actsAsOwner: false)
        let database = try arguments.database()
        // With PostgreSQL, the directory contains only the pepper, which several instances may share.
        if database == nil { try directory.lockForServing() }
        let tls = try certificate.map { try TLSCertificate(certificateFile: $0.file, keyFile: $0.key) }
        let service = try Service(
            directory: directory, database: database, settings: settings, engine: try arguments.engine())
        if let tls { service.metrics.certificateExpires(at: tls.end) }
        try service.start()
        let handler = service.handler
        let proxies = settings.proxies
        let options = ListenerOptions(
            threads: threads, certificate: tls, requestSeconds: requestTimeoutSeconds,
            connectionsPerNetwork: connectionsPerNetwork, isExempt: proxies.contains, streamsBody: handler.streamsBody)
        let listener = try Listener(address, options) { handler.handle($0) }
        service.metrics.collect(listener)
        let url = "\(tls == nil ? "http" : "https")://\(address.host):\(listener.port)"
        let publicURL = settings.publicURL.fixed ?? url
        ServiceAddress.record(publicURL, in: directory)
        StandardStream.output.write("podstack-server listening on \(url)\n")
        service.log.write("started", [("address", "\(address.host):\(listener.port)")])
        let offer = try FirstAccountOffer.create(service, in: directory, at: publicURL)
        let manager = ServiceManager(ProcessEnvironment.value)
        manager?.ready("Serving \(publicURL)")
        work(signals, listener, service, tls, Housekeeping(service, offer), manager)
        manager?.stopping()
        listener.stop(timeoutMilliseconds: drainTimeoutSeconds * 1000)
        service.stop()
        service.log.write("stopped")
    }

    /// Raises the limit of open files, which is 1,024 by default and less than the connections that are kept open.
    private static func allowManyConnections() {
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(files, &limit) == 0 else { return }
        limit.rlim_cur = max(limit.rlim_cur, min(limit.rlim_max, 65_536))
        setrlimit(files, &limit)
    }

    /// Ignores the signals that would end the process by default although they ask nothing of it.
    ///
    /// SIGQUIT would also write a core file, which contains the pepper. A write beyond the limit of SIGXFSZ fails instead.
    private static func ignoreOtherSignals() {
        let named = [
            SIGPIPE, SIGUSR1, SIGUSR2, SIGQUIT, SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT, SIGXFSZ,
        ]
        // The C library itself uses the first two real-time signals.
        for number in named + Array(34...64) { signal(number, SIG_IGN) }
    }

    /// Handles signals and overdue connections until SIGTERM or SIGINT.
    ///
    /// Never waits for the database: housekeeping has a thread of its own.
    private func work(
        _ signals: sigset_t, _ listener: Listener, _ service: Service, _ tls: TLSCertificate?,
        _ housekeeping: Housekeeping, _ manager: ServiceManager?
    ) {
        var signals = signals
        let watchdog = Watchdog(manager, address, port: listener.port)
        var second = timespec(tv_sec: 1, tv_nsec: 0)
        if let watchdog { second = timespec(tv_sec: 0, tv_nsec: watchdog.pauseNanoseconds) }
        var dueAt = MonotonicClock.seconds() + Self.housekeepingIntervalSeconds
        while true {
            switch sigtimedwait(&signals, nil, &second) {
            case SIGHUP:
                let reload = { self.reload(tls, service) }
                if let manager { manager.reloading(reload) } else { reload() }
            case SIGTERM, SIGINT: return
            default: break
            }
            listener.closeOverdue()
            watchdog?.advance()
            guard MonotonicClock.seconds() >= dueAt else { continue }
            housekeeping.start()
            dueAt = MonotonicClock.seconds() + Self.housekeepingIntervalSeconds
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
