import Foundation
public import PodstackTransport
import Synchronization

#if canImport(FoundationNetworking)
    import FoundationNetworking
#endif
#if canImport(Darwin)
    import Security
#endif

/// A transport that uses Foundation's `URLSession`, without its cookies, caches, stored credentials and redirects.
///
/// It is the default on Apple platforms. On Linux, where it would link all of Foundation, only the tests use it.
///
/// Limits of `URLSession` on all platforms:
/// - The values of a repeated header are joined with commas, and the order of headers is lost.
/// - The names of headers may change their case.
/// - A proxy that requires a user name and a password gets none.
///
/// Further limits on Linux:
/// - Proxies are those of the process's environment, and certificate authorities those of the system. A request with other
///   options fails.
/// - A 401 that asks for a user name and a password (`Basic`, `Digest`) arrives without its body.
/// - A response that ends in the middle of its head, or a chunked body with trailers, ends the process: a defect of
///   Foundation.
/// - A head that is too large for libcurl is reported as a failed connection.
public final class URLSessionTransport: Transport {
    private let options: ConnectionOptions
    private let session: URLSession
    private let delegate: SessionDelegate

    /// Creates a transport; opens no connection.
    ///
    /// - Parameter options: The proxies, certificate authorities and limits.
    package init(options: ConnectionOptions) {
        self.options = options
        delegate = SessionDelegate(options)
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
            configuration.connectionProxyDictionary = Self.proxies(options)
        #endif
        session = URLSession(configuration: configuration, delegate: delegate, delegateQueue: nil)
    }

    // A session keeps its delegate and its threads until it is invalidated.
    deinit { session.invalidateAndCancel() }

    /// Sends a request and returns the whole response.
    ///
    /// - Parameter request: The request to send.
    /// - Returns: The response, whatever its status.
    /// - Throws: `TransportFailure` if no response arrives, and `CancellationError` if the task is canceled.
    public func send(_ request: TransportRequest) async throws -> TransportResponse {
        try Task.checkCancellation()
        #if !canImport(Darwin)
            if let failure = Self.unsupported(options) { throw failure }
        #endif
        let task = session.dataTask(with: try Self.urlRequest(request))
        let promise = delegate.add(task)
        // The session ends with the transport, which must live as long as a request.
        defer { withExtendedLifetime(self) {} }
        let deadline = Task { [delegate] in
            try await Task.sleep(for: Self.limited(request.timeout))
            delegate.stop(task, .timedOut)
        }
        defer { deadline.cancel() }
        return try await withTaskCancellationHandler {
            task.resume()
            return try await promise.value
        } onCancel: {
            // The promise fails here, because a task that is canceled before it is resumed may never report its end.
            promise.fail(CancellationError())
            task.cancel()
        }
    }

    /// Limits a timeout to what timers can count.
    private static func limited(_ timeout: Duration) -> Duration { min(max(timeout, .zero), .seconds(1_000_000)) }

    private static func urlRequest(_ request: TransportRequest) throws(TransportFailure) -> URLRequest {
        guard let url = URL(string: request.url) else {
            throw TransportFailure(reason: "the URL is malformed", isRetryable: false)
        }
        var result = URLRequest(url: url)
        result.httpMethod = request.method
        // URLSession's timeout restarts with each piece of the response. It is longer than ours, which ends the request.
        result.timeoutInterval = limited(request.timeout) / .seconds(1) + 5
        result.httpShouldHandleCookies = false
        for field in request.headers {
            guard field.isOneLine else { throw .invalidHeader(field.name) }
            result.addValue(field.value, forHTTPHeaderField: field.name)
        }
        request.credential?.withSecret { result.setValue("Bearer \($0)", forHTTPHeaderField: "Authorization") }
        if let body = request.body { result.httpBody = Data(body) }
        return result
    }

