import PodstackSystem
import Podstack
import PodstackAPI
import PodstackTransport
import Synchronization

/// An object that has operations: a client, a login, or the request of a login.
protocol OperationTarget: HandleObject {
    /// The routes to the caller; nil if the object has no callbacks.
    var requests: CallerRequests? { get }

    /// Returns the operation with a name.
    ///
    /// - Parameters:
    ///   - name: The name, such as `auth.whoami`.
    ///   - arguments: The arguments as JSON.
    /// - Returns: A closure that performs the operation and returns its result as JSON.
    /// - Throws: ``InterfaceError`` if there is no such operation.
    func operation(_ name: String, _ arguments: [UInt8]) throws -> @Sendable () async throws -> [UInt8]
}

/// A client, and what it was created from.
final class ClientObject: OperationTarget {
    /// The client of this process.
    private let client: ForkLocal<Client>
    let requests: CallerRequests?

    /// Creates a client.
    ///
    /// - Parameters:
    ///   - arguments: The arguments of ``Client``, and `environment`, `credentials`, `transport`, `events` and
    ///     `certificate_authorities`.
    ///   - warn: Receives the warnings about the settings.
    /// - Throws: The errors of ``Client``.
    init(_ arguments: Arguments, warn: @escaping @Sendable (String) -> Void) throws {
        let credentials = try arguments.object("credentials")
        let asksForCredentials = try credentials?.string("kind") == "caller"
        let (hasTransport, hasEvents) = (try arguments.flag("transport"), try arguments.flag("events"))
        let requests = asksForCredentials || hasTransport || hasEvents ? CallerRequests() : nil
        self.requests = requests
        var options = try Self.options(arguments)
        if hasTransport, let requests { options.transport = CallerTransport(requests: requests) }
        if hasEvents, let requests {
            options.onEvent = { event in
                if !requests.deliver(.event(event.fields)), case .warning(let text) = event {
                    // Only the initializer reports outside of a call.
                    warn(PythonNames.text(text))
                }
            }
        }
        let (project, endpoint) = (try arguments.string("project_id"), try arguments.string("api_endpoint"))
        let connect = try Self.connection(arguments)
        func keep(_ client: Client) -> ForkLocal<Client> {
            ForkLocal(client) { [options] in
                $0.reconnected(
                    by: requests.flatMap { hasTransport ? CallerTransport(requests: $0) : nil }
                        ?? connect(options.environment))
            }
        }
        guard let credentials else {
            client = keep(
                try Client(
                    apiToken: try arguments.string("api_token"), profile: try arguments.string("profile"),
                    projectID: project, apiEndpoint: endpoint, options: options))
            return
        }
        func create(_ provider: some CredentialProvider) throws -> ForkLocal<Client> {
            keep(try Client(credentials: provider, projectID: project, apiEndpoint: endpoint, options: options))
        }
        switch (try credentials.string("kind"), requests) {
        case ("caller", let requests?): client = try create(CallerCredentials(requests: requests))
        case ("static", _): client = try create(.static(APIToken(try credentials.required("token"))))
        case ("environment", _): client = try create(.environment(options.environment))
        case ("file", _):
            let path = try credentials.string("path") ?? CredentialsFile.path(options.environment)
            client = try create(.file(path, profile: try credentials.string("profile") ?? "default"))
        case ("process", _):
            client = try create(
                .process(command: try credentials.required("command"), environment: options.environment))
        default: throw InterfaceError.argument("credentials", "a provider")
        }
    }

