#if os(Linux)
    // The only file that imports libcurl: its pointers and callbacks stay here.
    import CCurl
    import CPosix
    import Glibc
    import PodstackSystem
    import Synchronization

    // MARK: - All transfers

    /// libcurl's multi handle: says which sockets to watch, and works on all transfers when their sockets are ready.
    final class CurlMulti {
        /// The sockets of all transfers, which libcurl's callbacks use.
        let sockets: SocketWatcher
        /// The time at which libcurl wants to be called even if no socket is ready.
        private(set) var timerDeadline: ContinuousClock.Instant?
        private let multi: UnsafeMutableRawPointer

        /// Initialized once for the process, by the first transport.
        private static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

        /// Creates a multi handle whose sockets `epoll` watches; nil if libcurl cannot be initialized.
        ///
        /// - Parameters:
        ///   - largestConnectionCount: The largest number of connections that are kept open.
        ///   - epoll: The descriptor of the epoll instance.
        init?(largestConnectionCount: Int, epoll: Int32) {
            guard Self.isReady, let multi = curl_multi_init() else { return nil }
            self.multi = multi
            sockets = SocketWatcher(epoll: epoll)
            podstack_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, largestConnectionCount)
            podstack_multi_setopt_long(multi, CURLMOPT_PIPELINING, Int(CURLPIPE_MULTIPLEX))
            // Safe without a reference: libcurl calls back only from calls that this object makes.
            let context = Unmanaged.passUnretained(self).toOpaque()
            podstack_multi_socket_function(
                multi,
                { _, socket, interest, context, _ in
                    guard let context else { return -1 }
                    Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().watch(socket, interest)
                    return 0
                }, context)
            podstack_multi_timer_function(
                multi,
                { _, milliseconds, context in
                    guard let context else { return -1 }
                    Unmanaged<CurlMulti>.fromOpaque(context).takeUnretainedValue().timerDeadline =
                        milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
                    return 0
                }, context)
        }

        /// Frees the multi handle.
        ///
        /// No handle may be added, and this object must not be used afterwards.
        func cleanUp() { curl_multi_cleanup(multi) }

        /// Starts the transfer of a prepared handle; returns whether libcurl accepted it.
        func add(_ handle: CurlHandle) -> Bool { curl_multi_add_handle(multi, handle.raw) == CURLM_OK }

        /// Removes a handle, and aborts its transfer if that has not ended.
        func remove(_ handle: CurlHandle) { curl_multi_remove_handle(multi, handle.raw) }

        /// Lets libcurl handle an event of one of its sockets.
        func handle(_ event: epoll_event) {
            guard sockets.isAwaited(event.data.fd) else { return }
            var mask: Int32 = 0
            if event.events & EPOLLIN.rawValue != 0 { mask |= CURL_CSELECT_IN }
            if event.events & EPOLLOUT.rawValue != 0 { mask |= CURL_CSELECT_OUT }
            if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { mask |= CURL_CSELECT_ERR }
            var running: Int32 = 0
            curl_multi_socket_action(multi, event.data.fd, mask, &running)
        }

        /// Lets libcurl continue if its timer is due.
        func fireTimer() {
            guard let deadline = timerDeadline, deadline <= .now else { return }
            timerDeadline = nil
            var running: Int32 = 0
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running)
        }

        /// Returns the next handle whose transfer has ended, with the status of its response.
        func nextFinished() -> (handle: CurlHandle, status: Result<Int, any Error>)? {
            var left: Int32 = 0
            while let message = curl_multi_info_read(multi, &left) {
                guard message.pointee.msg == CURLMSG_DONE, let raw = message.pointee.easy_handle,
                    let handle = CurlHandle.owner(of: raw), handle.transfer != nil
                else { continue }
                return (handle, handle.status(after: podstack_message_result(message)))
            }
            return nil
        }

        private func watch(_ socket: Int32, _ interest: Int32) {
            var events: UInt32 = 0
            if interest != CURL_POLL_REMOVE {
                if interest & CURL_POLL_IN != 0 { events |= EPOLLIN.rawValue }
                if interest & CURL_POLL_OUT != 0 { events |= EPOLLOUT.rawValue }
            }
            sockets.wait(for: events, on: socket)
        }
    }

    // MARK: - One transfer

    /// libcurl's easy handle, which remembers its options: most requests differ in none from the one before.
    final class CurlHandle {
        fileprivate let raw: UnsafeMutableRawPointer
        private let options: ConnectionOptions
        private let sockets: SocketWatcher
        /// Whether the options are those for https; nil if no options are set.
        private var isSecure: Bool?
        private var url = ""
        private var credential: TransportCredential?
        private var headers: [HeaderField] = []
        private var list: UnsafeMutablePointer<curl_slist>?
        private(set) var transfer: Transfer?
        /// The response of the transfer at work.
        ///
        /// It is here, and not in the transfer, because libcurl delivers it in many pieces, and each would take a lock
        /// there.
        private let response = UnsafeMutablePointer<IncomingResponse>.allocate(capacity: 1)
        /// The index among the handles at work.
        var index = 0

        /// Creates a handle; nil if there is no memory left.
        init?(_ options: ConnectionOptions, _ sockets: SocketWatcher) {
            guard let raw = curl_easy_init() else { return nil }
            self.raw = raw
            self.options = options
            self.sockets = sockets
            response.initialize(to: IncomingResponse(options, reservesCapacity: false))
        }

        deinit {
            curl_easy_cleanup(raw)
            curl_slist_free_all(list)
            response.deinitialize(count: 1)
            response.deallocate()
        }

        /// Sets the options for a transfer.
        ///
        /// The handle must stay alive until ``release()``, since libcurl points to it.
        func prepare(_ transfer: Transfer, timeoutMilliseconds timeout: Int) throws(TransportFailure) {
            let request = transfer.request
            let isSecure = request.url.hasPrefix("https:")
            if isSecure != self.isSecure { setUp(isSecure: isSecure) }
            if request.url != url {
                set(CURLOPT_URL, request.url)
                url = request.url
            }
            set(CURLOPT_TIMEOUT_MS, timeout)
            set(CURLOPT_CONNECTTIMEOUT_MS, min(timeout, 10_000))
            if !request.isPlainGET || request.credential != credential || request.headers != headers {
                try setHeaders(request)
            }
            if !request.isPlainGET { setBody(request) }
            self.transfer = transfer
            exchangeResponse(with: transfer)
        }

        /// Ends the use of a transfer, and gives it the response as far as it arrived.
        func release() {
            guard let transfer else { return }
            self.transfer = nil
            exchangeResponse(with: transfer)
            if !transfer.request.isPlainGET { reset() }
        }

        private func exchangeResponse(with transfer: Transfer) {
            transfer.response.withLock { swap(&$0, &response.pointee) }
        }

        fileprivate static func owner(of raw: UnsafeMutableRawPointer) -> CurlHandle? {
            var context: UnsafeMutableRawPointer?
            podstack_getinfo_pointer(raw, CURLINFO_PRIVATE, &context)
            return context.map { Unmanaged<CurlHandle>.fromOpaque($0).takeUnretainedValue() }
        }

        // MARK: Options

        private func set(_ option: CURLoption, _ value: String?) { podstack_setopt_string(raw, option, value) }
        private func set(_ option: CURLoption, _ value: Int) { podstack_setopt_long(raw, option, value) }

        /// Clears every option, and frees the body that libcurl copied.
        ///
        /// Connections stay open.
        private func reset() {
            curl_easy_reset(raw)
            curl_slist_free_all(list)
            list = nil
            isSecure = nil
            url = ""
            credential = nil
            headers = []
        }

        /// Sets the options that all requests with the same scheme share.
        private func setUp(isSecure: Bool) {
            reset()
            self.isSecure = isSecure
            set(CURLOPT_PROTOCOLS_STR, "http,https")
            set(CURLOPT_FOLLOWLOCATION, 0)
            set(CURLOPT_PATH_AS_IS, 1)
            set(CURLOPT_NOSIGNAL, 1)
            podstack_forget_lookups(raw)
            set(CURLOPT_HTTP09_ALLOWED, 0)
            set(CURLOPT_TCP_KEEPALIVE, 1)
            // A response whose Content-Length is too large is not read at all.
            set(CURLOPT_MAXFILESIZE_LARGE, options.largestBody)
            // In seconds: less than the idle timeout of most services, and short enough to follow a changed DNS record.
            set(CURLOPT_MAXAGE_CONN, 50)
            set(CURLOPT_MAXLIFETIME_CONN, 600)
            set(CURLOPT_HTTP_VERSION, Int(isSecure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
            // The first requests wait for the first connection, to share it if the service speaks HTTP/2.
            set(CURLOPT_PIPEWAIT, isSecure ? 1 : 0)
            // An empty proxy keeps libcurl from reading the environment.
            set(CURLOPT_PROXY, options.proxy(isSecure: isSecure) ?? "")
            set(CURLOPT_NOPROXY, options.noProxy ?? "")
            // Headers are sent only through the tunnel, and the proxy's own headers are not part of the response.
            set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
            set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
            set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            set(CURLOPT_PROXY_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            if let bundle = options.certificateAuthorities {
                SystemText.withCString(bundle) { path in
                    for option in [CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO] { podstack_setopt_string(raw, option, path) }
                }
                // Otherwise libcurl would also trust the system's folder of authorities.
                set(CURLOPT_CAPATH, nil)
                set(CURLOPT_PROXY_CAPATH, nil)
            }
            setSocketFunctions()
            let context = Unmanaged.passUnretained(self).toOpaque()
            podstack_setopt_pointer(raw, CURLOPT_PRIVATE, context)
            podstack_setopt_pointer(raw, CURLOPT_WRITEDATA, response)
            podstack_setopt_pointer(raw, CURLOPT_HEADERDATA, response)
            podstack_setopt_data_function(raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return context.assumingMemoryBound(to: IncomingResponse.self).pointee.receiveBody(chunk)
                    ? chunk.count : 0
            }
            podstack_setopt_data_function(raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return context.assumingMemoryBound(to: IncomingResponse.self).pointee.receiveHeadLine(line)
                    ? line.count : 0
            }
        }

        /// Reports sockets to the watcher: a connection outlives the handle that opened it, but not the watcher.
        private func setSocketFunctions() {
            let context = Unmanaged.passUnretained(sockets).toOpaque()
            podstack_setopt_open_socket(raw, context) { context, _, address in
                guard let context, let address = address?.pointee else { return -1 }
                // The sockets that libcurl opens by itself are inherited by child processes.
                let type = address.socktype | Int32(SOCK_CLOEXEC.rawValue)
                let opened = socket(address.family, type, address.protocol)
                Unmanaged<SocketWatcher>.fromOpaque(context).takeUnretainedValue().opened(opened)
                return opened
            }
            podstack_setopt_close_socket(raw, context) { context, socket in
                if let context {
                    Unmanaged<SocketWatcher>.fromOpaque(context).takeUnretainedValue().closing(socket)
                }
                return close(socket)
            }
        }

        private func setHeaders(_ request: TransportRequest) throws(TransportFailure) {
            var list: UnsafeMutablePointer<curl_slist>?
            func append(_ field: HeaderField) throws(TransportFailure) {
                guard field.isOneLine else {
                    curl_slist_free_all(list)
                    throw .invalidHeader(field.name)
                }
                // libcurl removes a header that has a colon and nothing after it; a semicolon makes it empty.
                list = curl_slist_append(list, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
            }
            try request.credential?.withSecret { secret throws(TransportFailure) in
                try append(HeaderField("Authorization", "Bearer \(secret)"))
            }
            for field in request.headers { try append(field) }
            // Removes the headers that libcurl would add. It searches this list for each of them, so the list is short.
            let own = request.isPlainGET ? ["Accept"] : ["Accept", "Content-Type", "Expect"]
            for name in own where !request.headers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
                list = curl_slist_append(list, "\(name):")
            }
            podstack_setopt_pointer(raw, CURLOPT_HTTPHEADER, list)
            curl_slist_free_all(self.list)
            self.list = list
            credential = request.credential
            headers = request.headers
        }

        private func setBody(_ request: TransportRequest) {
            // Methods that usually have a body send `Content-Length: 0` without one (RFC 9110, section 8.6).
            let hasBody = request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method)
            if hasBody {
                let body = request.body ?? []
                set(CURLOPT_POSTFIELDSIZE, body.count)
                body.withUnsafeBytes { bytes in
                    // Copied by libcurl.
                    _ = podstack_setopt_pointer(
                        raw, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
                }
            } else if request.method == "HEAD" {
                set(CURLOPT_NOBODY, 1)
            }
            set(CURLOPT_CUSTOMREQUEST, request.method)
        }

        // MARK: Result

        /// Returns the status of the response after a transfer ended.
        fileprivate func status(after code: CURLcode) -> Result<Int, any Error> {
            if let failure = response.pointee.failure { return .failure(failure) }
            guard code == CURLE_OK else { return .failure(failure(code).with(kind(of: code))) }
            guard response.pointee.hasWholeHead else {
                return .failure(
                    TransportFailure(reason: "the response ended in the middle of its headers", kind: .connectionLost))
            }
            return .success(number(CURLINFO_RESPONSE_CODE))
        }

        private func number(_ info: CURLINFO) -> Int {
            var value = 0
            podstack_getinfo_long(raw, info, &value)
            return value
        }

        private func kind(of code: CURLcode) -> TransportFailure.Kind {
            switch code {
            case CURLE_OPERATION_TIMEDOUT: .timeout
            case CURLE_FILESIZE_EXCEEDED: .invalidResponse
            case _ where number(CURLINFO_HTTP_CONNECTCODE) >= 300: .proxy
            case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY: .proxy
            case CURLE_COULDNT_RESOLVE_HOST: .nameResolution
            // With a proxy, libcurl itself connects only to the proxy.
            case CURLE_COULDNT_CONNECT: options.proxyDescription(for: url) == nil ? .connection : .proxy
            case CURLE_SSL_CONNECT_ERROR: .tls
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: .certificate
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_OUT_OF_MEMORY: .invalidResponse
            case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE: .connectionLost
            default: .other
            }
        }

        private func failure(_ code: CURLcode) -> TransportFailure {
            let proxyStatus = number(CURLINFO_HTTP_CONNECTCODE)
            let text = String(cString: curl_easy_strerror(code))
            let proxy = options.proxyDescription(for: url)
            switch code {
            case CURLE_OPERATION_TIMEDOUT: return .timedOut
            case CURLE_FILESIZE_EXCEEDED: return .tooLarge(bytes: options.largestBody)
            case _ where proxyStatus >= 300:
                return .proxy(
                    "\(proxy ?? "the proxy") refused with HTTP \(proxyStatus)", isRetryable: proxyStatus >= 500)
            case CURLE_PEER_FAILED_VERIFICATION:
                return TransportFailure(reason: certificateProblem, isRetryable: false)
            // libcurl's error for a header line of more than 100 KiB, too.
            case CURLE_OUT_OF_MEMORY:
                return TransportFailure(
                    reason: "a header of the response is too long, or there is not enough memory", isRetryable: false)
            case CURLE_SSL_CACERT_BADFILE:
                return TransportFailure(
                    reason: "the certificate authorities in "
                        + "\(options.certificateAuthoritiesDescription ?? "the system's file") cannot be read",
                    isRetryable: false)
            // The URL's scheme is http or https, so the unsupported protocol is that of the response.
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
                return TransportFailure(reason: "the response is not HTTP")
            case CURLE_COULDNT_RESOLVE_PROXY:
                return .proxy(
                    "cannot connect to \(proxy ?? "the proxy"): its host name cannot be resolved", isRetryable: false)
            case CURLE_COULDNT_CONNECT, CURLE_PROXY:
                guard let proxy else { return TransportFailure(reason: text) }
                return .proxy("cannot connect to \(proxy)", isRetryable: true)
            case CURLE_URL_MALFORMAT: return TransportFailure(reason: text, isRetryable: false)
            default: return TransportFailure(reason: text)
            }
        }

        /// The reason for a rejected certificate, from OpenSSL's verification result (`X509_V_ERR_…`).
        private var certificateProblem: String {
            switch number(CURLINFO_SSL_VERIFYRESULT) {
            // 0 and 1 (libcurl's initial value) mean that the chain is valid, so only the name can be wrong.
            case 0, 1: return "its certificate is for another name"
            case 9: return "its certificate is not valid yet"
            case 10: return "its certificate has expired"
            default:
                let authorities = options.certificateAuthoritiesDescription.map { "of \($0)" } ?? "of the system"
                let advice = options.certificateAdvice.map { "; \($0)" } ?? ""
                return "its certificate is not from the authorities \(authorities)\(advice)"
            }
        }
    }

    extension TransportRequest {
        /// Whether the request is a GET without a body, as most requests are.
        fileprivate var isPlainGET: Bool { method == "GET" && body == nil }
    }
#endif
