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
    typealias Handler = @Sendable (Request) -> (response: Response, requestID: String)

    struct Failure: Error { var reason: String }

    static let largestBody = 64 << 10
    static let longestURL = 4 << 10

    /// The port that was picked, when 0 was asked for.
    let port: UInt16
    private let handling: Handling
    private let daemon: Mutex<Daemon>

    /// Owned by the mutex around it.
    private struct Daemon: @unchecked Sendable {
        // Safe: used only under the lock of `daemon`, and libmicrohttpd's own functions may be called from any thread.
        var pointer: OpaquePointer?
        var socket: Int32 = -1
    }

    /// - Parameters:
    ///   - address: An IPv4 address in dotted form.
    ///   - port: 0 picks a free one.
    init(address: String, port: UInt16, threads: Int, handler: @escaping Handler) throws(Failure) {
        let handling = Handling(handler)
        let socket = try Self.listen(address, port)
        let context = Unmanaged.passUnretained(handling).toOpaque()
        let flags = MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_USE_ITC.rawValue
        var options = [
            MHD_OptionItem(option: .LISTEN_SOCKET, value: Int(socket), ptr_value: nil),
            MHD_OptionItem(option: .THREAD_POOL_SIZE, value: max(threads, 2), ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_LIMIT, value: 2000, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_TIMEOUT, value: 30, ptr_value: nil),
            MHD_OptionItem(option: .CONNECTION_MEMORY_LIMIT, value: 32 << 10, ptr_value: nil),
            MHD_OptionItem(
                option: .NOTIFY_COMPLETED,
                value: unsafeBitCast(Self.completed, to: Int.self), ptr_value: nil),
            MHD_OptionItem(option: .END, value: 0, ptr_value: nil),
        ]
        guard let pointer = podstack_start_daemon(flags, Self.answer, context, &options) else {
            close(socket)
            throw Failure(reason: "the listener could not be started")
        }
        self.port = Self.port(of: socket)
        self.handling = handling
        daemon = Mutex(Daemon(pointer: pointer, socket: socket))
    }

    deinit { stop() }

    /// Accepts no more, lets the requests under way finish (10 seconds at most), and closes all connections.
    func stop() {
        daemon.withLock { daemon in
            guard let pointer = daemon.pointer else { return }
            // Not MHD_quiesce_daemon: with epoll it races against the library's own threads, and aborts the process.
            shutdown(daemon.socket, Int32(SHUT_RDWR))
            var waited = 0
            while handling.underWay.load(ordering: .acquiring) > 0, waited < 1000 {
                usleep(10_000)
                waited += 1
            }
            // Closes the listening socket too.
            MHD_stop_daemon(pointer)
            daemon.pointer = nil
        }
    }

    /// What the callbacks get at.
    private final class Handling: Sendable {
        let handler: Handler
        let underWay = Atomic<Int>(0)
        init(_ handler: @escaping Handler) { self.handler = handler }
    }

    /// A request that is still coming in.
    private final class Incoming {
        var body: [UInt8] = []
        var isTooLarge = false
    }

    private static let completed: MHD_RequestCompletedCallback = { _, _, incoming, _ in
        guard let incoming, let started = incoming.pointee else { return }
        Unmanaged<Incoming>.fromOpaque(started).release()
        incoming.pointee = nil
    }

    private static let answer: MHD_AccessHandlerCallback = {
        context, connection, url, method, _, upload, uploadSize, incoming in
        guard let context, let connection, let url, let method, let uploadSize, let incoming else { return .NO }
        guard let started = incoming.pointee else {
            guard isWellFramed(connection) else {
                // Answered at the first call, so that the connection closes and what follows is not taken for a request.
                var request = Request(method: String(cString: method), path: String(cString: url))
                request.isMalformed = true
                let handling = Unmanaged<Handling>.fromOpaque(context).takeUnretainedValue()
                return queue(handling.handler(request), connection)
            }
            // libmicrohttpd closes the connection of a request that is answered at the first call.
            incoming.pointee = Unmanaged.passRetained(Incoming()).toOpaque()
            return .YES
        }
        let current = Unmanaged<Incoming>.fromOpaque(started).takeUnretainedValue()
        if uploadSize.pointee > 0 {
            let count = uploadSize.pointee
            uploadSize.pointee = 0
            guard let upload, !current.isTooLarge, current.body.count + count <= largestBody else {
                current.isTooLarge = true
                current.body = []
                return .YES
            }
            current.body.append(contentsOf: UnsafeRawBufferPointer(start: upload, count: count))
            return .YES
        }
        let handling = Unmanaged<Handling>.fromOpaque(context).takeUnretainedValue()
        handling.underWay.add(1, ordering: .relaxed)
        defer { handling.underWay.subtract(1, ordering: .releasing) }
        var request = Request(method: String(cString: method), path: String(cString: url), body: current.body)
        if current.isTooLarge { request.body = [UInt8](repeating: 0, count: largestBody + 1) }
        let address = podstack_client_ipv4(connection)
        if address != 0 { request.address = .ipv4(address) }
        collect(&request, connection)
        return queue(handling.handler(request), connection)
    }

    /// Whether it is beyond doubt where the body ends: two headers that say so could be read in two ways, by a proxy
    /// and by this. Source: RFC 9112, section 6.3.
    private static func isWellFramed(_ connection: OpaquePointer) -> Bool {
        let hasLength = MHD_lookup_connection_value(connection, .HEADER_KIND, "content-length") != nil
        let coding = MHD_lookup_connection_value(connection, .HEADER_KIND, "transfer-encoding")
        guard hasLength || coding != nil else { return true }
        if let coding, strcasecmp(coding, "chunked") != 0 { return false }
        var count = 0
        withUnsafeMutablePointer(to: &count) { pointer in
            _ = MHD_get_connection_values(
                connection, .HEADER_KIND,
                { context, _, name, _ in
                    let isFraming = name.map {
                        strcasecmp($0, "content-length") == 0 || strcasecmp($0, "transfer-encoding") == 0
                    }
                    if isFraming == true { context?.assumingMemoryBound(to: Int.self).pointee += 1 }
                    return .YES
                }, pointer)
        }
        return count == 1
    }

    /// A NUL in a query is refused: what stands behind it would be lost where the text is taken for a C string.
    /// Of a header libmicrohttpd itself keeps only what stands before one.
    private static func collect(_ request: inout Request, _ connection: OpaquePointer) {
        withUnsafeMutablePointer(to: &request) { pointer in
            _ = MHD_get_connection_values_n(
                connection, .HEADER_KIND,
                { context, _, name, _, value, count in
                    guard let name, let request = context?.assumingMemoryBound(to: Request.self) else { return .NO }
                    let text = Listener.text(value, count, &request.pointee.isMalformed)
                    request.pointee.headers.append((Listener.lowercased(name), text))
                    return .YES
                }, pointer)
            _ = MHD_get_connection_values_n(
                connection, .GET_ARGUMENT_KIND,
                { context, _, name, nameCount, value, count in
                    guard let name, let request = context?.assumingMemoryBound(to: Request.self) else { return .NO }
                    let key = Listener.text(name, nameCount, &request.pointee.isMalformed)
                    request.pointee.query.append((key, Listener.text(value, count, &request.pointee.isMalformed)))
                    return .YES
                }, pointer)
        }
    }

    private static func text(_ bytes: UnsafePointer<CChar>?, _ count: Int, _ hasNUL: inout Bool) -> String {
        guard let bytes, count > 0 else { return "" }
        if memchr(bytes, 0, count) != nil { hasNUL = true }
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
        _ answer: (response: Response, requestID: String), _ connection: OpaquePointer
    ) -> MHD_Result {
        let body = answer.response.body
        let response = body.withUnsafeBytes { bytes in
            MHD_create_response_from_buffer(
                bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
        }
        guard let response else { return .NO }
        defer { MHD_destroy_response(response) }
        if !body.isEmpty { MHD_add_response_header(response, "Content-Type", answer.response.contentType) }
        MHD_add_response_header(response, "Cache-Control", "no-store")
        MHD_add_response_header(response, "X-Request-ID", answer.requestID)
        for (name, value) in answer.response.headers { add(name, value, to: response) }
        return MHD_queue_response(connection, UInt32(answer.response.status), response)
    }

    private static func add(_ name: StaticString, _ value: String, to response: OpaquePointer) {
        name.withUTF8Buffer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { name in
                // A static string ends with NUL.
                _ = MHD_add_response_header(response, name.baseAddress, value)
            }
        }
    }

    // MARK: - The socket

    private static func listen(_ address: String, _ port: UInt16) throws(Failure) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(reason: reason("no socket")) }
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        guard inet_pton(AF_INET, address, &name.sin_addr) == 1 else {
            close(descriptor)
            throw Failure(reason: "\(address) is no IPv4 address")
        }
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard bound == 0, Glibc.listen(descriptor, 1024) == 0 else {
            let failure = Failure(reason: reason("cannot listen on \(address):\(port)"))
            close(descriptor)
            throw failure
        }
        return descriptor
    }

    private static func port(of descriptor: Int32) -> UInt16 {
        var name = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let known = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &size) }
        }
        return known == 0 ? UInt16(bigEndian: name.sin_port) : 0
    }

    private static func reason(_ what: String) -> String { "\(what): \(String(cString: strerror(errno)))" }
}
