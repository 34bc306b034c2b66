import PodstackAPI
import Synchronization

/// A response to a request.
struct Response {
    var status: Int
    var headers: [(name: StaticString, value: String)] = []
    var contentType = "application/json"
    var cacheControl = "no-store"
    var body: [UInt8] = []
    /// Holds the bytes of ``body`` too if many responses have them: they are then not copied for each connection.
    var constant: ConstantBody?
    /// A body that is written while it is sent; it replaces ``body``.
    var stream: ResponseStream?
    /// Work that produces the actual response; it replaces everything else.
    var deferredWork: DeferredWork?
    /// The switch to another protocol that follows a response with status 101.
    var upgrade: Upgrade?
    /// Work that reads the request's body while it arrives and produces the actual response; it replaces everything else.
    var upload: UploadWork?
    /// An object that is kept until the response is sent, such as a place within a limit.
    var held: (any AnyObject & Sendable)?
    /// Whether the next request on the connection is likely to get the same body, which has less than a few kilobytes.
    ///
    /// The connection then keeps the response, so it must not contain a secret.
    var isRepeatable = false
    /// The body that a repeated request gets in place of one that contains a secret.
    var repeatable: [UInt8]?

    init(status: Int, body: [UInt8] = []) {
        self.status = status
        self.body = body
    }

    static func json(_ value: some Encodable, status: Int = 200) throws -> Response {
        Response(status: status, body: try APICoding.encode(value))
    }

    static let noContent = Response(status: 204)

    /// The `Referrer-Policy` of pages and errors: no request that they cause names the path or the query of their URL,
    /// which may contain a secret.
    ///
    /// With `no-referrer`, browsers would send forms with `Origin: null`.
    static let referrerPolicy = "strict-origin"

    mutating func set(_ name: StaticString, _ value: String) { headers.append((name, value)) }

    /// Returns whether another repeatable response has the same status, fields and body.
    func isEqual(to other: Response) -> Bool {
        other.isRepeatable && status == other.status && body == other.body && contentType == other.contentType
            && cacheControl == other.cacheControl
            && headers.elementsEqual(other.headers) { $0.name.utf8Start == $1.name.utf8Start && $0.value == $1.value }
    }
}

// MARK: - Constant bodies

/// The bytes of a body that many responses have in common, in memory that never moves.
// Safe: the memory is only read after it was initialized.
final class ConstantBody: @unchecked Sendable {
    let bytes: UnsafeRawBufferPointer

    init(_ bytes: [UInt8]) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 1)
        memory.copyBytes(from: bytes)
        self.bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { bytes.deallocate() }
}

// MARK: - Connections

/// The ways in which a response controls the connection that it is sent on.
struct ConnectionControl: Sendable {
    /// Resumes the suspended connection.
    var resume: @Sendable () -> Void
    /// Closes the connection, whatever its state.
    var close: @Sendable () -> Void
    /// Returns whether the client has closed its end; called only while the connection is suspended.
    var isClientGone: @Sendable () -> Bool
    /// Gives the work on the request some more seconds.
    var extend: @Sendable (Int64) -> Void = { _ in }
}

// MARK: - Streams

/// A body that is written while it is sent.
///
/// Between two writes, its connection is suspended and occupies no thread. A stream is either live, such as one of new
/// events, and has no end of its own; or it is written on demand: whenever its reader has taken everything, the writer
/// writes the next part.
final class ResponseStream: Sendable {
    private struct State {
        var pending: [UInt8] = []
        /// The number of those bytes that were read already.
        var readCount = 0
        var control: ConnectionControl?
        /// The reader has taken everything, and the connection is suspended until more is written.
        var isSuspended = false
        var isOver = false
        var unread: Int { pending.count - readCount }

        /// Resumes the connection once for each time that it was suspended, as libmicrohttpd requires.
        mutating func resume() {
            guard isSuspended else { return }
            isSuspended = false
            control?.resume()
        }
    }

    /// The number of unread bytes above which nothing more is written.
    private static let maxPending = 64 << 10

    /// The seconds after which the connection is closed, if the writer has not ended the stream.
    let maxSeconds: Int64
    /// Asks the writer for the next part, without waiting for it; nil if the writer does not have to be asked.
    private let requestPart: (@Sendable (ResponseStream) -> Void)?
    /// Whether the stream has no end of its own, so that it ends when the service stops.
    let isLive: Bool
    /// Called when the connection does not use the stream any more.
    private let onRelease: (@Sendable () -> Void)?
    private let state: Mutex<State>