    #if canImport(Darwin)
        /// Returns the proxies as a session configuration takes them: empty for none, because nil means the system's.
        private static func proxies(_ options: ConnectionOptions) -> [AnyHashable: Any] {
            let exceptions = (options.noProxy ?? "").split(whereSeparator: { $0 == "," || $0 == " " })
            if exceptions.contains("*") { return [:] }
            var dictionary: [AnyHashable: Any] = [:]
            for (kind, proxy) in [
                ("HTTP", options.proxy(isSecure: false)), ("HTTPS", options.proxy(isSecure: true)),
            ] {
                guard let proxy,
                    let parts = URLComponents(string: proxy.contains("://") ? proxy : "http://\(proxy)"),
                    let host = parts.host
                else { continue }
                dictionary["\(kind)Enable"] = 1
                dictionary["\(kind)Proxy"] = host
                dictionary["\(kind)Port"] = parts.port ?? 1080
            }
            // An exempt name exempts its subdomains too.
            dictionary["ExceptionsList"] = exceptions.flatMap { name in
                let bare = name.hasPrefix(".") ? name.dropFirst() : name
                return ["\(bare)", "*.\(bare)"]
            }
            return dictionary
        }
    #else
        /// Returns the failure of requests with options that `URLSession` on Linux does not support.
        private static func unsupported(_ options: ConnectionOptions) -> TransportFailure? {
            let process = ProcessInfo.processInfo.environment
            let ambient = ConnectionOptions(proxiesFrom: { process[$0] })
            if options.secureProxy != ambient.secureProxy || options.plainProxy != ambient.plainProxy
                || options.noProxy != ambient.noProxy
            {
                return TransportFailure(
                    reason: "URLSession on this platform uses only the proxy of the process's environment",
                    isRetryable: false)
            }
            if let bundle = options.certificateAuthorities {
                return TransportFailure(
                    reason: "URLSession on this platform trusts only the system's authorities, not those of \(bundle)",
                    isRetryable: false)
            }
            return nil
        }
    #endif
}

// MARK: - Delegate

/// Collects the responses of a session's tasks.
private final class SessionDelegate: NSObject, URLSessionDataDelegate {
    private struct Pending {
        let promise = Promise<TransportResponse>()
        var body: [UInt8] = []
        var status = 0
        var headers: [HeaderField] = []
    }

    private static let notHTTP = TransportFailure(reason: "the response is not HTTP", kind: .invalidResponse)

    private let options: ConnectionOptions
    /// The requests under way, by the identifier of their task.
    private let pending = Mutex<[Int: Pending]>([:])

    init(_ options: ConnectionOptions) { self.options = options }

    /// Returns the promise of a task's response.
    func add(_ task: URLSessionTask) -> Promise<TransportResponse> {
        let new = Pending()
        pending.withLock { $0[task.taskIdentifier] = new }
        return new.promise
    }

    /// Cancels a task, and fails its promise.
    func stop(_ task: URLSessionTask, _ failure: TransportFailure) {
        remove(task)?.promise.fail(failure)
        task.cancel()
    }

    private func remove(_ task: URLSessionTask) -> Pending? {
        pending.withLock { $0.removeValue(forKey: task.taskIdentifier) }
    }

