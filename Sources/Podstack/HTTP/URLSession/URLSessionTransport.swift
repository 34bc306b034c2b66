// The SDK has this transport on Apple platforms. On Linux it would link all of Foundation to every program, so there
// it is a target of its own, which reaches this file by a link and defines the flag.
#if canImport(Darwin) || PODSTACK_URLSESSION
    import Foundation

    #if canImport(FoundationNetworking)
        import FoundationNetworking
    #endif
    #if PODSTACK_URLSESSION
        import Podstack
    #endif

    /// Foundation's `URLSession`, without its cookies, caches, stored credentials and redirects.
    ///
    /// What it cannot do:
    /// - The values of a repeated header are one, with commas between, and the order of headers is lost.
    /// - The names of headers may change their case.
    /// - A proxy that wants a name and a password gets none.
    ///
    /// And on Linux, besides:
    /// - Proxies are those of the process's environment, and the authorities those of the system. A request fails when
    ///   other ones were asked for, rather than going another way.
    /// - A 401 that asks for a user's name and password (`Basic`, `Digest`) comes without its body.
    /// - A head that breaks off, or a chunked body with trailers, ends the process: a defect of its Foundation.
    /// - Of a head that is too large for libcurl it is only known that the connection failed.
    public final class URLSessionTransport: Transport {
        private let options: ConnectionOptions
        private let session: URLSession
        private let exchanges: Exchanges

        /// Proxies and certificate authorities are taken from `environment`.
        public convenience init(environment: PodstackEnvironment = .process) {
            self.init(options: ConnectionOptions(environment: environment))
        }

        package init(options: ConnectionOptions) {
            self.options = options
            exchanges = Exchanges(options)
            let configuration = URLSessionConfiguration.ephemeral
            configuration.httpCookieStorage = nil
            configuration.httpCookieAcceptPolicy = .never
            configuration.httpShouldSetCookies = false
            configuration.urlCache = nil
            configuration.urlCredentialStorage = nil
            configuration.requestCachePolicy = .reloadIgnoringLocalCacheData
            configuration.httpMaximumConnectionsPerHost = min(options.concurrency, 64)
            #if canImport(Darwin)
                configuration.tlsMinimumSupportedProtocolVersion = .TLSv12
                configuration.connectionProxyDictionary = SessionProxies.dictionary(options)
            #endif
            session = URLSession(configuration: configuration, delegate: exchanges, delegateQueue: nil)
        }

        // A session keeps its delegate and its threads until then.
        deinit { session.invalidateAndCancel() }

        public func send(_ request: TransportRequest) async throws -> TransportResponse {
            try Task.checkCancellation()
            #if !canImport(Darwin)
                if let failure = Self.unavailable(options) { throw failure }
            #endif
            let task = session.dataTask(with: try Self.urlRequest(request))
            let completion = exchanges.add(task)
            // The session ends with the transport: not while somebody waits.
            defer { withExtendedLifetime(self) {} }
            let deadline = Task { [exchanges] in
                try await Task.sleep(for: Self.countable(request.timeout))
                exchanges.stop(task, .timedOut)
            }
            defer { deadline.cancel() }
            return try await withTaskCancellationHandler {
                task.resume()
                return try await completion.value
            } onCancel: {
                // Not only the task: one that is cancelled before it is resumed may never tell its end.
                completion.finish(.failure(CancellationError()))
                task.cancel()
            }
        }

        /// Within what timers can count: a duration may be longer.
        private static func countable(_ timeout: Duration) -> Duration { min(max(timeout, .zero), .seconds(1_000_000)) }

        private static func urlRequest(_ request: TransportRequest) throws(TransportFailure) -> URLRequest {
            guard let url = URL(string: request.url) else {
                throw TransportFailure(reason: "the URL is malformed", mayPass: false)
            }
            var result = URLRequest(url: url)
            result.httpMethod = request.method
            // This one starts anew with each piece of the answer, and may count whole seconds: ours ends the request.
            result.timeoutInterval = countable(request.timeout) / .seconds(1) + 5
            result.httpShouldHandleCookies = false
            for field in request.headers {
                guard field.isOneLine else { throw .header(field.name) }
                result.addValue(field.value, forHTTPHeaderField: field.name)
            }
            request.token.withSecret { secret in
                if !secret.isEmpty { result.setValue("Bearer \(secret)", forHTTPHeaderField: "Authorization") }
            }
            if let body = request.body { result.httpBody = Data(body) }
            return result
        }

        #if !canImport(Darwin)
            /// Why a request would not go the way it was asked to.
            private static func unavailable(_ options: ConnectionOptions) -> TransportFailure? {
                let ambient = ConnectionOptions(environment: .process)
                if options.secureProxy != ambient.secureProxy || options.plainProxy != ambient.plainProxy
                    || options.noProxy != ambient.noProxy
                {
                    return TransportFailure(
                        reason: "URLSession on this platform has no other proxy than that of the process's environment",
                        mayPass: false)
                }
                if let bundle = options.certificateAuthorities {
                    return TransportFailure(
                        reason:
                            "URLSession on this platform trusts the system's authorities, and cannot trust \(bundle)",
                        mayPass: false)
                }
                return nil
            }
        #endif
    }
#endif