    /// Creates a stream.
    ///
    /// - Parameters:
    ///   - maxSeconds: The seconds after which the connection is closed.
    ///   - beginning: The bytes that are sent first.
    ///   - isLive: Whether the stream ends when the service stops; by default, if its writer is not asked for parts.
    ///   - requestPart: Called on an event thread, which must not block, whenever everything is read; nil if the writer does
    ///     not have to be asked.
    ///   - onRelease: Called once, on an event thread, when the connection is gone or free for the next request.
    init(
        maxSeconds: Int64, beginning: [UInt8], isLive: Bool? = nil,
        requestPart: (@Sendable (ResponseStream) -> Void)? = nil, onRelease: (@Sendable () -> Void)? = nil
    ) {
        self.maxSeconds = maxSeconds
        self.requestPart = requestPart
        self.isLive = isLive ?? (requestPart == nil)
        self.onRelease = onRelease
        state = Mutex(State(pending: beginning))
    }

    // MARK: For the writer

    /// Writes bytes; returns false, having written nothing, if the reader lags too far behind or is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard !state.isOver, state.unread < Self.maxPending else { return false }
            state.pending += bytes
            state.resume()
            return true
        }
    }

    /// Writes bytes; returns false, having written nothing, if the reader lags too far behind or is gone.
    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        state.withLock { state in
            guard !state.isOver, state.unread < Self.maxPending else { return false }
            state.pending.append(contentsOf: bytes)
            state.resume()
            return true
        }
    }

    /// Writes the last bytes and ends the stream.
    func end(with bytes: [UInt8]) {
        state.withLock { state in
            guard !state.isOver else { return }
            state.pending += bytes
            state.isOver = true
            state.resume()
        }
    }

    /// Ends the stream after everything that was written.
    func end() {
        state.withLock { state in
            state.isOver = true
            state.resume()
        }
    }

    /// Ends the stream and closes its connection, even if the reader has not taken everything.
    func cut() {
        state.withLock { state in
            state.isOver = true
            (state.pending, state.readCount) = ([], 0)
            state.control?.close()
            state.resume()
        }
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Whether the reader has taken everything.
    var isDrained: Bool { state.withLock { $0.isSuspended } }

    /// Whether the client is known to have closed its end.
    var isClientGone: Bool { state.withLock { $0.isSuspended && $0.control?.isClientGone() == true } }

    // MARK: For the listener

    func begin(on control: ConnectionControl) { state.withLock { $0.control = control } }

    enum ReadResult {
        case bytes(Int)
        case nothing, end
    }

    /// Copies as many bytes as fit into a buffer.
    ///
    /// - Parameters:
    ///   - buffer: The memory to fill.
    ///   - suspend: Suspends the connection; called in the lock if nothing is left, so that it happens before a resume.
    /// - Returns: The number of bytes, ``ReadResult/nothing`` after suspending the connection, or ``ReadResult/end``.
    func read(into buffer: UnsafeMutableRawBufferPointer, suspend: () -> Void) -> ReadResult {
        let result: ReadResult = state.withLock { state in
            let count = min(state.unread, buffer.count)
            if count > 0 {
                buffer.copyBytes(from: state.pending[state.readCount..<state.readCount + count])
                state.readCount += count
                if state.unread == 0 {
                    state.pending.removeAll(keepingCapacity: true)
                    state.readCount = 0
                }
                return .bytes(count)
            }
            if state.isOver { return .end }
            state.isSuspended = true
            suspend()
            return .nothing
        }
        if case .nothing = result { requestPart?(self) }
        return result
    }

    /// Ends the use of the connection, which is gone or free for the next request.
    func released() {
        state.withLock { $0 = State(isOver: true) }
        onRelease?()
    }
}

/// The streams that are being sent.
final class OpenStreams: Sendable {
    private let open = Mutex<(isStopping: Bool, streams: [ObjectIdentifier: ResponseStream])>((false, [:]))

    var count: Int { open.withLock { $0.streams.count } }

    func add(_ stream: ResponseStream) {
        let isStopping = open.withLock { open in
            open.streams[ObjectIdentifier(stream)] = stream
            return open.isStopping
        }
        if isStopping, stream.isLive { stream.end() }
    }

    func remove(_ stream: ResponseStream) {
        open.withLock { $0.streams[ObjectIdentifier(stream)] = nil }
        stream.released()
    }

    /// Ends all live streams, and all later ones.
    func endLive() { for stream in stop() where stream.isLive { stream.end() } }

    /// Ends all streams and closes their connections.
    ///
    /// When this returns, no connection is suspended for one, or will be.
    func cutAll() { for stream in stop() { stream.cut() } }

    private func stop() -> [ResponseStream] {
        open.withLock { open in
            open.isStopping = true
            return Array(open.streams.values)
        }
    }
}
