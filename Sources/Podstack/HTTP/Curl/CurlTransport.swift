#if os(Linux)
    import Synchronization

    /// libcurl's multi interface: connections are kept, and thousands of requests may be under way at once without a
    /// thread each.
    ///
    /// A request is started by the thread that makes it; one thread of the transport's own waits for the answers. To
    /// hand every request to that thread would cost two more context switches each.
    public final class CurlTransport: Transport {
        private let options: ConnectionOptions
        /// Made with the first request: a client that sends none needs no descriptors.
        private let made = Mutex<SharedLoop?>(nil)

        /// Proxies and certificate authorities are taken from `environment`.
        public convenience init(environment: PodstackEnvironment = .process) {
            self.init(options: ConnectionOptions(environment: environment))
        }

        init(options: ConnectionOptions) {
            self.options = options
        }

        deinit { made.withLock { $0?.stop() } }

        var occupancy: Occupancy? { loop.occupancy }

        private var loop: SharedLoop {
            made.withLock { made in
                if let made { return made }
                let loop = SharedLoop(options: options)
                // One that could not be made is tried again with the next request.
                if loop.isUsable { made = loop }
                return loop
            }
        }

        public func send(_ request: TransportRequest) async throws -> TransportResponse {
            let loop = loop
            let count = loop.unanswered.add(1, ordering: .relaxed).newValue
            defer { loop.unanswered.subtract(1, ordering: .relaxed) }
            let transfer = Transfer(request, options, waits: count > options.concurrency)
            // The loop ends with the transport: not while somebody waits.
            defer { withExtendedLifetime(self) {} }
            return try await withTaskCancellationHandler {
                guard transfer.state.withLock({ $0.submit() }) else { throw CancellationError() }
                loop.start(transfer)
                let status = try await transfer.completion.value
                return transfer.response(status)
            } onCancel: {
                transfer.state.withLock { if $0.cancel() { loop.cancel(transfer) } }
            }
        }
    }
#endif
