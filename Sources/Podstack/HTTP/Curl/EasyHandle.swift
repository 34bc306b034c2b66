#if os(Linux)
    import CCurl
    import Glibc

    /// A handle of libcurl, which remembers what it is set to: most requests differ from the one before in nothing.
    final class EasyHandle {
        let raw: UnsafeMutableRawPointer
        private let options: ConnectionOptions
        private let sockets: WatchedSockets
        /// Nil when nothing is set.
        private var isSecure: Bool?
        private var url = ""
        private var token: APIToken?
        private var headers: [HeaderField] = []
        private var list: UnsafeMutablePointer<curl_slist>?
        private(set) var transfer: Transfer?
        /// The transfer's, while it is at work: it comes in many pieces, which are put down without a lock or a reference.
        private let answer = UnsafeMutablePointer<Answer>.allocate(capacity: 1)
        /// Its place among the handles at work.
        var index = 0

        init?(_ options: ConnectionOptions, _ sockets: WatchedSockets) {
            guard let raw = curl_easy_init() else { return nil }
            self.raw = raw
            self.options = options
            self.sockets = sockets
            answer.initialize(to: Answer(options, takesRoom: false))
        }

        deinit {
            curl_easy_cleanup(raw)
            curl_slist_free_all(list)
            answer.deinitialize(count: 1)
            answer.deallocate()
        }

        /// The handle must not leave before ``release()``: libcurl knows where it is.
        ///
        /// - Parameter timeout: In milliseconds.
        func prepare(_ transfer: Transfer, timeout: Int) throws(TransportFailure) {
            let request = transfer.request
            let isSecure = request.url.hasPrefix("https:")
            if isSecure != self.isSecure { setUp(isSecure: isSecure) }
            if request.url != url {
                set(CURLOPT_URL, request.url)
                url = request.url
            }
            set(CURLOPT_TIMEOUT_MS, timeout)
            set(CURLOPT_CONNECTTIMEOUT_MS, min(timeout, 10_000))
            if !request.isPlain || request.token != token || request.headers != headers { try setHeaders(request) }
            if !request.isPlain { setBody(request) }
            self.transfer = transfer
            exchangeAnswer(with: transfer)
        }

        /// The transfer has its answer then, as far as it came.
        func release() {
            guard let transfer else { return }
            self.transfer = nil
            exchangeAnswer(with: transfer)
            if !transfer.request.isPlain { reset() }
        }

        private func exchangeAnswer(with transfer: Transfer) { transfer.answer.withLock { swap(&$0, &answer.pointee) } }

        static func owner(of raw: UnsafeMutableRawPointer) -> EasyHandle? {
            var context: UnsafeMutableRawPointer?
            podstack_getinfo_pointer(raw, CURLINFO_PRIVATE, &context)
            return context.map { Unmanaged<EasyHandle>.fromOpaque($0).takeUnretainedValue() }
        }

        // MARK: - Options

        private func set(_ option: CURLoption, _ value: String?) { podstack_setopt_string(raw, option, value) }
        private func set(_ option: CURLoption, _ value: Int) { podstack_setopt_long(raw, option, value) }

        /// Forgets every option, and with them the body that libcurl copied; connections stay.
        private func reset() {
            curl_easy_reset(raw)
            curl_slist_free_all(list)
            list = nil
            isSecure = nil
            url = ""
            token = nil
            headers = []
        }

        /// What stays from one request to the next.
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
            // What announces that it is too large is not read at all.
            set(CURLOPT_MAXFILESIZE_LARGE, options.largestBody)
            // Sooner than most services close an idle connection, and often enough to notice that a name has moved.
            set(CURLOPT_MAXAGE_CONN, 50)
            set(CURLOPT_MAXLIFETIME_CONN, 600)
            set(CURLOPT_HTTP_VERSION, Int(isSecure ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
            // Many requests at the start wait for the first connection, to share it if it turns out to be HTTP/2.
            set(CURLOPT_PIPEWAIT, isSecure ? 1 : 0)
            // An empty proxy is what keeps libcurl from reading the environment itself.
            set(CURLOPT_PROXY, options.proxy(isSecure: isSecure) ?? "")
            set(CURLOPT_NOPROXY, options.noProxy ?? "")
            // What is for the service goes through the tunnel, and the proxy's own answer is not the service's.
            set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
            set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
            set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            set(CURLOPT_PROXY_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            if let bundle = options.certificateAuthorities {
                set(CURLOPT_CAINFO, bundle)
                set(CURLOPT_PROXY_CAINFO, bundle)
                // Else libcurl would trust the system's folder of authorities as well.
                set(CURLOPT_CAPATH, nil)
                set(CURLOPT_PROXY_CAPATH, nil)
            }
            setSocketFunctions()
            let context = Unmanaged.passUnretained(self).toOpaque()
            podstack_setopt_pointer(raw, CURLOPT_PRIVATE, context)
            podstack_setopt_pointer(raw, CURLOPT_WRITEDATA, answer)
            podstack_setopt_pointer(raw, CURLOPT_HEADERDATA, answer)
            podstack_setopt_data_function(raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let chunk = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return context.assumingMemoryBound(to: Answer.self).pointee.receive(chunk) ? chunk.count : 0
            }
            podstack_setopt_data_function(raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return context.assumingMemoryBound(to: Answer.self).pointee.receiveHead(line) ? line.count : 0
            }
        }

        /// A connection outlives the handle that opened it, but not the sockets' loop.
        private func setSocketFunctions() {
            let context = Unmanaged.passUnretained(sockets).toOpaque()
            podstack_setopt_open_socket(raw, context) { context, _, address in
                guard let context, let address = address?.pointee else { return -1 }
                // libcurl's own leaves its sockets to every process that this one starts.
                let type = address.socktype | Int32(SOCK_CLOEXEC.rawValue)
                let opened = socket(address.family, type, address.protocol)
                Unmanaged<WatchedSockets>.fromOpaque(context).takeUnretainedValue().noteOpened(opened)
                return opened
            }
            podstack_setopt_close_socket(raw, context) { context, socket in
                if let context {
                    Unmanaged<WatchedSockets>.fromOpaque(context).takeUnretainedValue().noteClosing(socket)
                }
                return close(socket)
            }
        }

        private func setHeaders(_ request: TransportRequest) throws(TransportFailure) {
            var list: UnsafeMutablePointer<curl_slist>?
            func append(_ field: HeaderField) throws(TransportFailure) {
                guard field.isOneLine else {
                    curl_slist_free_all(list)
                    throw .header(field.name)
                }
                // A colon and nothing after it would take a header away.
                list = curl_slist_append(list, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
            }
            try request.token.withSecret { secret throws(TransportFailure) in
                if secret.isEmpty { return }
                try append(HeaderField("Authorization", "Bearer \(secret)"))
            }
            for field in request.headers { try append(field) }
            // What libcurl would add by itself. It looks for each header it knows in this list, so it is short.
            let own = request.isPlain ? ["Accept"] : ["Accept", "Content-Type", "Expect"]
            for name in own where !request.headers.contains(where: { $0.name.lowercased() == name.lowercased() }) {
                list = curl_slist_append(list, "\(name):")
            }
            podstack_setopt_pointer(raw, CURLOPT_HTTPHEADER, list)
            curl_slist_free_all(self.list)
            self.list = list
            token = request.token
            headers = request.headers
        }

        private func setBody(_ request: TransportRequest) {
            // Of a method that usually has a body the length is told even when there is none.
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

        // MARK: - The end

        /// The status of the answer.
        func result(_ code: CURLcode) -> Result<Int, any Error> {
            if let excess = answer.pointee.excess { return .failure(excess) }
            guard code == CURLE_OK else { return .failure(failure(code)) }
            guard answer.pointee.isHeadWhole else {
                return .failure(TransportFailure(reason: "the answer broke off in its headers"))
            }
            return .success(number(CURLINFO_RESPONSE_CODE))
        }

        private func number(_ info: CURLINFO) -> Int {
            var value = 0
            podstack_getinfo_long(raw, info, &value)
            return value
        }

        private func failure(_ code: CURLcode) -> TransportFailure {
            let proxyStatus = number(CURLINFO_HTTP_CONNECTCODE)
            switch code {
            case CURLE_OPERATION_TIMEDOUT: return .timedOut
            case CURLE_FILESIZE_EXCEEDED: return .tooLarge(bytes: options.largestBody)
            case _ where proxyStatus >= 300:
                return TransportFailure(
                    reason: "the proxy refused with HTTP \(proxyStatus)", mayPass: proxyStatus >= 500)
            case CURLE_PEER_FAILED_VERIFICATION:
                return TransportFailure(reason: certificateProblem, mayPass: false)
            case CURLE_SSL_CACERT_BADFILE:
                return TransportFailure(
                    reason: "the certificate authorities in \(options.certificateAuthorities ?? "the system's file") "
                        + "cannot be read", mayPass: false)
            // The URL's scheme is known to be one of two, so it is the answer that is none of HTTP's.
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY:
                return TransportFailure(reason: "what came back is not HTTP")
            case CURLE_URL_MALFORMAT, CURLE_COULDNT_RESOLVE_PROXY:
                return TransportFailure(reason: String(cString: curl_easy_strerror(code)), mayPass: false)
            default: return TransportFailure(reason: String(cString: curl_easy_strerror(code)))
            }
        }

        private var certificateProblem: String {
            // The numbers are OpenSSL's.
            switch number(CURLINFO_SSL_VERIFYRESULT) {
            // 1 is libcurl's own, from before the chain was found good; then only the name is left to be wrong.
            case 0, 1: return "its certificate is for another name"
            case 9: return "its certificate is not valid yet"
            case 10: return "its certificate has expired"
            default:
                let authorities = options.certificateAuthorities.map { "of \($0)" } ?? "of the system"
                return "its certificate is not from the authorities \(authorities); "
                    + "PODSTACK_CA_BUNDLE names a file with others"
            }
        }
    }

    extension TransportRequest {
        /// All that most handles are ever used for.
        fileprivate var isPlain: Bool { method == "GET" && body == nil }
    }
#endif
