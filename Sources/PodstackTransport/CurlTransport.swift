#if os(Linux)
    import PodstackSystem

    /// A transport that uses libcurl's multi interface: it reuses connections, and thousands of requests may be under way
    /// at once without a thread each.
    ///
    /// The thread that makes a request starts it, and one thread of the transport waits for the responses. Handing every
    /// request to that thread would cost two more context switches each.
    public final class CurlTransport: Transport {
        package let options: ConnectionOptions
        /// Created with the first request, because a client that sends none needs no file descriptors.
        private let createdLoop = Lock<SharedLoop?>(nil)

        /// Creates a transport; opens no connection.
        ///
        /// - Parameter options: The proxies, certificate authorities and limits.
        package init(options: ConnectionOptions) { self.options = options }

        deinit { createdLoop.withLock { $0?.stop() } }

        /// The numbers of transfers and libcurl handles; nil if libcurl cannot be used.
        var counts: TransferCounts? { loop.counts }

        private var loop: SharedLoop {
            createdLoop.withLock { created in
                if let created { return created }
                let loop = SharedLoop(options: options)
                // A loop that lacks a file descriptor is created again for the next request.
                if loop.isUsable { created = loop }
                return loop
            }
        }

        /// Sends a request and returns the whole response.
        ///
        /// - Parameter request: The request to send.
        /// - Returns: The response, whatever its status.
        /// - Throws: ``TransportFailure`` if no response arrives, and `CancellationError` if the task is canceled.
        public func send(_ request: TransportRequest) async throws -> TransportResponse {
            let loop = loop
            let count = loop.pendingCount.add(1, ordering: .relaxed).newValue
            defer { loop.pendingCount.subtract(1, ordering: .relaxed) }
            let transfer = Transfer(request, options, willQueue: count > options.concurrency)
            // The loop ends with the transport, which must live as long as a request.
            defer { withExtendedLifetime(self) {} }
            return try await withTaskCancellationHandler {
                guard transfer.cancellation.withLock({ $0.submit() }) else { throw CancellationError() }
                loop.start(transfer)
                let status = try await transfer.promise.value
                return transfer.finishedResponse(status: status)
            } onCancel: {
                transfer.cancellation.withLock { if $0.cancel() { loop.cancel(transfer) } }
            }
        }
    }
#endif
