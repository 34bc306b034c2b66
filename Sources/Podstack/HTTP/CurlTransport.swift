#if os(Linux)
    import CCurl
    import Glibc
    import Synchronization

    /// libcurl's multi interface on one thread of its own: connections are kept, and thousands of requests may be
    /// under way at once without a thread each.
    public final class CurlTransport: Transport {
        private let inbox: Inbox
        private let nextID = Atomic<UInt64>(0)

        /// Proxies and certificate authorities are taken from `environment`.
        public convenience init(environment: Environment = .process) {
            self.init(options: CurlOptions(environment: environment))
        }

        init(options: CurlOptions) {
            inbox = Inbox(options: options)
        }

        deinit { inbox.post(.stop) }

        public func send(_ request: TransportRequest) async throws -> TransportResponse {
            let id = nextID.add(1, ordering: .relaxed).newValue
            let state = Mutex(TransferState())
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    // Posted under the lock, so that a cancellation cannot overtake the start.
                    let submitted = state.withLock { state in
                        guard state.submit() else { return false }
                        inbox.post(.start(id, request, continuation))
                        return true
                    }
                    if !submitted { continuation.resume(throwing: CancellationError()) }
                }
            } onCancel: {
                state.withLock { if $0.cancel() { inbox.post(.cancel(id)) } }
            }
        }
    }

    /// What callers hand to the thread, which starts with the first message.
    private final class Inbox: Sendable {
        enum Message: Sendable {
            case start(UInt64, TransportRequest, CheckedContinuation<TransportResponse, any Error>)
            case cancel(UInt64)
            case stop
        }

        private struct State {
            var messages: [Message] = []
            var isRunning = false
        }

        let options: CurlOptions
        private let state = Mutex(State())
        /// Readable while there are messages.
        let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))

        init(options: CurlOptions) { self.options = options }

        deinit { close(wakeUp) }

        func post(_ message: Message) {
            let (isFirst, mustStart) = state.withLock { state in
                if case .stop = message, !state.isRunning { return (false, false) }
                state.messages.append(message)
                defer { state.isRunning = true }
                return (state.messages.count == 1, !state.isRunning)
            }
            if isFirst { eventfd_write(wakeUp, 1) }
            if mustStart { startThread() }
        }

        func take() -> [Message] {
            var count: eventfd_t = 0
            eventfd_read(wakeUp, &count)
            return state.withLock { state in
                defer { state.messages = [] }
                return state.messages
            }
        }

        private func startThread() {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let failure = pthread_create(
                &thread, nil,
                { context in
                    guard let context else { return nil }
                    let inbox = Unmanaged<Inbox>.fromOpaque(context).takeRetainedValue()
                    CurlLoop(inbox)?.run()
                    return nil
                }, context)
            if failure == 0 {
                pthread_detach(thread)
                return
            }
            Unmanaged<Inbox>.fromOpaque(context).release()
            for case .start(_, _, let continuation) in take() {
                continuation.resume(throwing: TransportFailure(reason: "no thread could be started"))
            }
            state.withLock { $0.isRunning = false }
        }
    }

    /// One request on its way. Lives on the thread of the loop only.
    private final class Transfer {
        let request: TransportRequest
        let continuation: CheckedContinuation<TransportResponse, any Error>
        let deadline: ContinuousClock.Instant
        var easy: UnsafeMutableRawPointer?
        var headers: UnsafeMutablePointer<curl_slist>?
        var body: [UInt8] = []
        let largestBody: Int
        var isTooLarge = false

        init(
            _ request: TransportRequest, _ continuation: CheckedContinuation<TransportResponse, any Error>,
            largestBody: Int
        ) {
            self.request = request
            self.continuation = continuation
            self.largestBody = largestBody
            deadline = .now + request.timeout
        }

        func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
            guard body.count + bytes.count <= largestBody else {
                isTooLarge = true
                return 0
            }
            body.append(contentsOf: bytes)
            return bytes.count
        }
    }

    /// Drives all transfers of a transport: epoll tells which socket is ready, libcurl does the rest.
    private final class CurlLoop {
        private let inbox: Inbox
        private let multi: UnsafeMutableRawPointer
        private let epoll: Int32
        private var active: [UInt64: Transfer] = [:]
        private var ids: [UnsafeMutableRawPointer: UInt64] = [:]
        private var waiting: [(id: UInt64, transfer: Transfer)] = []
        private var idle: [UnsafeMutableRawPointer] = []
        private var timer: ContinuousClock.Instant?
        private var isStopped = false

        init?(_ inbox: Inbox) {
            // Initialised once, whichever thread comes first.
            guard Self.isReady, let multi = curl_multi_init() else { return nil }
            self.inbox = inbox
            self.multi = multi
            epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
            podstack_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, inbox.options.concurrency)
        }

        private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

        func run() {
            // The loop outlives every callback: they come only from calls inside this function.
            let context = Unmanaged.passUnretained(self).toOpaque()
            podstack_multi_socket_function(
                multi,
                { _, socket, what, context, known in
                    guard let context else { return -1 }
                    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue()
                        .watch(socket, what, isKnown: known != nil)
                    return 0
                }, context)
            podstack_multi_timer_function(
                multi,
                { _, milliseconds, context in
                    guard let context else { return -1 }
                    Unmanaged<CurlLoop>.fromOpaque(context).takeUnretainedValue().timer =
                        milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                    return 0
                }, context)
            var event = epoll_event(events: EPOLLIN.rawValue, data: epoll_data_t(fd: inbox.wakeUp))
            epoll_ctl(epoll, EPOLL_CTL_ADD, inbox.wakeUp, &event)
            var events = [epoll_event](repeating: epoll_event(), count: 128)
            while !isStopped {
                let count = epoll_wait(epoll, &events, Int32(events.count), waitingTime)
                for event in events.prefix(max(0, Int(count))) { handle(event) }
                fireTimer()
                collect()
                startWaiting()
            }
            cleanUp()
        }

        private var waitingTime: Int32 {
            guard let timer else { return -1 }
            let left = timer - .now
            guard left > .zero else { return 0 }
            // Rounded up: to wake too early is to spin.
            return Int32(
                clamping: left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
        }

        private func handle(_ event: epoll_event) {
            if event.data.fd == inbox.wakeUp {
                for message in inbox.take() { handle(message) }
                return
            }
            var mask: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            var running: Int32 = 0
            curl_multi_socket_action(multi, event.data.fd, mask, &running)
        }

        private func handle(_ message: Inbox.Message) {
            switch message {
            case .start(let id, let request, let continuation):
                waiting.append((id, Transfer(request, continuation, largestBody: inbox.options.largestBody)))
                startWaiting()
            case .cancel(let id):
                if let index = waiting.firstIndex(where: { $0.id == id }) {
                    waiting.remove(at: index).transfer.continuation.resume(throwing: CancellationError())
                } else if let transfer = retire(id) {
                    transfer.continuation.resume(throwing: CancellationError())
                }
            case .stop: isStopped = true
            }
        }

        private func fireTimer() {
            guard let due = timer, due <= .now else { return }
            timer = nil
            var running: Int32 = 0
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        }

        private func watch(_ socket: Int32, _ what: Int32, isKnown: Bool) {
            if what == CURL_POLL_REMOVE {
                epoll_ctl(epoll, EPOLL_CTL_DEL, socket, nil)
                return
            }
            var event = epoll_event(events: 0, data: epoll_data_t(fd: socket))
            if what & CURL_POLL_IN != 0 { event.events |= EPOLLIN.rawValue }
            if what & CURL_POLL_OUT != 0 { event.events |= EPOLLOUT.rawValue }
            epoll_ctl(epoll, isKnown ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, socket, &event)
            if !isKnown { curl_multi_assign(multi, socket, Unmanaged.passUnretained(self).toOpaque()) }
        }

        // MARK: - Transfers

        private func startWaiting() {
            var started = 0
            while started < waiting.count, active.count < inbox.options.concurrency {
                let (id, transfer) = waiting[started]
                started += 1
                start(id, transfer)
            }
            waiting.removeFirst(started)
            fireTimer()
        }

        private func start(_ id: UInt64, _ transfer: Transfer) {
            let left = (transfer.deadline - .now).milliseconds
            guard left > 0, let easy = idle.popLast() ?? curl_easy_init() else {
                let reason = left > 0 ? "out of memory" : "the request timed out"
                transfer.continuation.resume(throwing: TransportFailure(reason: reason))
                return
            }
            transfer.easy = easy
            configure(easy, transfer, timeout: left)
            active[id] = transfer
            ids[easy] = id
            if curl_multi_add_handle(multi, easy) != CURLM_OK, let transfer = retire(id) {
                transfer.continuation.resume(throwing: TransportFailure(reason: "the request could not be started"))
            }
        }

        private func configure(_ easy: UnsafeMutableRawPointer, _ transfer: Transfer, timeout: Int) {
            let request = transfer.request
            let options = inbox.options
            func set(_ option: CURLoption, _ value: String) { podstack_setopt_string(easy, option, value) }
            func set(_ option: CURLoption, _ value: Int) { podstack_setopt_long(easy, option, value) }
            set(CURLOPT_URL, request.url)
            set(CURLOPT_PROTOCOLS_STR, "http,https")
            set(CURLOPT_FOLLOWLOCATION, 0)
            set(CURLOPT_NOSIGNAL, 1)
            set(CURLOPT_TIMEOUT_MS, timeout)
            set(CURLOPT_CONNECTTIMEOUT_MS, min(timeout, 10_000))
            // An empty proxy is what keeps libcurl from reading the environment itself.
            set(CURLOPT_PROXY, (request.url.hasPrefix("https:") ? options.secureProxy : options.plainProxy) ?? "")
            set(CURLOPT_NOPROXY, options.noProxy ?? "")
            if let bundle = options.certificateAuthorities { set(CURLOPT_CAINFO, bundle) }
            if request.method != "GET" { set(CURLOPT_CUSTOMREQUEST, request.method) }
            if let body = request.body {
                set(CURLOPT_POSTFIELDSIZE, body.count)
                body.withUnsafeBytes { bytes in
                    // Copied by libcurl.
                    _ = podstack_setopt_pointer(
                        easy, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
                }
            }
            var list: UnsafeMutablePointer<curl_slist>?
            request.token.withSecret { list = curl_slist_append(list, "Authorization: Bearer \($0)") }
            for field in request.headers { list = curl_slist_append(list, "\(field.name): \(field.value)") }
            transfer.headers = list
            podstack_setopt_pointer(easy, CURLOPT_HTTPHEADER, list)
            // The transfer is in `active` for as long as libcurl knows its handle.
            podstack_setopt_pointer(easy, CURLOPT_WRITEDATA, Unmanaged.passUnretained(transfer).toOpaque())
            podstack_setopt_data_function(easy, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let bytes, let context else { return 0 }
                return Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
                    .receive(UnsafeRawBufferPointer(start: bytes, count: size * count))
            }
        }

        private func collect() {
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle,
                    let id = ids[easy], let transfer = active[id]
                else { continue }
                let code = podstack_message_result(message)
                let result: Result<TransportResponse, any Error> =
                    code == CURLE_OK ? .success(response(transfer, easy)) : .failure(failure(code, transfer))
                retire(id)
                transfer.continuation.resume(with: result)
            }
        }

        private func response(_ transfer: Transfer, _ easy: UnsafeMutableRawPointer) -> TransportResponse {
            var status = 0
            podstack_getinfo_long(easy, CURLINFO_RESPONSE_CODE, &status)
            var headers: [HeaderField] = []
            var previous: UnsafeMutablePointer<curl_header>?
            while let header = curl_easy_nextheader(easy, UInt32(CURLH_HEADER), -1, previous) {
                headers.append(
                    HeaderField(String(cString: header.pointee.name), String(cString: header.pointee.value)))
                previous = header
            }
            return TransportResponse(status: status, headers: headers, body: transfer.body)
        }

        private func failure(_ code: CURLcode, _ transfer: Transfer) -> TransportFailure {
            if transfer.isTooLarge {
                return TransportFailure(reason: "the answer is larger than \(transfer.largestBody) bytes")
            }
            if code == CURLE_OPERATION_TIMEDOUT { return TransportFailure(reason: "the request timed out") }
            return TransportFailure(reason: String(cString: curl_easy_strerror(code)))
        }

        /// Takes a transfer off libcurl and keeps its handle for the next.
        @discardableResult
        private func retire(_ id: UInt64) -> Transfer? {
            guard let transfer = active.removeValue(forKey: id), let easy = transfer.easy else { return nil }
            ids[easy] = nil
            curl_multi_remove_handle(multi, easy)
            curl_easy_reset(easy)
            curl_slist_free_all(transfer.headers)
            idle.append(easy)
            return transfer
        }

        private func cleanUp() {
            for id in active.keys { retire(id)?.continuation.resume(throwing: CancellationError()) }
            for (_, transfer) in waiting { transfer.continuation.resume(throwing: CancellationError()) }
            for easy in idle { curl_easy_cleanup(easy) }
            curl_multi_cleanup(multi)
            close(epoll)
        }
    }
#endif
