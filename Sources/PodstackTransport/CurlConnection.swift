#if os(Linux)
    import CCurl
    import CPosix
    import Glibc
    import PodstackSystem
    import Synchronization

    /// A connection that libcurl has opened, through a proxy and encrypted where that is asked for, and leaves to its user.
    ///
    /// One thread may read while another writes.
    // Safe: the handle is used only with its lock, and the descriptors stay open until the last reference is gone.
    final class CurlConnection: @unchecked Sendable {
        private let easy: CurlEasy
        private let lock = Lock<Void>(())
        private let socket: Int32
        /// Readable once the connection is closed on this side, to wake the threads that wait.
        private let closing: Int32
        private let isClosed = Atomic(false)

        /// Opens a connection.
        ///
        /// - Parameters:
        ///   - url: A URL of the server.
        ///   - options: The proxies and certificates.
        ///   - timeout: The longest time that this takes.
        ///   - cancellation: Ends the attempt from another thread, within a second.
        /// - Throws: ``TransportFailure`` if the connection cannot be opened, and `CancellationError`.
        init(
            _ url: String, _ options: ConnectionOptions, timeout: Duration, _ cancellation: StreamCancellation?
        ) throws {
            try cancellation?.check()
            guard let easy = CurlEasy(options) else {
                throw TransportFailure(reason: "no memory is left for a connection")
            }
            self.easy = easy
            easy.setConnection(isSecure: url.hasPrefix("https:"))
            easy.setURL(url)
            // A server that speaks HTTP/2 must not choose it.
            easy.set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
            easy.set(CURLOPT_CONNECTTIMEOUT_MS, max(1, timeout.milliseconds))
            easy.set(CURLOPT_CONNECT_ONLY, 1)
            // Also a proxy for plain HTTP only passes the bytes on.
            easy.set(CURLOPT_HTTPPROXYTUNNEL, 1)
            podstack_setopt_open_socket(easy.raw, nil) { _, _, address in
                guard let address = address?.pointee else { return -1 }
                return Glibc.socket(address.family, address.socktype | Int32(SOCK_CLOEXEC.rawValue), address.protocol)
            }
            if let cancellation {
                easy.set(CURLOPT_NOPROGRESS, 0)
                podstack_setopt_progress(easy.raw, Unmanaged.passUnretained(cancellation).toOpaque()) {
                    context, _, _, _, _ in
                    guard let context else { return 0 }
                    let cancellation = Unmanaged<StreamCancellation>.fromOpaque(context).takeUnretainedValue()
                    return Fork.inside { cancellation.isCanceled } ? 1 : 0
                }
            }
            let result = withExtendedLifetime(cancellation) {
                BrokenPipes.ignoring { Fork.outside { curl_easy_perform(easy.raw) } }
            }
            try cancellation?.check()
            guard result == CURLE_OK else { throw easy.failure(result) }
            var socket: curl_socket_t = -1
            podstack_getinfo_socket(easy.raw, &socket)
            self.socket = socket
            closing = eventfd(0, Int32(EFD_CLOEXEC))
            guard closing >= 0 else { throw TransportFailure(reason: "no file descriptor is left for a connection") }
        }

        deinit { if closing >= 0 { Glibc.close(closing) } }

        /// Returns the next bytes; empty at the end of the connection, or once it is closed on this side.
        ///
        /// - Parameters:
        ///   - size: The most bytes.
        ///   - deadline: The time at which this fails; nil for none.
        /// - Returns: The bytes.
        /// - Throws: ``TransportFailure`` if the connection breaks or the time has passed.
        func read(atMost size: Int, until deadline: ContinuousClock.Instant? = nil) throws(TransportFailure) -> [UInt8]
        {
            while !isClosed.load(ordering: .acquiring) {
                var result = CURLE_OK
                let bytes = lock.withLock { _ in
                    [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                        result = BrokenPipes.ignoring { curl_easy_recv(easy.raw, buffer.baseAddress, size, &count) }
                    }
                }
                switch result {
                case CURLE_OK: return bytes
                case CURLE_AGAIN: try wait(for: Int16(POLLIN), until: deadline)
                default: throw easy.failure(result).with(.connectionLost)
                }
            }
            return []
        }

        /// Sends all bytes.
        func write(_ bytes: [UInt8], until deadline: ContinuousClock.Instant? = nil) throws(TransportFailure) {
            var start = 0
            while start < bytes.count {
                guard !isClosed.load(ordering: .acquiring) else {
                    throw TransportFailure(reason: "the connection is closed", kind: .connectionLost)
                }
                var sent = 0
                let result = lock.withLock { _ in
                    bytes.withUnsafeBytes { bytes in
                        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
                        return BrokenPipes.ignoring { curl_easy_send(easy.raw, rest.baseAddress, rest.count, &sent) }
                    }
                }
                start += sent
                switch result {
                case CURLE_OK: break
                case CURLE_AGAIN: try wait(for: Int16(POLLOUT), until: deadline)
                default: throw easy.failure(result).with(.connectionLost)
                }
            }
        }

        /// Tells the other side that no more bytes follow; it can still send.
        func closeWriting() { shutdown(socket, Int32(SHUT_WR)) }

        /// Ends the reads and writes of all threads.
        func close() {
            guard !isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
            shutdown(socket, Int32(SHUT_RDWR))
            eventfd_write(closing, 1)
        }

        /// Waits until the socket may be ready, or the connection is closed on this side.
        private func wait(for events: Int16, until deadline: ContinuousClock.Instant?) throws(TransportFailure) {
            var milliseconds = -1
            if let deadline {
                milliseconds = (deadline - .now).milliseconds
                guard milliseconds > 0 else { throw .timedOut }
            }
            var descriptors = [
                pollfd(fd: socket, events: events, revents: 0), pollfd(fd: closing, events: Int16(POLLIN), revents: 0),
            ]
            Fork.outside { _ = poll(&descriptors, nfds_t(descriptors.count), Int32(clamping: milliseconds)) }
        }
    }
#endif
