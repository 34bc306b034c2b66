import CPosix
import PodstackCommandLine

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// `podstack-server doctor`: checks everything that the service depends on, and changes nothing.
struct DoctorCommand {
    static let command = ServerCommand(
        "doctor",
        summary: "Check what the service depends on, and list what is wrong in the order of importance. Changes "
            + "nothing.",
        flags: [.output] + ServeCommand.command.flags,
        details: "Give it the options with which the service runs. The exit status is 0 without problems, and 1 "
            + "with some.",
        examples: [
            "podstack-server doctor --data /var/lib/podstack",
            "podstack-server doctor --data /var/lib/podstack --tls-cert cert.pem --tls-key key.pem --output json",
        ]
    ) { arguments in
        let report = try DoctorCommand(arguments).run()
        StandardStream.output.write(arguments.isJSON ? try report.json() : report.text)
        if report.problems > 0 { throw ReportedProblems() }
    }

    private let arguments: Arguments
    private let path: String
    private let database: PostgresURL?
    private let engine: (any PodEngine)?
    private var report = DoctorReport()

    private init(_ arguments: Arguments) throws {
        // Rejects wrong options with the errors of serve.
        _ = try ServeCommand(arguments)
        engine = try arguments.engine()
        self.arguments = arguments
        path = arguments.value("data") ?? DataDirectory.defaultPath
        database = try arguments.database()
    }

    private func run() throws -> DoctorReport {
        var doctor = self
        doctor.checkAll()
        return doctor.report
    }

    private mutating func checkAll() {
        let clockBefore = Self.clockDifference()
        let directory = DoctorDirectory(path, hasDatabase: database == nil)
        directory.actAsOwner()
        directory.check(&report)
        // A full disk is also the reason of other findings.
        if directory.exists { DoctorDirectory.checkSpace(of: path, &report) }
        let peppers = directory.checkPeppers(&report)
        let newestEvent = DoctorDatabase(directory, database, peppers).check(&report)
        checkTLS()
        checkAddresses()
        checkDescriptors()
        checkClock(newestEvent: newestEvent, before: clockBefore)
        checkEngine()
    }

    // MARK: - Container engine

    private mutating func checkEngine() {
        guard let engine else { return }
        do {
            let capabilities = try engine.capabilities()
            let gpus = (capabilities.gpus ?? [:]).sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
            report.add(
                .ok(
                    "engine",
                    "\(capabilities.name) responds with version \(capabilities.apiVersion) of its API"
                        + (gpus.isEmpty ? "." : " and has the GPUs \(gpus.joined(separator: ", ")).")))
            for warning in capabilities.warnings {
                report.add(
                    "engine", .warning, "\(warning).",
                    "Until that is changed, the node runs no pods, or none with GPUs.")
            }
            if capabilities.isCluster, arguments.value("pods-address") == nil {
                report.add(
                    "engine", .note, "pods with ports are refused, because a swarm publishes them on all addresses.",
                    "Allow it with --pods-address 0.0.0.0.")
            }
        } catch {
            report.add(
                "engine", .critical, "\((error as? EngineFailure)?.reason ?? Self.reason(error)).",
                "See \"The container engine\" in docs/operating.md for what pods need.")
        }
    }

    // MARK: - Certificate

    private static let renewalSeconds: Int64 = 14 * 86_400

    private mutating func checkTLS() {
        guard let file = arguments.value("tls-cert"), let key = arguments.value("tls-key") else { return }
        do {
            _ = try TLSCertificate(certificateFile: file, keyFile: key)
            let host = arguments.value("public-url").flatMap(Self.host)
            let certificate = try CertificateInspection(file: file, host: host)
            checkTimes(of: certificate, file)
            if !certificate.isChainInOrder {
                report.add(
                    "tls", .critical, "the certificates in \(file) are not in order.",
                    "Put the certificate of the host first, and after each one the certificate of its issuer.")
            }
            if certificate.lacksIntermediate {
                report.add(
                    "tls", .warning, "\(file) contains one certificate and not that of its issuer.",
                    "Add the intermediate certificates, unless the issuer is one that clients know themselves.")
            }
            if certificate.isSelfSigned {
                report.add(
                    "tls", .note, "the certificate in \(file) is self-signed.",
                    "Clients reject it unless they "
                        + "are told to trust it.")
            }
            if certificate.matchesHost == false {
                report.add(
                    "tls", .critical, "the certificate in \(file) is not for the host of --public-url.",
                    "Use a certificate whose names include \(host ?? "the host").")
            }
        } catch {
            report.add(
                "tls", .critical, "\(Self.reason(error)).",
                "Give the service's user files that it can read, with the key that belongs to the certificate, "
                    + "in PEM.")
        }
    }

    private mutating func checkTimes(of certificate: CertificateInspection, _ file: String) {
        let now = Service.systemClock()
        if certificate.end <= now {
            report.add(
                "tls", .critical, "a certificate in \(file) expired at \(displayedTime(certificate.end)).",
                "Renew it, and send SIGHUP to the service.")
        } else if certificate.begin > now {
            report.add(
                "tls", .critical, "a certificate in \(file) is not valid before \(displayedTime(certificate.begin)).",
                "Check the clock of this machine, or wait.")
        } else if certificate.end - now < Self.renewalSeconds {
            report.add(
                "tls", .warning, "a certificate in \(file) expires at \(displayedTime(certificate.end)).",
                "Renew it, and send SIGHUP to the service.")
        } else {
            report.add(.ok("tls", "the certificate is valid until \(displayedTime(certificate.end))."))
        }
    }

