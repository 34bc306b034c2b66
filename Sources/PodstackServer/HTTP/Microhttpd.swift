import CMicrohttpd
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A running libmicrohttpd; the only file that calls the library.
///
/// It passes every event to a ``ConnectionDriver``.
final class Microhttpd: Sendable {
    // Safe: the functions of libmicrohttpd may be called from any thread.
    private struct Daemon: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    /// One for each event thread: libmicrohttpd has no pool of threads for connections that the program accepts.
    private let daemons: [Daemon]
    /// The number of connections that were added.
    private let added = Atomic<Int>(0)
    /// Kept alive here, because libmicrohttpd has a pointer to it.
    private let driver: ConnectionDriver

    /// Starts libmicrohttpd, or returns nil if it cannot be started.
    ///
    /// - Parameters:
    ///   - threads: The number of event threads.
    ///   - pem: The certificate and key for TLS, or nil for plain HTTP.
    ///   - requestSeconds: The seconds after which a connection without any activity is closed.
    ///   - driver: Gets every event.
    init?(threads: Int, _ pem: TLSCertificate.PEM?, requestSeconds: Int, _ driver: ConnectionDriver) {
        var daemons: [Daemon] = []
        for _ in 0..<threads {
            guard let daemon = Self.start(pem, requestSeconds: requestSeconds, driver) else {
                for daemon in daemons { MHD_stop_daemon(daemon.pointer) }
                return nil
            }
            daemons.append(daemon)
        }
        self.daemons = daemons
        self.driver = driver
    }

    /// The bytes of memory for the head of a request and that of its response.
    ///
    /// The largest head has ``RequestLimits/head`` bytes and ``RequestLimits/headers`` fields. libmicrohttpd clears all of
    /// the memory for each request, so no more than needed.
    private static let connectionMemory = 24 << 10

    /// Starts a daemon with one event thread.
    private static func start(
        _ pem: TLSCertificate.PEM?, requestSeconds: Int, _ driver: ConnectionDriver
    ) -> Daemon? {
        let context = Unmanaged.passUnretained(driver).toOpaque()
        var flags =
            MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue
            | MHD_USE_NO_LISTEN_SOCKET.rawValue | MHD_USE_SUPPRESS_DATE_NO_CLOCK.rawValue
            | MHD_ALLOW_UPGRADE.rawValue
        var options = [
            // More than the driver allows, so that libmicrohttpd's own limit, which closes the newest, is not reached.
            MHD_OptionItem(option: .CONNECTION_LIMIT, value: 2 * OpenConnections.maxCount, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: requestSeconds, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_MEMORY_LIMIT, value: connectionMemory, ptr_value: nil),
            MHD_OptionItem(option: .URI_LOG_CALLBACK, value: unsafeBitCast(began, to: Int.self), ptr_value: nil),
            MHD_OptionItem(
                option: .NOTIFY_COMPLETED, value: unsafeBitCast(completed, to: Int.self), ptr_value: context),
            MHD_OptionItem(
                option: .NOTIFY_CONNECTION, value: unsafeBitCast(connected, to: Int.self), ptr_value: context),
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
            return podstack_start_daemon(flags, received, context, &options)
        }
        return pointer.map(Daemon.init)
    }

    /// Hands a connected socket over to an event thread; returns false, after closing it, if that fails.
    func add(socket: Int32, _ address: UnsafePointer<sockaddr>, size: socklen_t) -> Bool {
        let turn = added.wrappingAdd(1, ordering: .relaxed).oldValue
        return podstack_add_connection(daemons[turn % daemons.count].pointer, socket, address, size) != 0
    }

    /// Closes all connections; called once, while no connection is suspended.
    func stop() { for daemon in daemons { MHD_stop_daemon(daemon.pointer) } }

    // MARK: - Connections