    static func options(_ arguments: Arguments) throws -> ClientOptions {
        var options = ClientOptions()
        options.time.sleep = { try await Timers.sleep($0) }
        if let variables = try arguments.texts("environment") { options.environment = PodstackEnvironment(variables) }
        if let timeout = try arguments.duration("timeout") { options.timeout = timeout }
        if let retry = try arguments.object("retry") {
            if let count = try retry.integer("max_retries") { options.retry.maxRetries = count }
            if let factor = try retry.number("backoff_factor") { options.retry.backoffFactor = factor }
            if let conditions = try retry.strings("retry_on") {
                options.retry.retryOn = Set(
                    try conditions.map { name in
                        guard let condition = RetryConfiguration.Condition(rawValue: name) else {
                            throw InterfaceError.argument("retry_on", "one of the documented conditions")
                        }
                        return condition
                    })
            }
            if let delay = try retry.duration("initial_delay") { options.retry.initialDelay = delay }
            if let delay = try retry.duration("max_delay") { options.retry.maxDelay = delay }
        }
        if arguments.has("certificate_authorities") {
            options.transport = try connection(arguments)(options.environment)
        }
        return options
    }

    /// Returns a closure that creates the default transport, with the machine's certificate authorities.
    private static func connection(
        _ arguments: Arguments
    ) throws -> @Sendable (PodstackEnvironment) -> any Transport {
        let authorities = try arguments.string("certificate_authorities")
        return { environment in
            var options = ConnectionOptions(environment: environment)
            options.certificateAuthorities = options.certificateAuthorities ?? authorities
            return CurlTransport(options: options)
        }
    }

    func operation(_ name: String, _ arguments: [UInt8]) throws -> @Sendable () async throws -> [UInt8] {
        let client = client.current
        if let work = PodOperations.streams[name] {
            return { [requests] in
                try StreamObject.open(requests, try work(client, Arguments(arguments)))
            }
        }
        guard let operation = ClientOperations.all[name] ?? PodOperations.all[name] else {
            throw InterfaceError.noOperation(name)
        }
        return { try await operation(client, Arguments(arguments)) }
    }

    func close() {}
}

/// A login for a program without a token.
final class LoginObject: OperationTarget {
    private let login: DeviceLogin
    let requests: CallerRequests?
    private let forks = Fork.count

    init(_ arguments: Arguments) throws {
        let hasTransport = try arguments.flag("transport")
        // The wait for the user's decision reports the time that is left.
        let requests = CallerRequests()
        self.requests = requests
        let options = try ClientObject.options(arguments)
        login = try DeviceLogin(
            apiEndpoint: try arguments.string("api_endpoint"), timeout: options.timeout,
            environment: options.environment,
            transport: hasTransport ? CallerTransport(requests: requests) : options.transport, time: options.time,
            onEvent: { event in requests.deliver(.event(event.fields)) })
    }

    func operation(_ name: String, _ arguments: [UInt8]) throws -> @Sendable () async throws -> [UInt8] {
        guard name == "begin" else { throw InterfaceError.noOperation(name) }
        guard forks == Fork.count else { throw InterfaceError.forked }
        return { [login, requests] in
            let arguments = try Arguments(arguments)
            let request = try await login.begin(
                clientName: try arguments.required("client_name"), scopes: try arguments.names("scopes"))
            let handle = Handles.add(LoginRequestObject(request, requests))
            return try APICoding.encode(
                [
                    "handle": .integer(Int(handle)),
                    "user_code": .string(request.userCode),
                    "verification_uri": .string(request.verificationURI),
                    "verification_uri_complete": .string(request.verificationURIComplete),
                    "lifetime": .number(request.lifetime / .seconds(1)),
                ] as [String: JSONValue])
        }
    }

    func close() {}
}

/// A code that a user has yet to approve.
final class LoginRequestObject: OperationTarget {
    private let request: DeviceLoginRequest
    let requests: CallerRequests?
    private let forks = Fork.count

    init(_ request: DeviceLoginRequest, _ requests: CallerRequests?) {
        self.request = request
        self.requests = requests
    }

    func operation(_ name: String, _ arguments: [UInt8]) throws -> @Sendable () async throws -> [UInt8] {
        guard name == "token" else { throw InterfaceError.noOperation(name) }
        guard forks == Fork.count else { throw InterfaceError.forked }
        return { [request] in
            try ClientOperations.created(
                await request.token { left in
                    _ = CallInProgress.current?.deliver(
                        .event(["type": "waiting", "left": .number(left / .seconds(1))]))
                })
        }
    }

    func close() {}
}
