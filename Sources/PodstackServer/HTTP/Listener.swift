import CMicrohttpd
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Accepts connections and hands whole requests to a handler; the only file that calls libmicrohttpd.
///
/// The handler runs on the threads of the listener, several at once.
final class Listener: Sendable {
    typealias Handler = @Sendable (Request) -> Answer

    struct Failure: Error { var reason: String }

    static let largestBody = 64 << 10
    static let largestHeaders = 16 << 10
    static let mostHeaders = 100
    static let longestURL = 4 << 10
    /// Of a body that is too large this much is read before the answer, so that most clients get to see it.
    static let mostDiscarded = 1 << 20
    /// Seconds that a request may take to arrive.
    static let requestTime = 30

    /// The port that was picked, when 0 was asked for.
    let port: UInt16
    private let handling: Handling
    private let daemon: Mutex<Daemon>

    /// Owned by the mutex around it.
    // Safe: used only under the lock of `daemon`, and libmicrohttpd's own functions may be called from any thread.
    private struct Daemon: @unchecked Sendable {
        var pointer: OpaquePointer?
        var socket: Int32 = -1
    }

    /// - Parameters:
    ///   - certificate: Nil for plain HTTP.
    ///   - requestTime: Seconds that a request may take to arrive. ``endOverdue()`` sees to it.
    init(
        _ address: ListenAddress, threads: Int, certificate: TLSCertificate? = nil,
        requestTime: Int = Listener.requestTime, handler: @escaping Handler
    ) throws {
        let handling = Handling(handler, certificate, OpenConnections(requestTime: requestTime))
        var pem = try certificate?.pem()
        let (socket, port) = try address.open()
        let context = Unmanaged.passUnretained(handling).toOpaque()
        var flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
        var options = [
            MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(socket), ptr_value: nil),
            MHD_OptionItem(option: .THREAD_POOL_SIZE, value: max(threads, 2), ptr_value: nil),
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
        let pointer = Self.withPEM(&pem) { certificate, key in
            if let certificate, let key {
                flags |= MHD_USE_TLS.rawValue
                options += [
                    MHD_OptionItem(option: .HTTPS_MEM_CERT, value: 0, ptr_value: certificate),
                    MHD_OptionItem(option: .HTTPS_MEM_KEY, value: 0, ptr_value: key),
                    MHD_OptionItem(
                        option: .HTTPS_PRIORITIES, value: 0, ptr_value: UnsafeMutableRawPointer(Self.priorities)),
                ]
            }
            options.append(MHD_OptionItem(option: .END, value: 0, ptr_value: nil))
            return podstack_start_daemon(flags, Self.answer, context, &options)
        }
        guard let pointer else {
            close(socket)
            throw Failure(reason: "the listener could not be started")
        }
        self.port = port
        self.handling = handling
        daemon = Mutex(Daemon(pointer: pointer, socket: socket))
    }

    /// Made once, for as long as any listener could look at it.
    // Safe: written here alone, before anybody reads it.
    private nonisolated(unsafe) static let priorities: UnsafeMutablePointer<CChar> = {
        let text = Array(TLSCertificate.priorities.utf8CString)
        let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
        copy.initialize(from: text, count: text.count)
        return copy
    }()

    private static func withPEM<Result>(
        _ pem: inout TLSCertificate.PEM?, _ body: (UnsafeMutableRawPointer?, UnsafeMutableRawPointer?) -> Result
    ) -> Result {
        guard pem != nil else { return body(nil, nil) }
        var certificate = pem?.certificate ?? []
        var key = pem?.key ?? []
        return certificate.withUnsafeMutableBytes { certificate in
            key.withUnsafeMutableBytes { body(certificate.baseAddress, $0.baseAddress) }
        }
    }

    /// What waits on the socket sees its end.
    static func shutDown(_ socket: Int32) { shutdown(socket, Int32(SHUT_RDWR)) }

    /// Ends the connections that take longer than they may; to be called every second or so.
    func endOverdue() { handling.connections.endOverdue() }
    var openConnections: Int { handling.connections.count }

    deinit { stop() }

    /// Accepts no more, ends the streams, lets the requests under way finish, and closes all connections.
    ///
    /// - Parameter patience: Hundredths of seconds that those requests have.
    func stop(patience: Int = 1000) {
        daemon.withLock { daemon in
            guard let pointer = daemon.pointer else { return }
            // Not MHD_quiesce_daemon: with epoll it races against the library's own threads, and aborts the process.
            Self.shutDown(daemon.socket)
            // libmicrohttpd cannot be stopped while a connection is suspended.
            handling.streams.end()
            handling.deferrals.refuse()
            var waited = 0
            while handling.underWay.load(ordering: .acquiring) > 0 || handling.deferrals.count > 0, waited < patience {
                usleep(10_000)
                waited += 1
            }
            handling.deferrals.cut()
            // Who reads sees a proper end; for who does not nobody waits.
            waited = 0
            while handling.streams.count + handling.deferrals.count > 0, waited < 50 {
                usleep(10_000)
                waited += 1
            }
            // Closes the listening socket too.
            MHD_stop_daemon(pointer)
            daemon.pointer = nil
        }
    }

