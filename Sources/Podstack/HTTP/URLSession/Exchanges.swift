#if canImport(Darwin) || PODSTACK_URLSESSION
    import Foundation
    import Synchronization

    #if canImport(FoundationNetworking)
        import FoundationNetworking
    #endif
    #if PODSTACK_URLSESSION
        import Podstack
    #endif

    /// The requests of a session that are under way, as the session's delegate.
    final class Exchanges: NSObject, URLSessionDataDelegate {
        private struct Exchange {
            let completion = Completion<TransportResponse>()
            var body: [UInt8] = []
            var status = 0
            var headers: [HeaderField] = []
        }

        private let options: ConnectionOptions
        private let underWay = Mutex<[Int: Exchange]>([:])

        init(_ options: ConnectionOptions) { self.options = options }

        func add(_ task: URLSessionTask) -> Completion<TransportResponse> {
            let exchange = Exchange()
            underWay.withLock { $0[task.taskIdentifier] = exchange }
            return exchange.completion
        }

        /// Ends one from our side.
        func stop(_ task: URLSessionTask, _ failure: TransportFailure) {
            take(task)?.completion.finish(.failure(failure))
            task.cancel()
        }

        private func take(_ task: URLSessionTask) -> Exchange? {
            underWay.withLock { $0.removeValue(forKey: task.taskIdentifier) }
        }

        // MARK: - URLSessionDataDelegate

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
                stop(dataTask, TransportFailure(reason: "what came back is not HTTP"))
                return completionHandler(.cancel)
            }
            guard response.expectedContentLength <= Int64(options.largestBody) else {
                stop(dataTask, .tooLarge(bytes: options.largestBody))
                return completionHandler(.cancel)
            }
            let headers = Self.headers(response)
            underWay.withLock {
                $0[dataTask.taskIdentifier]?.status = response.statusCode
                $0[dataTask.taskIdentifier]?.headers = headers
            }
            completionHandler(.allow)
        }

        private static func headers(_ response: HTTPURLResponse) -> [HeaderField] {
            response.allHeaderFields.map {
                HeaderField("\($0.key)", "\($0.value)".trimmingCharacters(in: .whitespaces))
            }
        }

        func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
            let isTooLarge = underWay.withLock { exchanges in
                guard let size = exchanges[dataTask.taskIdentifier]?.body.count else { return false }
                guard size + data.count <= options.largestBody else { return true }
                exchanges[dataTask.taskIdentifier]?.body.append(contentsOf: data)
                return false
            }
            if isTooLarge { stop(dataTask, .tooLarge(bytes: options.largestBody)) }
        }

        func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
            guard let exchange = take(task) else { return }
            if let error {
                exchange.completion.finish(.failure(SessionFailure.error(for: error, options)))
            } else if exchange.status == 0 {
                exchange.completion.finish(.failure(TransportFailure(reason: "what came back is not HTTP")))
            } else {
                exchange.completion.finish(
                    .success(
                        TransportResponse(status: exchange.status, headers: exchange.headers, body: exchange.body)))
            }
        }

        func urlSession(
            _ session: URLSession, task: URLSessionTask, didReceive challenge: URLAuthenticationChallenge,
            completionHandler: @escaping @Sendable (URLSession.AuthChallengeDisposition, URLCredential?) -> Void
        ) {
            // There is nothing to say but the token: the 401 is the answer.
            #if canImport(FoundationNetworking)
                // On Linux it would not come any more, so this is all that is known of it.
                if let response = challenge.failureResponse as? HTTPURLResponse {
                    take(task)?.completion.finish(
                        .success(
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
    }
#endif
