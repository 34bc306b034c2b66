#if os(Linux)
    import PodstackSystem

    /// A connection whose protocol an HTTP request has changed: bytes in both directions.
    ///
    /// One thread may read while another writes, and any thread may close it.
    package final class UpgradedConnection: Sendable {
        /// The head of the response with status 101.
        package let head: ResponseHead
        private let connection: CurlConnection
        /// The bytes that arrived together with the head of the response.
        private let early: Lock<[UInt8]>

        private init(_ connection: CurlConnection, _ head: ResponseHead, early: [UInt8]) {
            self.connection = connection
            self.head = head
            self.early = Lock(early)
        }

        deinit { connection.close() }

        /// Returns the next bytes, and waits for them; empty at the end of the connection, or once it is closed.
        ///
        /// - Parameters:
        ///   - size: The most bytes.
        ///   - timeout: The longest wait; nil for none.
        /// - Returns: The bytes.
        /// - Throws: ``TransportFailure`` if the connection breaks or the time has passed.
        package func read(
            atMost size: Int = 64 << 10, timeout: Duration? = nil
        ) throws(TransportFailure) -> [UInt8] {
            let first = early.withLock { bytes in
                let first = Array(bytes.prefix(size))
                bytes.removeFirst(first.count)
                return first
            }
            if !first.isEmpty { return first }
            return try connection.read(atMost: size, until: timeout.map { .now + $0 })
        }

        /// Sends bytes, and waits until the system has taken all of them.
        ///
        /// - Parameters:
        ///   - bytes: The bytes.
        ///   - timeout: The longest wait; nil for none.
        /// - Throws: ``TransportFailure`` if the connection is closed or breaks, or the time has passed.
        package func write(_ bytes: [UInt8], timeout: Duration? = nil) throws(TransportFailure) {
            try connection.write(bytes, until: timeout.map { .now + $0 })
        }

        /// Tells the other side that no more bytes follow; it can still send.
        ///
        /// An encrypted connection ends without TLS's own notice in this direction, which not every server accepts.
        package func closeWriting() { connection.closeWriting() }

        /// Closes the connection, which ends the reads and writes of other threads.
        package func close() { connection.close() }
    }

    // MARK: - The request

    extension UpgradedConnection {
        /// Opens a connection and asks the server to change its protocol.
        static func open(
            _ request: StreamedRequest, protocolName: String, _ options: ConnectionOptions,
            _ cancellation: StreamCancellation?
        ) throws -> StreamingTransport.Upgrade {
            let text = try head(of: request, protocolName: protocolName)
            let deadline = request.timeout.map { ContinuousClock.now + $0 }
            let connection = try CurlConnection(request.url, options, timeout: request.connectTimeout, cancellation)
            func exchange() throws -> StreamingTransport.Upgrade {
                try connection.write(text + (request.body ?? []), until: deadline)
                return try receive(from: connection, request, options, deadline)
            }
            do {
                guard let cancellation else { return try exchange() }
                return try cancellation.interrupting(with: { connection.close() }, exchange)
            } catch {
                connection.close()
                try cancellation?.check()
                throw error
            }
        }

        private static func receive(
            from connection: CurlConnection, _ request: StreamedRequest, _ options: ConnectionOptions,
            _ deadline: ContinuousClock.Instant?
        ) throws -> StreamingTransport.Upgrade {
            var response = RawResponse(options)
            while true {
                let silence = request.idleTimeout.map { ContinuousClock.now + $0 }
                let limit = [deadline, silence].compactMap { $0 }.min()
                let bytes = try connection.read(atMost: 16 << 10, until: limit)
                try bytes.isEmpty ? response.receiveEnd() : response.receive(bytes)
                guard let head = response.head else { continue }
                if head.status == 101 {
                    return .connection(UpgradedConnection(connection, head, early: response.rest))
                }
                if response.isComplete {
                    connection.close()
                    return .refused(
                        TransportResponse(status: head.status, headers: head.headers, body: response.body))
                }
            }
        }

        private static func head(of request: StreamedRequest, protocolName: String) throws(TransportFailure) -> [UInt8]
        {
            let malformed = TransportFailure(reason: "the URL is malformed", isRetryable: false)
            guard let start = request.url.firstRange(of: "://")?.upperBound,
                request.url.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { throw malformed }
            let rest = request.url[start...].prefix { $0 != "#" }
            let authority = rest.prefix { $0 != "/" && $0 != "?" }
            let target = rest[authority.endIndex...]
            let host = authority.lastIndex(of: "@").map { authority[authority.index(after: $0)...] } ?? authority
            guard !host.isEmpty else { throw malformed }
            var fields = [
                HeaderField("Host", String(host)), HeaderField("Connection", "Upgrade"),
                HeaderField("Upgrade", protocolName),
            ]
            request.credential?.withSecret { fields.append(HeaderField("Authorization", "Bearer \($0)")) }
            fields += request.headers
            if request.body != nil || request.method != "GET" {
                fields.append(HeaderField("Content-Length", String(request.body?.count ?? 0)))
            }
            var text = "\(request.method) \(target.hasPrefix("/") ? "" : "/")\(target) HTTP/1.1\r\n"
            for field in fields {
                guard field.isOneLine else { throw .invalidHeader(field.name) }
                text += "\(field.name): \(field.value)\r\n"
            }
            return Array((text + "\r\n").utf8)
        }
    }
#endif