    // MARK: - What libmicrohttpd calls

    /// What the callbacks get at.
    private final class Handling: Sendable {
        let handler: Handler
        let certificate: TLSCertificate?
        let connections: OpenConnections
        let underWay = Atomic<Int>(0)
        let streams = OpenStreams()
        let deferrals = OpenDeferrals()

        init(_ handler: @escaping Handler, _ certificate: TLSCertificate?, _ connections: OpenConnections) {
            self.handler = handler
            self.certificate = certificate
            self.connections = connections
        }

        static func at(_ context: UnsafeMutableRawPointer) -> Handling {
            Unmanaged<Handling>.fromOpaque(context).takeUnretainedValue()
        }
    }

    /// A request that is still coming in.
    private final class Incoming {
        let target: String
        var headers: [(name: String, value: String)] = []
        var isKnown = false
        var body: [UInt8] = []
        /// More than may be, and not kept.
        var discarded = 0
        /// The whole request is there, and somebody works on its answer.
        var deferral: Deferral?

        init(target: String) { self.target = target }
    }

    private static let connected: MHD_NotifyConnectionCallback = { context, connection, kept, event in
        guard let context, let connection, let kept else { return }
        let handling = Handling.at(context)
        if event == .CONNECTION_NOTIFY_STARTED {
            let entry = handling.connections.add(socket: podstack_socket(connection))
            kept.pointee = Unmanaged.passRetained(entry).toOpaque()
            if let session = podstack_tls_session(connection) { handling.certificate?.present(to: session) }
        } else if let known = kept.pointee {
            handling.connections.remove(Unmanaged<OpenConnections.Connection>.fromOpaque(known).takeRetainedValue())
            kept.pointee = nil
        }
    }

    private static func entry(of connection: OpaquePointer) -> OpenConnections.Connection? {
        podstack_socket_context(connection).map {
            Unmanaged<OpenConnections.Connection>.fromOpaque($0).takeUnretainedValue()
        }
    }

