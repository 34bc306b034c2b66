#if os(Linux)
    import CCurl
    import PodstackSystem

    /// libcurl's easy handle: the options and the failures that all kinds of transfers share.
    final class CurlEasy {
        let raw: UnsafeMutableRawPointer
        let options: ConnectionOptions
        private(set) var url = ""
        private var list: UnsafeMutablePointer<curl_slist>?

        /// Whether libcurl is initialized, which happens once for the process.
        static let isReady = curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK

        /// Creates a handle; nil if there is no memory left.
        init?(_ options: ConnectionOptions) {
            guard Self.isReady, let raw = curl_easy_init() else { return nil }
            self.raw = raw
            self.options = options
        }

        deinit {
            curl_easy_cleanup(raw)
            curl_slist_free_all(list)
        }

        // MARK: Options

        func set(_ option: CURLoption, _ value: String?) { podstack_setopt_string(raw, option, value) }
        func set(_ option: CURLoption, _ value: Int) { podstack_setopt_long(raw, option, value) }
        private func set(_ option: CURLoption, _ path: FilePath) {
            path.withCString { _ = podstack_setopt_string(raw, option, $0) }
        }

        /// Clears every option, and frees the body that libcurl copied; connections stay open.
        func reset() {
            curl_easy_reset(raw)
            curl_slist_free_all(list)
            list = nil
            url = ""
        }

        func setURL(_ url: String) {
            guard url != self.url else { return }
            set(CURLOPT_URL, url)
            self.url = url
        }

        /// Sets the options for the way to the server, which all requests with the same scheme share.
        func setConnection(isSecure: Bool) {
            set(CURLOPT_PROTOCOLS_STR, "http,https")
            set(CURLOPT_FOLLOWLOCATION, 0)
            set(CURLOPT_PATH_AS_IS, 1)
            set(CURLOPT_NOSIGNAL, 1)
            podstack_forget_lookups(raw)
            set(CURLOPT_HTTP09_ALLOWED, 0)
            set(CURLOPT_TCP_KEEPALIVE, 1)
            // In seconds: less than the idle timeout of most services, and short enough to follow a changed DNS record.
            set(CURLOPT_MAXAGE_CONN, 50)
            set(CURLOPT_MAXLIFETIME_CONN, 600)
            // An empty proxy keeps libcurl from reading the environment.
            set(CURLOPT_PROXY, options.proxy(isSecure: isSecure) ?? "")
            set(CURLOPT_NOPROXY, options.noProxy ?? "")
            // Headers are sent only through the tunnel, and the proxy's own headers are not part of the response.
            set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))
            set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
            set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            set(CURLOPT_PROXY_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
            if let bundle = options.certificateAuthorities {
                for option in [CURLOPT_CAINFO, CURLOPT_PROXY_CAINFO] { set(option, FilePath(bundle)) }
                // Otherwise libcurl would also trust the system's folder of authorities.
                set(CURLOPT_CAPATH, nil)
                set(CURLOPT_PROXY_CAPATH, nil)
            }
            if let identity = options.clientCertificate {
                set(CURLOPT_SSLCERT, identity.certificate)
                set(CURLOPT_SSLKEY, identity.key)
            }
            if let socket = options.unixSocket { set(CURLOPT_UNIX_SOCKET_PATH, socket) }
        }

        /// Sets the headers of a request.
        ///
        /// - Parameters:
        ///   - fields: The headers, in order.
        ///   - credential: The credential for the header `Authorization`.
        ///   - removed: The headers that libcurl must not add by itself.
        /// - Throws: ``TransportFailure`` if a header does not fit on one line.
        func setHeaders(
            _ fields: [HeaderField], credential: TransportCredential?, removing removed: [String]
        ) throws(TransportFailure) {
            var list: UnsafeMutablePointer<curl_slist>?
            func append(_ field: HeaderField) throws(TransportFailure) {
                guard field.isOneLine else {
                    curl_slist_free_all(list)
                    throw .invalidHeader(field.name)
                }
                // libcurl removes a header that has a colon and nothing after it; a semicolon makes it empty.
                list = curl_slist_append(list, field.value.isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
            }
            try credential?.withSecret { secret throws(TransportFailure) in
                try append(HeaderField("Authorization", "Bearer \(secret)"))
            }
            for field in fields { try append(field) }
            for name in removed where !fields.contains(where: { $0.name.lowercased() == name.lowercased() }) {
                list = curl_slist_append(list, "\(name):")
            }
            podstack_setopt_pointer(raw, CURLOPT_HTTPHEADER, list)
            curl_slist_free_all(self.list)
            self.list = list
        }

        /// Sets the body of a request, which libcurl copies.
        func setBody(_ body: [UInt8]) {
            set(CURLOPT_POSTFIELDSIZE, body.count)
            body.withUnsafeBytes { bytes in
                _ = podstack_setopt_pointer(
                    raw, CURLOPT_COPYPOSTFIELDS, UnsafeMutableRawPointer(mutating: bytes.baseAddress))
            }
        }

        // MARK: Failures

        /// Returns the failure that an error of libcurl means.
        func failure(_ code: CURLcode) -> TransportFailure { describe(code).with(kind(of: code)) }

        func number(_ info: CURLINFO) -> Int {
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
            case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM: .certificate
            case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_OUT_OF_MEMORY: .invalidResponse
            case CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR, CURLE_PARTIAL_FILE: .connectionLost
            default: .other
            }
        }

        private func describe(_ code: CURLcode) -> TransportFailure {
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
            case CURLE_SSL_CERTPROBLEM:
                return TransportFailure(
                    reason: "the client's certificate or its key cannot be read", isRetryable: false)
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
#endif