    private static func host(of url: String) -> String? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let authority = url[scheme.upperBound...].prefix { $0 != "/" }
        guard !authority.hasPrefix("[") else { return String(authority.dropFirst().prefix { $0 != "]" }) }
        return String(authority.prefix { $0 != ":" })
    }

    // MARK: - Addresses

    private mutating func checkAddresses() {
        let count = report.findings.count
        let proxies = arguments.all("behind-proxy") ?? []
        let hasTLS = arguments.value("tls-cert") != nil
        let listensPublicly = (try? ListenAddress(arguments.value("listen") ?? "127.0.0.1:8080"))?.isLoopback == false
        if listensPublicly, !hasTLS, proxies.allSatisfy(Self.isLoopback) {
            report.add(
                "proxy", .warning,
                "the proxy is on this machine, but other machines can reach the service "
                    + "without it and without TLS.",
                "Listen on 127.0.0.1, or give --tls-cert and --tls-key.")
        }
        guard let url = arguments.value("public-url") else {
            if !proxies.isEmpty {
                report.add(
                    "public_url", .warning, "--behind-proxy is given without --public-url.",
                    "Name the URL at which browsers reach the service, so that links and the check of forms do "
                        + "not depend on the "
                        + "Host header.")
            }
            if report.findings.count == count { report.add(.ok("proxy", "the addresses fit together.")) }
            return
        }
        let isHTTPS = url.lowercased().hasPrefix("https://")
        let host = Self.host(of: url) ?? ""
        if isHTTPS, !hasTLS, proxies.isEmpty {
            report.add(
                "public_url", .critical,
                "--public-url is https, but the service has no certificate and no "
                    + "proxy in front of it.",
                "Give --tls-cert and --tls-key, or name the proxy with --behind-proxy.")
        }
        if !isHTTPS, hasTLS || !proxies.isEmpty, !Self.isLoopback(host) {
            report.add(
                "public_url", .warning, "--public-url is http, so browsers send passwords and cookies unencrypted.",
                "Use https.")
        }
        if Self.isLoopback(host), listensPublicly {
            report.add(
                "public_url", .warning, "--public-url names this machine only, but the service listens for others.",
                "Name the URL at which browsers reach the service.")
        }
        if report.findings.count == count { report.add(.ok("public_url", "the addresses fit together.")) }
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }

    // MARK: - Limits

    /// Descriptors for 2,000 connections, the database and files.
    private static let descriptorsNeeded: rlim_t = 4096

    private mutating func checkDescriptors() {
        var limit = rlimit()
        #if os(Linux)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0 else { return }
        // serve raises the soft limit itself.
        guard limit.rlim_max < Self.descriptorsNeeded else {
            return report.add(.ok("descriptors", "the limit on open files is high enough."))
        }
        report.add(
            "descriptors", .warning,
            "a process may open only \(counted(limit.rlim_max, "file")), less than 2,000 connections need.",
            "Raise the limit, for systemd with LimitNOFILE=65536. The limit of the service may differ from that "
                + "of this command.")
    }

    // MARK: - Clock

    private static let newestEventTolerance: Int64 = 5
    /// The beginning of 2025: no release of the service is older.
    private static let earliestTime: Int64 = 1_735_689_600

    /// Returns the wall clock minus the monotonic clock, in nanoseconds.
    private static func clockDifference() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) - MonotonicClock.nanoseconds
    }

    private mutating func checkClock(newestEvent: Int64?, before: Int64) {
        let now = Service.systemClock()
        let count = report.findings.count
        if now < Self.earliestTime {
            report.add(
                "clock", .critical,
                "the clock of this machine says \(displayedTime(now)), which has passed "
                    + "long ago.",
                "Set the clock, and start a time synchronization such as systemd-timesyncd or chrony.")
        }
        if let newestEvent, newestEvent > now + Self.newestEventTolerance {
            report.add(
                "clock", .critical,
                "the newest audit event is from \(displayedTime(newestEvent)), which this clock has not reached yet.",
                "The clock is behind, or was ahead when the event was recorded: check the time synchronization. "
                    + "Tokens expire "
                    + "by this clock.")
        }
        let step = Self.clockDifference() - before
        if abs(step) > 1_000_000_000 {
            report.add(
                "clock", .warning,
                "the clock was changed by \(counted(step / 1_000_000_000, "second")) during the checks.",
                "Check the time synchronization.")
        }
        switch podstack_clock_is_synchronized() {
        case 0:
            report.add(
                // Not a problem by itself: the host of a virtual machine may set the clock.
                "clock", .note, "the system does not regard the clock as synchronized.",
                "Unless the host of this machine sets the clock, start a time synchronization such as "
                    + "systemd-timesyncd or chrony.")
        case 1 where report.findings.count == count: report.add(.ok("clock", "the clock is synchronized."))
        case 1: break
        default: report.add("clock", .note, "the system does not say whether the clock is synchronized.")
        }
    }

    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as SetupFailure: error.message
        case let error as DatabaseFailure: error.reason
        default: "an unexpected error occurred"
        }
    }
}