    /// The first line is there. What this returns is `incoming` of the callbacks after it.
    private static let began:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
            _, target, _ in
            Unmanaged.passRetained(Incoming(target: target.map { String(cString: $0) } ?? "")).toOpaque()
        }

    private static let completed: MHD_RequestCompletedCallback = { context, connection, incoming, _ in
        if let context, let connection, let entry = entry(of: connection) {
            Handling.at(context).connections.requestEnded(entry)
        }
        guard let incoming, let started = incoming.pointee else { return }
        let current = Unmanaged<Incoming>.fromOpaque(started).takeRetainedValue()
        incoming.pointee = nil
        if let context, let deferral = current.deferral { Handling.at(context).deferrals.remove(deferral) }
    }

    private static let answer: MHD_AccessHandlerCallback = {
        context, connection, _, method, version, upload, uploadSize, incoming in
        guard let context, let connection, let method, let version, let uploadSize, let started = incoming?.pointee
        else { return .NO }
        let handling = Handling.at(context)
        let current = Unmanaged<Incoming>.fromOpaque(started).takeUnretainedValue()
        guard current.isKnown else {
            // The first call. libmicrohttpd closes the connection of a request that is answered here: what follows is
            // not taken for another one.
            current.isKnown = true
            if let entry = entry(of: connection) { handling.connections.requestBegins(entry) }
            collect(connection, into: current)
            let defect = RequestHead.defect(
                target: current.target, size: podstack_header_size(connection),
                isHTTP11: strcmp(version, "HTTP/1.1") == 0, headers: current.headers)
            return defect.map { answer(current, connection, method, $0, handling) } ?? .YES
        }
        let count = uploadSize.pointee
        guard count > 0 else {
            if let deferral = current.deferral { return wait(for: deferral, connection, handling) }
            return answer(current, connection, method, current.discarded > 0 ? .largeBody : nil, handling)
        }
        uploadSize.pointee = 0
        guard let upload, current.discarded == 0, current.body.count + count <= largestBody else {
            current.discarded += count
            current.body = []
            return current.discarded <= mostDiscarded ? .YES : .NO
        }
        current.body.append(contentsOf: UnsafeRawBufferPointer(start: upload, count: count))
        return .YES
    }

    private static func answer(
        _ current: Incoming, _ connection: OpaquePointer, _ method: UnsafePointer<CChar>, _ defect: Request.Defect?,
        _ handling: Handling
    ) -> MHD_Result {
        handling.underWay.add(1, ordering: .relaxed)
        defer { handling.underWay.subtract(1, ordering: .releasing) }
        let target = RequestTarget(current.target)
        var request = Request(
            method: String(cString: method), path: target.path, query: target.query, headers: current.headers,
            body: current.body, defect: defect ?? (target.isMalformed ? .malformedTarget : nil))
        if let address = podstack_client_address(connection) { request.address = ClientAddress(address) }
        switch handling.handler(request) {
        case .ready(let response, let requestID): return queue((response, requestID), connection, handling)
        case .later(let queue, let make):
            guard let entry = entry(of: connection) else { return .NO }
            handling.connections.answerBegins(entry, size: 0)
            let connections = handling.connections
            // Safe: see `Suspended`.
            let suspended = Suspended(connection: connection)
            let deferral = Deferral(
                queue,
                on: Deferral.Carrier(resume: { suspended.resume() }, isLeft: { connections.isLeft(entry) }),
                make: make)
            current.deferral = deferral
            handling.deferrals.begin(deferral)
            return wait(for: deferral, connection, handling)
        }
    }

    /// One that can be made to go on.
    // Safe: libmicrohttpd's function may be called from any thread, and does not free a connection that is suspended.
    private struct Suspended: @unchecked Sendable {
        let connection: OpaquePointer

        func resume() { MHD_resume_connection(connection) }
    }

    /// What was resumed comes here again.
    private static func wait(
        for deferral: Deferral, _ connection: OpaquePointer, _ handling: Handling
    ) -> MHD_Result {
        let answer = deferral.wait { MHD_suspend_connection(connection) }
        guard let answer else { return .YES }
        defer { handling.deferrals.remove(deferral) }
        return queue(answer, connection, handling)
    }

    /// Of a value with a NUL in it libmicrohttpd itself keeps only what stands before that.
    private static func collect(_ connection: OpaquePointer, into current: Incoming) {
        current.headers.reserveCapacity(8)
        _ = MHD_get_connection_values_n(
            connection, .HEADER_KIND,
            { context, _, name, _, value, count in
                guard let name, let context else { return .NO }
                let current = Unmanaged<Incoming>.fromOpaque(context).takeUnretainedValue()
                current.headers.append((Listener.lowercased(name), Listener.text(value, count)))
                return .YES
            }, Unmanaged.passUnretained(current).toOpaque())
    }

    private static func text(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let bytes, count > 0 else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    private static func lowercased(_ name: UnsafePointer<CChar>) -> String {
        let length = strlen(name)
        return String(unsafeUninitializedCapacity: length) { bytes in
            for index in 0..<length {
                let byte = UInt8(bitPattern: name[index])
                bytes[index] = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
            }
            return length
        }
    }

    private static func queue(
        _ answer: Answer.Ready, _ connection: OpaquePointer, _ handling: Handling
    ) -> MHD_Result {
        if let stream = answer.response.stream { return queue(answer, stream, connection, handling) }
        if let entry = entry(of: connection) {
            handling.connections.answerBegins(entry, size: answer.response.body.count)
        }
        let body = answer.response.body
        let response = body.withUnsafeBytes { bytes in
            MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        return queue(answer, response, connection, hasBody: !body.isEmpty)
    }

    private static func queue(
        _ answer: Answer.Ready, _ response: OpaquePointer?, _ connection: OpaquePointer,
        hasBody: Bool
    ) -> MHD_Result {
        guard let response else { return .NO }
        defer { MHD_destroy_response(response) }
        if hasBody { MHD_add_response_header(response, "Content-Type", answer.response.contentType) }
        MHD_add_response_header(response, "Cache-Control", answer.response.cacheControl)
        MHD_add_response_header(response, "X-Request-ID", answer.requestID)
        for (name, value) in answer.response.headers { add(name, value, to: response) }
        return MHD_queue_response(connection, UInt32(answer.response.status), response)
    }

    // MARK: - Streams

    /// One that is being sent on a connection.
    // Safe: the pointer is used only by libmicrohttpd's own functions, which may be called from any thread, and only
    // until libmicrohttpd has released this.
    private final class Outgoing: @unchecked Sendable {
        let stream: ResponseStream
        let connection: OpaquePointer
        let streams: OpenStreams

        init(_ stream: ResponseStream, _ connection: OpaquePointer, _ streams: OpenStreams) {
            self.stream = stream
            self.connection = connection
            self.streams = streams
        }
    }

    private static func queue(
        _ answer: Answer.Ready, _ stream: ResponseStream, _ connection: OpaquePointer,
        _ handling: Handling
    ) -> MHD_Result {
        let outgoing = Outgoing(stream, connection, handling.streams)
        let connections = handling.connections
        if let entry = entry(of: connection) {
            connections.streamBegins(entry, lasting: stream.longest)
            stream.begin(
                on: ResponseStream.Carrier(
                    resume: { [unowned outgoing] in MHD_resume_connection(outgoing.connection) },
                    cut: { connections.end(entry) }, isLeft: { connections.isLeft(entry) }))
        }
        handling.streams.add(stream)
        let context = Unmanaged.passRetained(outgoing)
        let response = MHD_create_response_from_callback(.max, 4 << 10, next, context.toOpaque(), released)
        if response == nil {
            handling.streams.remove(stream)
            context.release()
        }
        return queue(answer, response, connection, hasBody: true)
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

    private static func add(_ name: StaticString, _ value: String, to response: OpaquePointer) {
        name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in
                // A static string ends with NUL.
                _ = MHD_add_response_header(response, name.baseAddress, value)
            }
        }
    }
}