    /// Accepts a connection and returns its socket, or a negative number; `use` gets the socket and its address.
    static func accept(
        from listening: Int32, _ use: (_ socket: Int32, _ address: UnsafePointer<sockaddr>, socklen_t) -> Void
    ) -> Int32 {
        var address = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let socket = podstack_accept(listening, &address, &size)
        guard socket >= 0 else { return socket }
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { use(socket, $0, size) }
        }
        return socket
    }

    /// Returns whether a connection had no traffic for a time, and is not in the middle of a request.
    ///
    /// - Parameters:
    ///   - socket: The socket of the connection.
    ///   - milliseconds: The time.
    ///   - isNew: Whether nothing was sent on the connection yet.
    /// - Returns: Whether the connection is idle.
    static func isQuiet(_ socket: Int32, forMilliseconds milliseconds: UInt32, isNew: Bool) -> Bool {
        podstack_is_quiet(socket, milliseconds, isNew ? 1 : 0) != 0
    }

    /// An open connection. It may be suspended only during a callback for it, and resumed only while it is suspended.
    // Safe: the functions of libmicrohttpd may be called from any thread, and it frees no suspended connection.
    struct Connection: @unchecked Sendable {
        fileprivate let pointer: OpaquePointer

        func suspend() { MHD_suspend_connection(pointer) }
        func resume() { MHD_resume_connection(pointer) }

        /// Hands a response to libmicrohttpd; returns false if there is no memory for it.
        ///
        /// libmicrohttpd must not be stopped before this, or it sends nothing.
        func queue(_ ready: HandlerResult.Ready, _ streams: OpenStreams) -> Bool {
            guard let outgoing = Microhttpd.outgoing(ready, on: self, streams) else { return false }
            return MHD_queue_response(pointer, UInt32(ready.response.status), outgoing.pointer) == .YES
        }

        /// Hands a response to libmicrohttpd after which the connection switches to another protocol.
        ///
        /// The upgrade must live until the request ends.
        func queue(_ ready: HandlerResult.Ready, _ pending: PendingUpgrade) -> Bool {
            let context = Unmanaged.passUnretained(pending).toOpaque()
            guard let response = MHD_create_response_for_upgrade(Microhttpd.upgraded, context) else { return false }
            // libmicrohttpd keeps the response until it is sent.
            let outgoing = OutgoingResponse(response, ready.response, requestID: ready.requestID)
            outgoing.add("Upgrade", pending.name)
            return MHD_queue_response(pointer, UInt32(ready.response.status), outgoing.pointer) == .YES
        }

        var address: ClientAddress { state?.address ?? .unknown }
        var entry: OpenConnections.Entry? { state?.entry }

        fileprivate var state: ConnectionState? {
            podstack_socket_context(pointer).map {
                Unmanaged<ConnectionState>.fromOpaque($0).takeUnretainedValue()
            }
        }
    }

    /// A connection as its event thread knows it; no other thread uses it.
    fileprivate final class ConnectionState {
        let entry: OpenConnections.Entry
        let address: ClientAddress
        /// The fields of the request whose head has arrived last; kept for their memory.
        var fields = HeaderFields()
        /// The end of the last field of that head in the buffer.
        var fieldsEnd: UnsafePointer<CChar>?
        /// Whether a field of that head continues on another line.
        var hasFoldedField = false

        /// Appends a field of a head.
        func append(
            _ name: UnsafePointer<CChar>?, _ nameSize: Int, _ value: UnsafePointer<CChar>?, _ valueSize: Int
        ) {
            if let name, let end = fieldsEnd, !Microhttpd.isNextLine(name, after: end) { hasFoldedField = true }
            fieldsEnd = value.map { $0 + valueSize }
            // libmicrohttpd itself cuts a value off at a NUL.
            fields.append(
                UnsafeRawBufferPointer(start: name, count: nameSize),
                UnsafeRawBufferPointer(start: value, count: value == nil ? 0 : valueSize))
        }
        /// The head of the last request, unless it was large.
        var lastHead: RequestHead?
        /// The last response that is likely to be sent again.
        var lastResponse: OutgoingResponse?

        init(_ entry: OpenConnections.Entry, _ address: ClientAddress) {
            self.entry = entry
            self.address = address
        }
    }

    private static func driver(_ context: UnsafeMutableRawPointer) -> ConnectionDriver {
        Unmanaged<ConnectionDriver>.fromOpaque(context).takeUnretainedValue()
    }

    private static let connected: MHD_NotifyConnectionCallback = { context, connection, kept, event in
        guard let context, let connection, let kept else { return }
        let driver = driver(context)
        if event == .CONNECTION_NOTIFY_STARTED {
            guard let entry = driver.connections.entry(socket: podstack_socket(connection)) else { return }
            let address = podstack_client_address(connection).map { ClientAddress($0) } ?? .unknown
            kept.pointee = Unmanaged.passRetained(ConnectionState(entry, address)).toOpaque()
            if let session = podstack_tls_session(connection) { driver.certificate?.present(to: session) }
        } else if let known = kept.pointee {
            driver.connections.remove(Unmanaged<ConnectionState>.fromOpaque(known).takeRetainedValue().entry)
            kept.pointee = nil
        }
    }

    // MARK: - Requests

    /// Called when the first line of a request has arrived.
    ///
    /// The later callbacks of the request get the result as `kept`.
    private static let began:
        @convention(c) (UnsafeMutableRawPointer?, UnsafePointer<CChar>?, OpaquePointer?) -> UnsafeMutableRawPointer? = {
            _, target, _ in
            // The program reads the query from its own copy.
            defer { podstack_hide_query(target) }
            return Unmanaged.passRetained(IncomingRequest(target: target.map { String(cString: $0) } ?? "")).toOpaque()
        }

    private static let received: MHD_AccessHandlerCallback = {
        context, connection, _, method, version, upload, size, kept in
        guard let context, let connection, let method, let version, let size, let kept = kept?.pointee
        else { return .NO }
        let driver = driver(context)
        let incoming = Unmanaged<IncomingRequest>.fromOpaque(kept).takeUnretainedValue()
        let count = size.pointee
        size.pointee = 0
        guard let head = incoming.head else {
            guard let state = Connection(pointer: connection).state else { return .NO }
            // The first call for this request. If it is responded to here, libmicrohttpd closes the connection, so that
            // the rest is not read as another request.
            let head = receivedHead(
                of: incoming, method, isHTTP11: strcmp(version, "HTTP/1.1") == 0, on: connection, state)
            incoming.head = head
            if head.isChunked { incoming.chunks = chunks(connection) }
            return driver.receiveHead(of: incoming, on: Connection(pointer: connection)) ? .YES : .NO
        }
        let isKept: Bool
        if let upload, count > 0 {
            if head.isChunked { checkChunk(upload, count, connection, incoming) }
            isKept = driver.receiveBody(
                UnsafeRawBufferPointer(start: upload, count: count), of: incoming, on: Connection(pointer: connection))
        } else {
            let isEnd = incoming.streamedBody == nil ? incoming.deferred == nil : !incoming.isBodyComplete
            if isEnd { incoming.chunks?.end(received: receivedBytes(connection)) }
            isKept = driver.respond(to: incoming, on: Connection(pointer: connection))
        }
        return isKept ? .YES : .NO
    }

    /// Returns whether a field begins on the line after the end of another one.
    ///
    /// libmicrohttpd passes the fields where it has received them, with nothing but the end of a line between two. It joins
    /// the lines of a field that continues on another one in a different place, without the white space between them, so
    /// that another program may read a different value: RFC 9112, section 5.2.
    fileprivate static func isNextLine(_ name: UnsafePointer<CChar>, after end: UnsafePointer<CChar>) -> Bool {
        guard name > end, name - end <= connectionMemory else { return false }
        var place = end
        while place < name {
            switch place.pointee {
            case 0, 0x0A, 0x0D, 0x20, 0x09: place += 1
            default: return false
            }
        }
        return true
    }

    // MARK: - Chunks

    /// Returns the number of bytes that a connection has received; nil if that is not known, as with TLS.
    private static func receivedBytes(_ connection: OpaquePointer) -> Int64? {
        guard podstack_tls_session(connection) == nil else { return nil }
        let count = podstack_received(podstack_socket(connection))
        return count < 0 ? nil : count
    }

    /// Returns the bytes at a place in the buffer of a connection.
    ///
    /// Its last bytes are always in use for the list of the header fields, so the result is never beyond it.
    private static func bytes(at place: UnsafePointer<CChar>) -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: place, count: ChunkFraming.maxLine))
    }

    /// Returns the beginning of a body behind its head; nil if the head has no field.
    private static func chunks(_ connection: OpaquePointer) -> ChunkFraming? {
        var end: UnsafePointer<CChar>?
        withUnsafeMutablePointer(to: &end) { end in
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { context, _, _, _, value, count in
                    guard let value, let end = context?.assumingMemoryBound(to: UnsafePointer<CChar>?.self) else {
                        return .NO
                    }
                    let here = value + count
                    if end.pointee.map({ $0 < here }) ?? true { end.pointee = here }
                    return .YES
                }, end)
        }
        guard var start = end else { return nil }
        // libmicrohttpd has replaced the CR LF of the last field, and that of the empty line, by NUL.
        for _ in 0..<4 where start.pointee == 0 { start += 1 }
        return ChunkFraming(
            at: Int(bitPattern: start), following: bytes(at: start), received: receivedBytes(connection))
    }

    private static func checkChunk(
        _ data: UnsafePointer<CChar>, _ count: Int, _ connection: OpaquePointer, _ incoming: IncomingRequest
    ) {
        if followsBareLineFeed(data) { incoming.hasMalformedChunk = true }
        let start = Int(bitPattern: data)
        incoming.chunks?.data(
            at: start..<start + count, following: bytes(at: data + count), received: receivedBytes(connection))
    }

    /// The length of a chunk-size line that is checked.
    private static let maxChunkLine = ChunkFraming.maxLine

    /// Returns whether a chunk-size line that ends in a bare LF is directly before the data of a chunk.
    ///
    /// libmicrohttpd accepts such a line, which other programs read differently: RFC 9112, section 7.1. It passes the data
    /// where it was received, so the line is still before it, unless both arrived separately. Then, and at the beginning of
    /// a body with a length, the byte before is the NUL that libmicrohttpd writes at the end of the headers, which are
    /// longer than ``maxChunkLine``.
    private static func followsBareLineFeed(_ data: UnsafePointer<CChar>) -> Bool {
        let (lineFeed, carriageReturn) = (CChar(0x0A), CChar(0x0D))
        guard data[-1] == lineFeed, data[-2] != carriageReturn else { return false }
        var start = -1
        while start > -maxChunkLine, data[start - 1] != lineFeed, data[start - 1] != 0 { start -= 1 }
        return start < -1 && isxdigit(Int32(data[start])) != 0
    }

    // MARK: - Upgrades

    // Safe: the functions of libmicrohttpd may be called from any thread.
    private struct Upgraded: @unchecked Sendable {
        let handle: OpaquePointer
    }

    fileprivate static let upgraded: MHD_UpgradeHandler = { context, _, _, extra, count, socket, handle in
        guard let context, let handle else { return }
        let pending = Unmanaged<PendingUpgrade>.fromOpaque(context).takeUnretainedValue()
        let beginning = extra.map { Array(UnsafeRawBufferPointer(start: $0, count: count)) } ?? []
        let upgraded = Upgraded(handle: handle)
        pending.begin(on: UpgradedSocket(socket, beginning: beginning)) { podstack_close_upgraded(upgraded.handle) }
    }

    // MARK: - Ends of requests

    private static let completed: MHD_RequestCompletedCallback = { context, connection, kept, _ in
        guard let started = kept?.pointee else { return }
        let incoming = Unmanaged<IncomingRequest>.fromOpaque(started).takeRetainedValue()
        kept?.pointee = nil
        if let context, let connection { driver(context).finish(incoming, on: Connection(pointer: connection)) }
    }

    /// The bytes of header fields up to which a connection keeps the last head.
    private static let maxKeptFields = 2 << 10

    /// Returns the head of a request, which is the last one of its connection if they are equal.
    private static func receivedHead(
        of incoming: IncomingRequest, _ method: UnsafePointer<CChar>, isHTTP11: Bool, on connection: OpaquePointer,
        _ state: ConnectionState
    ) -> RequestHead {
        state.fields.removeAll()
        (state.fieldsEnd, state.hasFoldedField) = (nil, false)
        _ = MHD_get_connection_values_n(
            connection, .HEADER_KIND,
            { context, _, name, nameSize, value, valueSize in
                guard let context else { return .NO }
                Unmanaged<ConnectionState>.fromOpaque(context).takeUnretainedValue().append(
                    name, nameSize, value, valueSize)
                return .YES
            }, Unmanaged.passUnretained(state).toOpaque())
        let size = podstack_header_size(connection)
        if let last = state.lastHead, last.source.size == size, last.source.hasFoldedField == state.hasFoldedField,
            last.source.fields == state.fields,
            last.source.target == incoming.target, last.source.isHTTP11 == isHTTP11,
            last.source.method.withCString({ strcmp($0, method) == 0 })
        {
            return last
        }
        let head = RequestHead(
            RequestHead.Source(
                method: String(cString: method), target: incoming.target, isHTTP11: isHTTP11, size: size,
                fields: state.fields, hasFoldedField: state.hasFoldedField))
        let isKept = state.fields.size <= maxKeptFields
        state.lastHead = isKept ? head : nil
        // Its memory belongs to the head now, or is too large to keep.
        state.fields = HeaderFields()
        return head
    }

    // MARK: - Responses

    /// A response as libmicrohttpd sends it.
    fileprivate final class OutgoingResponse {
        let pointer: OpaquePointer
        private let response: Response
        private var date: String
        private var requestID: String

        /// Adds the header fields to a response that libmicrohttpd has created from the body.
        init(_ pointer: OpaquePointer, _ response: Response, requestID: String) {
            self.pointer = pointer
            self.response = response
            self.requestID = requestID
            date = DateHeader.current
            if response.stream != nil || !response.body.isEmpty { add("Content-Type", response.contentType) }
            add("Cache-Control", response.cacheControl)
            for (name, value) in response.headers { add(name, value) }
            add("Date", date)
            add("X-Request-ID", requestID)
        }

        deinit { MHD_destroy_response(pointer) }

        /// Makes this the response to another request; returns false if it differs in more than its time and ID.
        func becomes(_ other: Response, requestID: String) -> Bool {
            guard response.isEqual(to: other) else { return false }
            replace("X-Request-ID", &self.requestID, requestID)
            let now = DateHeader.current
            if now != date { replace("Date", &date, now) }
            return true
        }

        private func replace(_ name: StaticString, _ old: inout String, _ new: String) {
            Self.withPointer(to: name) { _ = MHD_del_response_header(pointer, $0, old) }
            add(name, new)
            old = new
        }

        func add(_ name: StaticString, _ value: String) {
            Self.withPointer(to: name) { _ = MHD_add_response_header(pointer, $0, value) }
        }

        private static func withPointer(to name: StaticString, _ use: (UnsafePointer<CChar>) -> Void) {
            name.withUTF8Buffer { bytes in
                // A static string is terminated by NUL.
                bytes.withMemoryRebound(to: CChar.self) { if let name = $0.baseAddress { use(name) } }
            }
        }
    }

    /// Returns the response for libmicrohttpd, which is the last one of its connection if they are equal; nil if there is
    /// no memory for it.
    fileprivate static func outgoing(
        _ ready: HandlerResult.Ready, on connection: Connection, _ streams: OpenStreams
    ) -> OutgoingResponse? {
        let response = ready.response
        if let last = connection.state?.lastResponse, last.becomes(response, requestID: ready.requestID) { return last }
        let pointer =
            if let stream = response.stream {
                streamed(OutgoingStream(stream, connection.pointer, streams))
            } else if let constant = response.constant {
                // `IncomingRequest.held` keeps the bytes until the response is sent.
                MHD_create_response_from_buffer(
                    constant.bytes.count, UnsafeMutableRawPointer(mutating: constant.bytes.baseAddress),
                    .RESPMEM_PERSISTENT)
            } else {
                response.body.withUnsafeBytes { bytes in
                    MHD_create_response_from_buffer(
                        bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
                }
            }
        guard let pointer else { return nil }
        let outgoing = OutgoingResponse(pointer, response, requestID: ready.requestID)
        if response.isRepeatable { connection.state?.lastResponse = outgoing }
        return outgoing
    }

    /// A stream that is being sent on a connection.
    private final class OutgoingStream {
        let stream: ResponseStream
        let connection: OpaquePointer
        let streams: OpenStreams

        init(_ stream: ResponseStream, _ connection: OpaquePointer, _ streams: OpenStreams) {
            self.stream = stream
            self.connection = connection
            self.streams = streams
        }
    }

    private static func streamed(_ outgoing: OutgoingStream) -> OpaquePointer? {
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
        let outgoing = Unmanaged<OutgoingStream>.fromOpaque(context).takeUnretainedValue()
        let result = outgoing.stream.read(into: UnsafeMutableRawBufferPointer(start: buffer, count: size)) {
            MHD_suspend_connection(outgoing.connection)
        }
        return switch result {
        case .bytes(let count): count
        case .nothing: 0
        // MHD_CONTENT_READER_END_OF_STREAM, a macro with a cast.
        case .end: -1
        }
    }

    private static let released: MHD_ContentReaderFreeCallback = { context in
        guard let context else { return }
        let outgoing = Unmanaged<OutgoingStream>.fromOpaque(context).takeRetainedValue()
        outgoing.streams.remove(outgoing.stream)
    }
}
