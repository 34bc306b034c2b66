#if os(Linux)
    import PodstackSystem

    /// A transport whose requests and responses are streamed: files, logs that follow a program, and raw connections.
    ///
    /// Every method blocks until its transfer has ended, so it runs on a thread that may block, such as a worker or a
    /// ``BlockingThread``. Several threads may use one transport. Connections are kept and used again.
    ///
    /// ```swift
    /// let head = try transport.send(StreamedRequest("GET", url), cancellation) { head, bytes in
    ///     // The first call has no bytes: the head has arrived.
    ///     if head.status == 200 { write(bytes) } else { problem.append(contentsOf: bytes) }
    ///     return true
    /// }
    /// ```
    package final class StreamingTransport: Sendable {
        private let options: ConnectionOptions
        /// The handles between two transfers, with their connections.
        private let idle = Lock<[CurlStream]>([])
        /// The most handles that are kept.
        private static let maxIdle = 16

        /// Creates a transport; opens no connection.
        ///
        /// - Parameter options: The proxies, certificates and limits. ``ConnectionOptions/largestBody`` limits only
        ///   responses that are collected in memory.
        package init(options: ConnectionOptions) { self.options = options }

        /// Receives a part of the response's body; the first call has the head and no bytes.
        ///
        /// The server is not read while the closure runs. It returns whether to go on, and may throw, which ends the
        /// transfer.
        package typealias Receiver = (_ head: ResponseHead, _ bytes: UnsafeRawBufferPointer) throws -> Bool

        /// Sends a request and passes on its response as it arrives.
        ///
        /// - Parameters:
        ///   - request: The request.
        ///   - cancellation: Ends the transfer from another thread.
        ///   - receive: Receives the parts of the body.
        /// - Returns: The head of the response.
        /// - Throws: ``TransportFailure`` if no whole response arrives, `CancellationError` if the transfer is canceled,
        ///   and the error of the closure.
        @discardableResult
        package func send(
            _ request: StreamedRequest, _ cancellation: StreamCancellation? = nil, receive: Receiver
        ) throws -> ResponseHead {
            try withStream { try $0.perform(request, cancellation, upload: nil, receive: receive) }
        }

        /// Sends a request with a streamed body, and passes on its response as it arrives.
        ///
        /// - Parameters:
        ///   - request: The request; its own body is not sent.
        ///   - length: The length of the body in bytes; nil if it is not known, which sends it in chunks.
        ///   - cancellation: Ends the transfer from another thread, except while it waits for `next`.
        ///   - next: Returns the next part of the body; empty at its end.
        ///   - receive: Receives the parts of the response's body.
        /// - Returns: The head of the response.
        /// - Throws: ``TransportFailure`` if no whole response arrives, `CancellationError` if the transfer is canceled,
        ///   and the errors of the closures.
        @discardableResult
        package func send(
            _ request: StreamedRequest, length: Int64? = nil, _ cancellation: StreamCancellation? = nil,
            next: () throws -> [UInt8], receive: Receiver
        ) throws -> ResponseHead {
            try withoutActuallyEscaping(next) { next in
                try withStream { try $0.perform(request, cancellation, upload: (length, next), receive: receive) }
            }
        }

        /// Sends a request and returns the whole response.
        ///
        /// - Parameters:
        ///   - request: The request.
        ///   - cancellation: Ends the transfer from another thread.
        /// - Returns: The response, whatever its status.
        /// - Throws: ``TransportFailure`` if no response arrives or it is too large, and `CancellationError` if the
        ///   transfer is canceled.
        package func response(
            to request: StreamedRequest, _ cancellation: StreamCancellation? = nil
        ) throws -> TransportResponse {
            var body: [UInt8] = []
            let head = try send(request, cancellation) { _, bytes in
                guard body.count + bytes.count <= options.largestBody else {
                    throw TransportFailure.tooLarge(bytes: options.largestBody)
                }
                body.append(contentsOf: bytes)
                return true
            }
            return TransportResponse(status: head.status, headers: head.headers, body: body)
        }

        /// The result of a request to change the protocol of a connection.
        package enum Upgrade {
            /// The server agreed with status 101.
            case connection(UpgradedConnection)
            /// The server responded as to any request.
            case refused(TransportResponse)
        }

        /// Sends a request with `Upgrade`, after which the connection carries bytes in both directions.
        ///
        /// The connection may lead through a proxy, and is encrypted for `https`.
        ///
        /// - Parameters:
        ///   - request: The request.
        ///   - protocolName: The value of the header `Upgrade`, such as `podstack-exec/1`.
        ///   - cancellation: Ends the request from another thread; once this returns, close the connection instead.
        /// - Returns: The connection, or the response of a server that does not change the protocol.
        /// - Throws: ``TransportFailure`` if no response arrives, and `CancellationError` if the request is canceled.
        package func upgrade(
            _ request: StreamedRequest, to protocolName: String, _ cancellation: StreamCancellation? = nil
        ) throws -> Upgrade {
            try UpgradedConnection.open(request, protocolName: protocolName, options, cancellation)
        }

        private func withStream<Result>(_ body: (CurlStream) throws -> Result) throws -> Result {
            guard let stream = idle.withLock({ $0.popLast() }) ?? CurlStream(options) else {
                throw TransportFailure(reason: "no memory is left for a transfer")
            }
            defer { idle.withLock { if $0.count < Self.maxIdle { $0.append(stream) } } }
            return try body(stream)
        }
    }

    // MARK: - Request and response

    /// An HTTP request of a ``StreamingTransport``.
    package struct StreamedRequest: Sendable {
        /// The method in capital letters, such as `GET`.
        package var method: String
        /// The absolute URL, with the scheme `http` or `https`.
        package var url: String
        /// The credential for the header `Authorization`, or nil to send none.
        package var credential: TransportCredential?
        /// The other headers, in order.
        package var headers: [HeaderField]
        /// The body, unless it is streamed.
        package var body: [UInt8]?
        /// The longest time until the connection is open.
        package var connectTimeout = Duration.seconds(10)
        /// The longest time in which no byte is sent or received; nil for a stream that may pause.
        ///
        /// The time in which the closures of the transfer run does not count.
        package var idleTimeout: Duration?
        /// The longest time from the beginning to the end of the transfer; nil for none.
        package var timeout: Duration?

        package init(
            _ method: String, _ url: String, credential: TransportCredential? = nil, headers: [HeaderField] = [],
            body: [UInt8]? = nil
        ) {
            self.method = method
            self.url = url
            self.credential = credential
            self.headers = headers
            self.body = body
        }
    }

    /// The status and the headers of a response.
    package struct ResponseHead: Sendable, Equatable {
        package var status: Int
        /// The headers in the order in which they arrived.
        package var headers: [HeaderField]

        package init(status: Int, headers: [HeaderField]) {
            self.status = status
            self.headers = headers
        }

        /// Returns the first value of a header, whose name is given in lower case; nil if there is none.
        package func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

        /// Whether the status is 200 to 299.
        package var isSuccess: Bool { (200..<300).contains(status) }
    }

    // MARK: - Cancellation

    /// Ends a streamed transfer from another thread.
    ///
    /// It may be passed to several transfers, one after another or at once.
    package final class StreamCancellation: Sendable {
        private struct State {
            var isCanceled = false
            var nextKey = 0
            var interrupts: [Int: @Sendable () -> Void] = [:]
        }

        private let state = Lock(State())

        package init() {}

        package var isCanceled: Bool { state.withLock { $0.isCanceled } }

        package func cancel() {
            state.withLock { state in
                state.isCanceled = true
                for interrupt in state.interrupts.values { interrupt() }
            }
        }

        func check() throws { if isCanceled { throw CancellationError() } }

        /// Runs a closure, which another closure interrupts when the transfer is canceled.
        ///
        /// The interrupt is never called after the closure has ended, so it may use what the closure owns.
        func interrupting<Result>(
            with interrupt: @escaping @Sendable () -> Void, _ body: () throws -> Result
        ) throws -> Result {
            let key = try state.withLock { state in
                guard !state.isCanceled else { throw CancellationError() }
                state.nextKey += 1
                state.interrupts[state.nextKey] = interrupt
                return state.nextKey
            }
            defer { _ = state.withLock { $0.interrupts.removeValue(forKey: key) } }
            return try body()
        }
    }
#endif
