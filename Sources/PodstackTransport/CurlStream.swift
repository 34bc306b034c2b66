#if os(Linux)
    import CCurl
    import CPosix
    import Glibc
    import PodstackSystem

    /// A multi handle of libcurl with one easy handle: performs one transfer after another on the caller's thread.
    ///
    /// Unlike libcurl's easy interface, it can be interrupted at once by another thread, and it knows how long a transfer
    /// has been silent.
    // Safe: the transport gives it to one thread at a time, and `interrupt` calls only curl_multi_wakeup, which any thread
    // may call.
    final class CurlStream: @unchecked Sendable {
        private let multi: UnsafeMutableRawPointer
        private let easy: CurlEasy

        /// Creates handles; nil if there is no memory left.
        init?(_ options: ConnectionOptions) {
            guard let easy = CurlEasy(options), let multi = curl_multi_init() else { return nil }
            self.easy = easy
            self.multi = multi
        }

        deinit { curl_multi_cleanup(multi) }

        /// The state of a transfer, which libcurl's callbacks use.
        private final class Exchange {
            private let easy: CurlEasy
            private var response: IncomingResponse
            private(set) var head: ResponseHead?
            private let upload: (() throws -> [UInt8])?
            /// The part of the body that libcurl has not taken yet.
            private var unsent: ArraySlice<UInt8> = []
            private let receive: StreamingTransport.Receiver
            /// The error of a closure.
            private(set) var failure: (any Error)?
            /// Whether the receiver wants no more.
            private(set) var isEnough = false
            var lastActivity = ContinuousClock.now

            init(
                _ easy: CurlEasy, upload: (() throws -> [UInt8])?, receive: @escaping StreamingTransport.Receiver
            ) {
                self.easy = easy
                response = IncomingResponse(easy.options, reservesCapacity: false)
                self.upload = upload
                self.receive = receive
            }

            /// Returns whether the transfer goes on.
            func pass(_ bytes: UnsafeRawBufferPointer) -> Bool {
                defer { lastActivity = .now }
                guard let head else { return true }
                do {
                    isEnough = try !receive(head, bytes)
                    return !isEnough
                } catch {
                    failure = error
                    return false
                }
            }

            /// Receives a line of a head; returns whether the transfer goes on.
            func receiveHeadLine(_ line: UnsafeRawBufferPointer) -> Bool {
                lastActivity = .now
                // Once the head has been passed on, further lines are trailers.
                guard head == nil else { return true }
                guard response.receiveHeadLine(line) else {
                    failure = response.failure
                    return false
                }
                let status = easy.number(CURLINFO_RESPONSE_CODE)
                guard response.hasWholeHead, status >= 200 || status == 101 else { return true }
                head = ResponseHead(status: status, headers: response.headers)
                return pass(UnsafeRawBufferPointer(start: nil, count: 0))
            }

            /// Copies the next part of the body; returns nil if its closure fails.
            func copyBody(to buffer: UnsafeMutableRawBufferPointer) -> Int? {
                defer { lastActivity = .now }
                if unsent.isEmpty {
                    do { unsent = try upload?()[...] ?? [] } catch {
                        failure = error
                        return nil
                    }
                }
                let count = min(buffer.count, unsent.count)
                unsent.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0.prefix(count))) }
                unsent = unsent.dropFirst(count)
                return count
            }
        }

        /// Performs a transfer.
        func perform(
            _ request: StreamedRequest, _ cancellation: StreamCancellation?,
            upload: (length: Int64?, next: () throws -> [UInt8])?, receive: StreamingTransport.Receiver
        ) throws -> ResponseHead {
            try withoutActuallyEscaping(receive) { receive in
                let exchange = Exchange(easy, upload: upload?.next, receive: receive)
                defer { easy.reset() }
                try prepare(request, exchange, length: upload.map { $0.length ?? -1 })
                return try withExtendedLifetime(exchange) {
                    let run = { try BrokenPipes.ignoring { try self.run(request, exchange, cancellation) } }
                    guard let cancellation else { return try run() }
                    return try cancellation.interrupting(with: { self.interrupt() }, run)
                }
            }
        }

        private func interrupt() { curl_multi_wakeup(multi) }

        /// Sets the options of a transfer.
        ///
        /// - Parameters:
        ///   - request: The request.
        ///   - exchange: The state, which must stay alive until the transfer has ended.
        ///   - length: The length of a streamed body, -1 if it is not known; nil if no body is streamed.
        /// - Throws: ``TransportFailure`` if a header is invalid.
        private func prepare(_ request: StreamedRequest, _ exchange: Exchange, length: Int64?) throws {
            easy.setConnection(isSecure: request.url.hasPrefix("https:"))
            easy.setURL(request.url)
            try easy.setHeaders(
                request.headers, credential: request.credential, removing: ["Accept", "Content-Type", "Expect"])
            // A stream gains nothing from HTTP/2.
            easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            easy.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, request.connectTimeout.milliseconds))
            if let timeout = request.timeout { easy.set(CURLOPT_TIMEOUT_MS, max(1, timeout.milliseconds)) }
            easy.set(CURLOPT_BUFFERSIZE, 128 << 10)
            if let length {
                easy.set(CURLOPT_UPLOAD, 1)
                easy.set(CURLOPT_UPLOAD_BUFFERSIZE, 128 << 10)
                if length >= 0 { easy.set(CURLOPT_INFILESIZE_LARGE, Int(length)) }
                // The body cannot be sent again if a connection turns out to be closed.
                easy.set(CURLOPT_FRESH_CONNECT, 1)
            } else if request.body != nil || ["POST", "PUT", "PATCH"].contains(request.method) {
                easy.setBody(request.body ?? [])
            } else if request.method == "HEAD" {
                easy.set(CURLOPT_NOBODY, 1)
            }
            easy.set(CURLOPT_CUSTOMREQUEST, request.method)
            setFunctions(exchange)
        }

        private func setFunctions(_ exchange: Exchange) {
            let context = Unmanaged.passUnretained(exchange).toOpaque()
            for option in [CURLOPT_WRITEDATA, CURLOPT_READDATA, CURLOPT_HEADERDATA] {
                podstack_setopt_pointer(easy.raw, option, context)
            }
            podstack_setopt_data_function(easy.raw, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                return exchange.pass(UnsafeRawBufferPointer(start: bytes, count: size * count)) ? size * count : 0
            }
            podstack_setopt_data_function(easy.raw, CURLOPT_READFUNCTION) { bytes, size, count, context in
                guard let context else { return Int(CURL_READFUNC_ABORT) }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
                return exchange.copyBody(to: buffer) ?? Int(CURL_READFUNC_ABORT)
            }
            podstack_setopt_data_function(easy.raw, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
                guard let context else { return 0 }
                let exchange = Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
                let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
                return exchange.receiveHeadLine(line) ? line.count : 0
            }
            podstack_setopt_open_socket(easy.raw, nil) { _, _, address in
                guard let address = address?.pointee else { return -1 }
                // The sockets that libcurl opens by itself are inherited by child processes.
                return socket(address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
            }
        }

        // MARK: Loop

        private func run(
            _ request: StreamedRequest, _ exchange: Exchange, _ cancellation: StreamCancellation?
        ) throws -> ResponseHead {
            guard curl_multi_add_handle(multi, easy.raw) == CURLM_OK else {
                throw TransportFailure(reason: "no memory is left for a transfer")
            }
            defer { curl_multi_remove_handle(multi, easy.raw) }
            exchange.lastActivity = .now
            while true {
                try cancellation?.check()
                var running: Int32 = 0
                curl_multi_perform(multi, &running)
                if running == 0 { break }
                var pause = Duration.seconds(3600)
                if let idle = request.idleTimeout {
                    pause = idle - (ContinuousClock.now - exchange.lastActivity)
                    guard pause > .zero else { throw TransportFailure.timedOut }
                }
                // Ends early when a socket is ready, one of libcurl's own times has come, or another thread interrupts.
                let wait = Int32(clamping: max(1, pause.milliseconds))
                Fork.outside { _ = curl_multi_poll(multi, nil, 0, wait, nil) }
            }
            let result = takeResult()
            try cancellation?.check()
            if let failure = exchange.failure { throw failure }
            guard exchange.isEnough || result == CURLE_OK else { throw easy.failure(result) }
            guard let head = exchange.head else {
                throw TransportFailure(
                    reason: "the response ended in the middle of its headers", kind: .connectionLost)
            }
            return head
        }

        /// Returns the result of the transfer that has ended.
        private func takeResult() -> CURLcode {
            var left: Int32 = 0
            var result = CURLE_OK
            while let message = curl_multi_info_read(multi, &left) {
                if message.pointee.msg == CURLMSG_DONE { result = podstack_message_result(message) }
            }
            return result
        }
    }

    /// Writing to a connection that the other side has closed.
    enum BrokenPipes {
        /// Runs a closure in which such a write is an error and does not end the process.
        ///
        /// libcurl itself asks for no signal, but its TLS library does not.
        static func ignoring<Result>(_ body: () throws -> Result) rethrows -> Result {
            var pipe = sigset_t()
            var previous = sigset_t()
            sigemptyset(&pipe)
            sigaddset(&pipe, SIGPIPE)
            pthread_sigmask(SIG_BLOCK, &pipe, &previous)
            defer {
                if sigismember(&previous, SIGPIPE) == 0 {
                    // A signal that arrived meanwhile would otherwise be delivered now.
                    var none = timespec()
                    while sigtimedwait(&pipe, nil, &none) > 0 {}
                    pthread_sigmask(SIG_SETMASK, &previous, nil)
                }
            }
            return try body()
        }
    }
#endif