    private static func headers(_ response: HTTPURLResponse) -> [HeaderField] {
        response.allHeaderFields.map {
            HeaderField("\($0.key)", "\($0.value)".trimmingCharacters(in: .whitespaces))
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        guard let response = response as? HTTPURLResponse else {
            stop(dataTask, Self.notHTTP)
            return completionHandler(.cancel)
        }
        guard response.expectedContentLength <= Int64(options.largestBody) else {
            stop(dataTask, .tooLarge(bytes: options.largestBody))
            return completionHandler(.cancel)
        }
        let headers = Self.headers(response)
        pending.withLock {
            $0[dataTask.taskIdentifier]?.status = response.statusCode
            $0[dataTask.taskIdentifier]?.headers = headers
        }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let isTooLarge = pending.withLock { pending in
            guard let size = pending[dataTask.taskIdentifier]?.body.count else { return false }
            guard size + data.count <= options.largestBody else { return true }
            pending[dataTask.taskIdentifier]?.body.append(contentsOf: data)
            return false
        }
        if isTooLarge { stop(dataTask, .tooLarge(bytes: options.largestBody)) }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        guard let ended = remove(task) else { return }
        if let error {
            ended.promise.fail(Self.failure(for: error, options))
        } else if ended.status == 0 {
            ended.promise.fail(Self.notHTTP)
        } else {
            ended.promise.complete(
                with: .success(TransportResponse(status: ended.status, headers: ended.headers, body: ended.body)))
        }
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
        completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
    ) {
        // There is no credential but the token, so the 401 is the response.
        #if canImport(FoundationNetworking)
            // Foundation on Linux delivers nothing after the challenge, so this is all that is known of the response.
            if let response = challenge.failureResponse as? HTTPURLResponse {
                remove(task)?.promise.complete(
                    with: .success(
                        TransportResponse(status: response.statusCode, headers: Self.headers(response), body: [])))
            }
        #endif
        completionHandler(.rejectProtectionSpace, nil)
    }

    #if canImport(Darwin)
        func urlSession(
            _ session: URLSession, didReceive challenge: URLAuthenticationChallenge,
            completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
        ) {
            guard let bundle = options.certificateAuthorities,
                challenge.protectionSpace.authenticationMethod == NSURLAuthenticationMethodServerTrust,
                let trust = challenge.protectionSpace.serverTrust
            else { return completionHandler(.performDefaultHandling, nil) }
            if CertificateAuthorities(file: bundle)?.accept(trust) == true {
                completionHandler(.useCredential, URLCredential(trust: trust))
            } else {
                completionHandler(.rejectProtectionSpace, nil)
            }
        }
    #endif

    // MARK: Errors

    /// Returns the error for one of `URLSession`, in our own words: the session's may contain the URL.
    private static func failure(for error: any Error, _ options: ConnectionOptions) -> any Error {
        guard let error = error as? URLError else { return TransportFailure(reason: "the connection failed") }
        if error.code == .cancelled { return CancellationError() }
        let (reason, isRetryable) = explanation(code(of: error), options)
        return TransportFailure(reason: reason, isRetryable: isRetryable, kind: kind(of: code(of: error)))
    }

    private static func kind(of code: URLError.Code) -> TransportFailure.Kind {
        switch code {
        case .timedOut: .timeout
        case .cannotFindHost, .dnsLookupFailed: .nameResolution
        case .cannotConnectToHost, .notConnectedToInternet: .connection
        case .networkConnectionLost: .connectionLost
        case .badServerResponse, .cannotParseResponse, .cannotDecodeRawData, .cannotDecodeContentData: .invalidResponse
        case .serverCertificateHasBadDate, .serverCertificateNotYetValid, .serverCertificateUntrusted,
            .serverCertificateHasUnknownRoot:
            .certificate
        case .secureConnectionFailed: .tls
        default: .other
        }
    }

    private static func code(of error: URLError) -> URLError.Code {
        #if canImport(FoundationNetworking)
            // Foundation on Linux has no code for a rejected certificate, only libcurl's text.
            let text = error.userInfo[NSLocalizedDescriptionKey] as? String ?? ""
            if text.contains("certificate has expired") { return .serverCertificateHasBadDate }
            if text.contains("certificate") { return .serverCertificateUntrusted }
            // The URL was valid when the task was created, so the unsupported protocol is that of the response.
            if error.code == .unsupportedURL { return .badServerResponse }
        #endif
        return error.code
    }

    private static func explanation(_ code: URLError.Code, _ options: ConnectionOptions) -> (String, Bool) {
        switch code {
        case .timedOut: return (TransportFailure.timedOut.reason, true)
        case .cannotFindHost, .dnsLookupFailed: return ("the host name cannot be resolved", true)
        case .cannotConnectToHost: return ("the connection was refused", true)
        case .networkConnectionLost: return ("the connection was lost", true)
        case .notConnectedToInternet: return ("this machine has no network connection", true)
        case .badServerResponse, .cannotParseResponse, .cannotDecodeRawData, .cannotDecodeContentData:
            return (notHTTP.reason, true)
        case .serverCertificateHasBadDate: return ("its certificate has expired", false)
        case .serverCertificateNotYetValid: return ("its certificate is not valid yet", false)
        case .serverCertificateUntrusted, .serverCertificateHasUnknownRoot:
            let authorities = options.certificateAuthorities.map { "of \($0)" } ?? "of the system"
            let advice = options.certificateAdvice.map { "; \($0)" } ?? ""
            return (
                "its certificate is not from the authorities \(authorities), or is for another name\(advice)", false
            )
        case .secureConnectionFailed: return ("no secure connection could be made", true)
        case .badURL, .unsupportedURL: return ("the URL is malformed", false)
        default: return ("the connection failed with error \(code.rawValue)", true)
        }
    }
}

#if canImport(Darwin)
    // MARK: - Certificate authorities

    /// The certificate authorities of a PEM file.
    private struct CertificateAuthorities {
        private let certificates: [SecCertificate]

        /// Reads a file; nil if it cannot be read or contains no certificate.
        init?(file: String) {
            guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
            certificates = text.components(separatedBy: "-----BEGIN CERTIFICATE-----").dropFirst().compactMap { part in
                guard let end = part.range(of: "-----END CERTIFICATE-----"),
                    let data = Data(base64Encoded: String(part[..<end.lowerBound]), options: .ignoreUnknownCharacters)
                else { return nil }
                return SecCertificateCreateWithData(nil, NSData(data: data) as CFData)
            }
            if certificates.isEmpty { return nil }
        }

        /// Returns whether these authorities, and not the system's, sign the server's certificate; its name and dates are
        /// checked too.
        func accept(_ trust: SecTrust) -> Bool {
            SecTrustSetAnchorCertificates(trust, NSArray(array: certificates) as CFArray) == errSecSuccess
                && SecTrustSetAnchorCertificatesOnly(trust, true) == errSecSuccess
                && SecTrustEvaluateWithError(trust, nil)
        }
    }
#endif
