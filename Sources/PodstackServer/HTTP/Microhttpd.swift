import CMicrohttpd

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A running libmicrohttpd; the only file that calls it. What comes it tells a ``Reception``.
final class Microhttpd: Sendable {
    // Safe: libmicrohttpd's own functions may be called from any thread.
    private struct Daemon: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private let daemon: Daemon
    /// libmicrohttpd has a pointer to it.
    private let reception: Reception

    /// Nil when it cannot be started.
    ///
    /// - Parameter socket: One that listens. It is libmicrohttpd's to close when this was made.
    init?(_ socket: Int32, threads: Int, _ pem: TLSCertificate.PEM?, requestTime: Int, _ reception: Reception) {
        let context = Unmanaged.passUnretained(reception).toOpaque()
        var flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        var options = [
            MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(socket), ptr_value: nil),
            MHD_OptionItem(option: .THREAD_POOL_SIZE, value: threads, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_LIMIT, value: 2000, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: requestTime, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_MEMORY_LIMIT, value: 32 << 10, ptr_value: nil),
            MHD_OptionItem(
                option: .URI_LOG_CALLBACK, value: unsafeBitCast(Self.began, to: Int.self), ptr_value: nil),
            MHD_OptionItem(
                option: .NOTIFY_COMPLETED, value: unsafeBitCast(Self.completed, to: Int.self), ptr_value: context),
            MHD_OptionItem(
                option: .NOTIFY_CONNECTION, value: unsafeBitCast(Self.connected, to: Int.self), ptr_value: context),
        ]
        let pointer = TLSCertificate.withPointers(to: pem) { certificate, key in
            if let certificate, let key {
                flags |= MHD_USE_TLS.rawValue
                options += [
                    MHD_OptionItem(option: .HTTPS_MEM_CERT, value: 0, ptr_value: certificate),
                    MHD_OptionItem(option: .HTTPS_MEM_KEY, value: 0, ptr_value: key),
                    MHD_OptionItem(option: .HTTPS_PRIORITIES, value: 0, ptr_value: TLSCertificate.priorities),
                ]
            }
            options.append(MHD_OptionItem(option: .END, value: 0, ptr_value: nil))
            return podstack_start_daemon(flags, Self.received, context, &options)
        }
        guard let pointer else { return nil }
        daemon = Daemon(pointer: pointer)
        self.reception = reception
    }

    /// Closes all connections and the socket; to be called once, when no connection is suspended.
    func stop() { MHD_stop_daemon(daemon.pointer) }

    // MARK: - Connections

    /// One that is open. It can be suspended only while the reception is asked about it, and resumed only then.
    // Safe: libmicrohttpd's own functions may be called from any thread, and it frees none that is suspended.
    struct Connection: @unchecked Sendable {
        fileprivate let pointer: OpaquePointer

        func suspend() { MHD_suspend_connection(pointer) }
        func resume() { MHD_resume_connection(pointer) }

        /// False when there is no memory for it. Before this libmicrohttpd must not be stopped, or it sends nothing.
        func queue(_ answer: Answer.Ready, _ streams: OpenStreams) -> Bool {
            let body = answer.response.body
            let response =
                if let stream = answer.response.stream {
                    Microhttpd.streamed(Outgoing(stream, pointer, streams))
                } else {
                    body.withUnsafeBytes { bytes in
                        MHD_create_response_from_buffer(
                            bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
                    }
                }
            guard let response else { return false }
            defer { MHD_destroy_response(response) }
            if answer.response.stream != nil || !body.isEmpty {
                MHD_add_response_header(response, "Content-Type", answer.response.contentType)
            }
            MHD_add_response_header(response, "Cache-Control", answer.response.cacheControl)
            MHD_add_response_header(response, "X-Request-ID", answer.requestID)
            for (name, value) in answer.response.headers { Microhttpd.add(name, value, to: response) }
            return MHD_queue_response(pointer, UInt32(answer.response.status), response) == .YES
        }

        var address: ClientAddress { podstack_client_address(pointer).map { ClientAddress($0) } ?? .unknown }

        var entry: OpenConnections.Connection? {
            podstack_socket_context(pointer).map {
                Unmanaged<OpenConnections.Connection>.fromOpaque($0).takeUnretainedValue()
            }
        }
    }

    private static func reception(_ context: UnsafeMutableRawPointer) -> Reception {
        Unmanaged<Reception>.fromOpaque(context).takeUnretainedValue()
    }

    private static let connected: MHD_NotifyConnectionCallback = { context, connection, kept, event in
        guard let context, let connection, let kept else { return }
        let reception = reception(context)
        if event == .CONNECTION_NOTIFY_STARTED {
            let entry = reception.connections.add(socket: podstack_socket(connection))
            kept.pointee = Unmanaged.passRetained(entry).toOpaque()
            if let session = podstack_tls_session(connection) { reception.certificate?.present(to: session) }
        } else if let known = kept.pointee {
            reception.connections.remove(Unmanaged<OpenConnections.Connection>.fromOpaque(known).takeRetainedValue())
            kept.pointee = nil
        }
    }

    // MARK: - Requests

    /// The first line is there. What this returns is `kept` of the callbacks after it.
    private static let began:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
            _, target, _ in
            Unmanaged.passRetained(IncomingRequest(target: target.map { String(cString: $0) } ?? "")).toOpaque()
        }

    private static let received: MHD_AccessHandlerCallback = {
        context, connection, _, method, version, upload, size, kept in
        guard let context, let connection, let method, let version, let size, let kept = kept?.pointee
        else { return .NO }
        let reception = reception(context)
        let incoming = Unmanaged<IncomingRequest>.fromOpaque(kept).takeUnretainedValue()
        let count = size.pointee
        size.pointee = 0
        let goesOn: Bool
        if incoming.method == nil {
            // The first call. libmicrohttpd closes the connection of a request that is answered here: what follows is
            // not taken for another one.
            incoming.method = String(cString: method)
            collectHeaders(connection, into: incoming)
            goesOn = reception.takeHead(
                of: incoming, size: podstack_header_size(connection), isHTTP11: strcmp(version, "HTTP/1.1") == 0,
                on: Connection(pointer: connection))
        } else if let upload, count > 0 {
            goesOn = reception.takeBody(UnsafeRawBufferPointer(start: upload, count: count), of: incoming)
        } else {
            goesOn = reception.answer(incoming, on: Connection(pointer: connection))
        }
        return goesOn ? .YES : .NO
    }

    private static let completed: MHD_RequestCompletedCallback = { context, connection, kept, _ in
        guard let started = kept?.pointee else { return }
        let incoming = Unmanaged<IncomingRequest>.fromOpaque(started).takeRetainedValue()
        kept?.pointee = nil
        if let context, let connection { reception(context).forget(incoming, on: Connection(pointer: connection)) }
    }

    /// Of a value with a NUL in it libmicrohttpd itself keeps only what stands before that.
    private static func collectHeaders(_ connection: OpaquePointer, into incoming: IncomingRequest) {
        incoming.headers.reserveCapacity(8)
        _ = MHD_get_connection_values_n(
            connection, .HEADER_KIND,
            { context, _, name, _, value, count in
                guard let name, let context else { return .NO }
                let incoming = Unmanaged<IncomingRequest>.fromOpaque(context).takeUnretainedValue()
                incoming.headers.append((HeaderText.name(name), HeaderText.value(value, count)))
                return .YES
            }, Unmanaged.passUnretained(incoming).toOpaque())
    }

    // MARK: - Answers

    private static func add(_ name: StaticString, _ value: String, to response: OpaquePointer) {
        name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in
                // A static string ends with NUL.
                _ = MHD_add_response_header(response, name.baseAddress, value)
            }
        }
    }

    /// A stream that is being sent on a connection.
    private final class Outgoing {
        let stream: ResponseStream
        let connection: OpaquePointer
        let streams: OpenStreams

        init(_ stream: ResponseStream, _ connection: OpaquePointer, _ streams: OpenStreams) {
            self.stream = stream
            self.connection = connection
            self.streams = streams
        }
    }

    private static func streamed(_ outgoing: Outgoing) -> OpaquePointer? {
        let context = Unmanaged.passRetained(outgoing)
        let response = MHD_create_response_from_callback(.max, 4 << 10, next, context.toOpaque(), released)
        if response == nil {
            outgoing.streams.remove(outgoing.stream)
            context.release()
        }
        return response
    }

    private static let next: MHD_ContentReaderCallback = { context, _, buffer, size in
        guard let context, let buffer else { return -2 }
        let outgoing = Unmanaged<Outgoing>.fromOpaque(context).takeUnretainedValue()
        let piece = outgoing.stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size)) {
            MHD_suspend_connection(outgoing.connection)
        }
        return switch piece {
        case .bytes(let count): count
        case .nothing: 0
        // MHD_CONTENT_READER_END_OF_STREAM, a macro with a cast.
        case .end: -1
        }
    }

    private static let released: MHD_ContentReaderFreeCallback = { context in
        guard let context else { return }
        let outgoing = Unmanaged<Outgoing>.fromOpaque(context).takeRetainedValue()
        outgoing.streams.remove(outgoing.stream)
    }
}
