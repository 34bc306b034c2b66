import PodstackAPI
import PodstackCommandLine
import PodstackSystem

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

// MARK: - Flags of several commands

extension Flag {
    static let data = Flag(
        "data", value: "DIR", summary: "the data directory (default: \(DataDirectory.defaultPath))", values: .files)

    static let database = Flag(
        "database", value: "URL",
        summary: "use the PostgreSQL database postgres://USER@HOST/NAME; DIR then contains only the pepper, "
            + "which all "
            + "instances share. \(ProcessEnvironment.databaseURL) has the same effect, and does not reveal a "
            + "password")

    static let publicURL = Flag(
        "public-url", value: "URL",
        summary: "the URL at which browsers reach the service (default: the address at which it last listened)")

    static let logRequests = Flag(
        "log-requests", value: "WHICH",
        summary: "the requests that the log contains: all, changes (all but GET and HEAD, and failures of the "
            + "service) or "
            + "errors (those with status 400 and above) (default: changes)",
        values: .choices(LoggedRequests.allCases.map(\.rawValue)))

    static let maxActiveTokens = Flag(
        "max-active-tokens", value: "N",
        summary: "the maximum number of active tokens of an account, up to 1000000 (default: 5)")
}

extension Arguments {
    private var dataPath: String { value("data") ?? DataDirectory.defaultPath }

    /// Returns the data directory, and creates it if it does not exist.
    ///
    /// - Parameter actsAsOwner: Whether root continues as the owner of the directory, so that it leaves no files that the
    ///   service cannot read.
    /// - Returns: The directory.
    /// - Throws: ``SetupFailure`` if the directory cannot be used.
    func dataDirectory(actsAsOwner: Bool = true) throws -> DataDirectory {
        if actsAsOwner { DataDirectory.actAsOwner(of: dataPath) }
        return try DataDirectory(dataPath)
    }

    /// Returns the data directory, which must have a database.
    func existingDataDirectory(actsAsOwner: Bool = true) throws -> DataDirectory {
        if actsAsOwner { DataDirectory.actAsOwner(of: dataPath) }
        return try .existing(dataPath)
    }

    /// Returns the URL of the PostgreSQL database; nil for the database in the data directory.
    func database() throws(UsageError) -> PostgresURL? {
        let given = value("database")
        let variable = ProcessEnvironment.databaseURL
        guard let text = given ?? ProcessEnvironment.value(variable) else { return nil }
        guard let url = PostgresURL(text) else {
            throw UsageError(
                "\(given == nil ? variable : "--database") must be a URL such as postgres://HOST/NAME; with several hosts, "
                    + "target_session_attrs must be read-write or primary")
        }
        if given != nil, url.hasPassword {
            StandardStream.error.write(
                "warning: others on this machine can see a password on the command line; use \(variable)\n")
        }
        return url
    }

    /// Opens the service of the data directory and the database, whose schema must be up to date.
    ///
    /// Only `serve` and `migrate` update a schema, so that a command of a newer program does not change the database of a
    /// running older one.
    func service() throws -> Service {
        try Service(
            directory: try dataDirectory(), database: try database(), updatesSchema: false,
            settings: ServiceSettings(maxActiveTokens: try count("max-active-tokens", upTo: ServeCommand.maxCount) ?? 5)
        )
    }

    /// Returns the requests that `--log-requests` names.
    func loggedRequests() -> LoggedRequests { value("log-requests").flatMap(LoggedRequests.init) ?? .changes }

    /// Returns the URL of `--public-url`; nil when it is not given.
    func publicURL() throws(UsageError) -> String? {
        guard let text = value("public-url") else { return nil }
        do { return try PublicURL.checked(text) } catch { throw UsageError("--public-url \(error.message)") }
    }
}

// MARK: - The engine of the pods

extension Arguments {
    /// Returns the engine that `--engine` or the environment names; nil for none.
    ///
    /// - Throws: `UsageError` if the URL is invalid, or does not go together with the certificates.
    func engine() throws -> (any PodEngine)? {
        let files = ["engine-cert", "engine-key", "engine-ca"].map { value($0) }
        guard let url = value("engine") ?? ProcessEnvironment.value(ProcessEnvironment.engineURL) else {
            guard files.allSatisfy({ $0 == nil }) else {
                throw UsageError("--engine-cert, --engine-key and --engine-ca need --engine")
            }
            return nil
        }
        var identity: EngineEndpoint.Identity?
        switch (files[0], files[1], files[2]) {
        case (nil, nil, nil): break
        case (let certificate?, let key?, let authorities?):
            identity = EngineEndpoint.Identity(
                certificate: FilePath(certificate), key: FilePath(key), authorities: FilePath(authorities))
        default: throw UsageError("--engine-cert, --engine-key and --engine-ca must be given together")
        }
        let endpoint: EngineEndpoint
        do { endpoint = try EngineEndpoint(url, identity: identity) } catch { throw UsageError(error.reason) }
        switch endpoint.kind {
        case .docker: return DockerEngine(endpoint.address)
        case .swarm:
            guard value("pod-runtime") == nil else {
                throw UsageError(
                    "--pod-runtime does not go together with Docker Swarm, which runs pods with the default-runtime "
                        + "that the engine of each node has in its configuration")
            }
            return SwarmEngine(endpoint.address, identity: endpoint.identity)
        }
    }

    /// Returns the settings of pods.
    func podSettings() throws(UsageError) -> PodWorker.Settings {
        var settings = PodWorker.Settings()
        if let text = value("pods-address") {
            guard ClientAddress(text) != nil else {
                throw UsageError("--pods-address \(Arguments.displayed(text)) is not an IP address")
            }
            settings.publishAddress = text
        }
        if let name = value("pod-runtime") {
            let isName = name.utf8.allSatisfy {
                $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_") || Base62.isDigit($0)
            }
            guard (1...63).contains(name.utf8.count), isName else {
                throw UsageError("--pod-runtime must be the name of a runtime of the engine, such as runsc")
            }
            settings.runtime = name
        }
        return settings
    }
}

/// The environment variables of this process.
enum ProcessEnvironment {
    static let databaseURL = "PODSTACK_DATABASE_URL"
    static let engineURL = "PODSTACK_ENGINE"

    /// Returns the value of a variable; nil when it is not set or empty.
    static func value(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
    }
}

/// The URL at which browsers reach the service that last used a data directory, for the links that commands print.
enum ServiceAddress {
    private static let longest = 2048

    private static func path(in directory: DataDirectory) -> String { directory.path + "/address" }

    /// Stores the URL in the data directory.
    ///
    /// Failures are ignored: commands then use the default URL.
    static func record(_ url: String, in directory: DataDirectory) {
        let descriptor = open(path(in: directory), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        _ = url.utf8.withContiguousStorageIfAvailable { write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Returns the URL of `--public-url`, the recorded URL, or the URL of a service with default flags.
    static func find(_ arguments: Arguments, in directory: DataDirectory) throws -> String {
        if let given = try arguments.publicURL() { return given }
        let recorded = try? SetupFile.read(path(in: directory), maxBytes: longest)
        let text = recorded.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return (try? PublicURL.checked(text)) ?? "http://127.0.0.1:8080"
    }
}
