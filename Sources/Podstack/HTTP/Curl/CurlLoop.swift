#if os(Linux)
    import CCurl
    import Glibc

    /// All transfers of a transport: libcurl says which sockets to watch, and does the rest when they are ready.
    final class CurlLoop {
        private let options: CurlOptions
        private let multi: UnsafeMutableRawPointer
        private let epoll: Int32
        /// Known to libcurl.
        private var active: [ObjectIdentifier: Transfer] = [:]
        /// Behind the limit of transfers under way.
        private var waiting: [Transfer] = []
        private var idle: [UnsafeMutableRawPointer] = []
        /// When libcurl wants to be called even if no socket is ready.
        private var timer: ContinuousClock.Instant?

        /// Initialised once, whichever transport comes first.
        private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

        init?(_ options: CurlOptions, epoll: Int32) {
            guard Self.isReady, let multi = curl_multi_init() else { return nil }
            self.options = options
            self.multi = multi
            self.epoll = epoll
            podstack_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, options.concurrency)
            // Callbacks come only from calls that this object makes, so it is there.
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
        }

        /// In milliseconds, for epoll.
        var sleepingTime: Int32 {
            guard let timer else { return -1 }
            let left = timer - .now
            // Rounded up: to wake too early is to spin.
            return left > .zero ? Int32(clamping: left.milliseconds + 1) : 0
        }

        func handle(_ event: epoll_event) {
            var mask: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            var running: Int32 = 0
            curl_multi_socket_action(multi, event.data.fd, mask, &running)
        }

        /// After sockets were handled, a timer is due, or a transfer was added.
        func advance() {
            fireTimer()
            // A transfer may be over as soon as it is started, and its end makes room for the next.
            repeat { collect() } while startWaiting()
        }

        func start(_ request: TransportRequest, _ completion: Completion) {
            // A cancellation may have overtaken it.
            guard completion.result == nil else { return }
            waiting.append(Transfer(request, completion, largestBody: options.largestBody))
        }

        func cancel(_ completion: Completion) {
            if let index = waiting.firstIndex(where: { $0.completion === completion }) {
                waiting.remove(at: index)
            } else if let transfer = active[ObjectIdentifier(completion)] {
                retire(transfer)
            }
            completion.finish(.failure(CancellationError()))
        }

        // MARK: - How soon answers come

        /// What a thread may wait for an answer in the place of the loop's own.
        static let atOnce = Duration.microseconds(250)
        private var usualTime = Duration.seconds(1)

        /// Whether the service is so near that answers come sooner than a thread is awake.
        var answersAtOnce: Bool { usualTime < Self.atOnce }
        var isIdle: Bool { active.isEmpty && waiting.isEmpty }
        var isLone: Bool { active.count == 1 && waiting.isEmpty }

        private func learn(_ transfer: Transfer) {
            // With many at once the time says nothing of the way.
            guard active.count <= 1 else { return }
            usualTime = (usualTime * 3 + min(.now - transfer.started, .seconds(1))) / 4
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

        private func startWaiting() -> Bool {
            guard !waiting.isEmpty else { return false }
            var started = 0
            while started < waiting.count, active.count < options.concurrency {
                start(waiting[started])
                started += 1
            }
            waiting.removeFirst(started)
            fireTimer()
            return started > 0
        }

        private func start(_ transfer: Transfer) {
            let left = (transfer.deadline - .now).milliseconds
            guard left > 0, let easy = idle.popLast() ?? curl_easy_init() else {
                let reason = left > 0 ? "out of memory" : "the request timed out"
                transfer.completion.finish(.failure(TransportFailure(reason: reason)))
                return
            }
            transfer.easy = easy
            configure(easy, transfer, timeout: left)
            active[ObjectIdentifier(transfer.completion)] = transfer
            if curl_multi_add_handle(multi, easy) != CURLM_OK {
                retire(transfer)
                let failure = TransportFailure(reason: "the request could not be started")
                transfer.completion.finish(.failure(failure))
            }
        }

        private func configure(_ easy: UnsafeMutableRawPointer, _ transfer: Transfer, timeout: Int) {
            let request = transfer.request
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
            let context = Unmanaged.passUnretained(transfer).toOpaque()
            podstack_setopt_pointer(easy, CURLOPT_PRIVATE, context)
            podstack_setopt_pointer(easy, CURLOPT_WRITEDATA, context)
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
                    let transfer = transfer(of: easy)
                else { continue }
                let code = podstack_message_result(message)
                let result: Result<TransportResponse, any Error> =
                    code == CURLE_OK ? .success(response(transfer, easy)) : .failure(failure(code, transfer))
                learn(transfer)
                retire(transfer)
                transfer.completion.finish(result)
            }
        }

        private func transfer(of easy: UnsafeMutableRawPointer) -> Transfer? {
            var context: UnsafeMutableRawPointer?
            podstack_getinfo_pointer(easy, CURLINFO_PRIVATE, &context)
            return context.map { Unmanaged<Transfer>.fromOpaque($0).takeUnretainedValue() }
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
                return TransportFailure(
                    reason: "the answer is larger than \(transfer.largestBody) bytes", mayPass: false)
            }
            if code == CURLE_OPERATION_TIMEDOUT { return TransportFailure(reason: "the request timed out") }
            let reason = String(cString: curl_easy_strerror(code))
            switch code {
            case CURLE_PEER_FAILED_VERIFICATION:
                let authorities = options.certificateAuthorities.map { "of \($0)" } ?? "of the system"
                return TransportFailure(
                    reason: "its certificate is not from the authorities \(authorities), or is for another name; "
                        + "PODSTACK_CA_BUNDLE names a file with others", mayPass: false)
            case CURLE_SSL_CACERT_BADFILE:
                return TransportFailure(
                    reason: "the certificate authorities in \(options.certificateAuthorities ?? "the system's file") "
                        + "cannot be read", mayPass: false)
            // The URL's scheme is known to be one of two, so it is the answer that is none of HTTP's.
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
                return TransportFailure(reason: "what came back is not HTTP")
            case CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY:
                return TransportFailure(reason: reason, mayPass: false)
            default: return TransportFailure(reason: reason)
            }
        }

        /// Takes a transfer off libcurl and keeps its handle for the next.
        private func retire(_ transfer: Transfer) {
            active[ObjectIdentifier(transfer.completion)] = nil
            guard let easy = transfer.easy else { return }
            transfer.easy = nil
            curl_multi_remove_handle(multi, easy)
            curl_easy_reset(easy)
            curl_slist_free_all(transfer.headers)
            idle.append(easy)
        }

        func cleanUp() {
            for transfer in Array(active.values) + waiting {
                retire(transfer)
                transfer.completion.finish(.failure(CancellationError()))
            }
            for easy in idle { curl_easy_cleanup(easy) }
            curl_multi_cleanup(multi)
        }
    }
#endif
