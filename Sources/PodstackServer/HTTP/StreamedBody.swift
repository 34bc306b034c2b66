/// A request's body that a worker reads while it arrives, so that it can have any size.
///
/// A request with such a body is handled twice. Its handler first decides by the head whether to accept the body, which has
/// not been read by then; a refusal is the response. Then ``UploadWork`` reads the body and produces the response. While
/// the worker reads more slowly than the client sends, the connection is suspended.
final class StreamedBody: Sendable {
    /// The body did not arrive completely.
    struct Incomplete: Error {}

    private struct State {
        var pending: [UInt8] = []
        var control: ConnectionControl?
        /// The connection is suspended until the worker has read what arrived.
        var isSuspended = false
        /// The body has arrived completely.
        var isComplete = false
        /// The connection is gone, or the rest of the body is malformed or not wanted.
        var isCut = false
        /// The worker reads no more.
        var isClosed = false
        /// The bytes that arrived after the worker has read the last ones.
        var dropped = 0

        mutating func resume() {
            guard isSuspended else { return }
            isSuspended = false
            control?.resume()
        }
    }

    /// The number of unread bytes above which the connection is suspended.
    private static let maxPending = 256 << 10
    /// The bytes that are read and dropped so that the client gets the response to a body that is not needed any more.
    private static let maxDropped = 64 << 20

    private let state = Monitor(State())

    // MARK: For the worker

    /// Returns the next bytes, once there are any; nothing at the end of the body.
    ///
    /// - Throws: ``Incomplete`` if the rest does not arrive.
    func next() throws -> [UInt8] {
        while true {
            let bytes = state.wait(3600) { state -> [UInt8]? in
                guard !state.pending.isEmpty || state.isComplete || state.isCut else { return nil }
                defer {
                    state.pending = []
                    state.resume()
                }
                return state.pending
            }
            guard let bytes else { throw Incomplete() }
            if !bytes.isEmpty { return bytes }
            if state.change(waking: .none, { $0.isCut }) { throw Incomplete() }
            return []
        }
    }

    /// Drops the rest of the body.
    func close() {
        state.change { state in
            state.isClosed = true
            state.pending = []
            state.resume()
        }
    }

    // MARK: For the listener

    func begin(on control: ConnectionControl) { state.change { $0.control = control } }

    /// Takes bytes that have arrived.
    ///
    /// - Parameters:
    ///   - bytes: The bytes.
    ///   - suspend: Suspends the connection; called in the lock, so that it happens before a resume.
    /// - Returns: False if the connection should be closed instead of reading on.
    func append(_ bytes: UnsafeRawBufferPointer, suspend: () -> Void) -> Bool {
        state.change { state in
            guard !state.isClosed else {
                state.dropped += bytes.count
                return state.dropped <= Self.maxDropped
            }
            // The worker reads no more of a body that was cut.
            guard !state.isCut else { return true }
            state.pending.append(contentsOf: bytes)
            // libmicrohttpd passes every chunk that it has received, also after the connection was suspended, and breaks if
            // a connection is suspended twice.
            if state.pending.count > Self.maxPending, !state.isSuspended {
                state.isSuspended = true
                suspend()
            }
            return true
        }
    }

    /// The body has arrived completely.
    func complete() { state.change { $0.isComplete = true } }

    /// The rest of the body is not wanted, or is malformed: the worker gets an error.
    func cut() {
        state.change { state in
            guard !state.isComplete else { return }
            state.isCut = true
            state.pending = []
            state.resume()
        }
    }

    /// The connection is gone: it cannot be resumed any more.
    func connectionEnded() {
        state.change { state in
            state.control = nil
            state.isSuspended = false
            guard !state.isComplete else { return }
            state.isCut = true
            state.pending = []
        }
    }
}

/// Work that reads a streamed body and then responds.
struct UploadWork: Sendable {
    let body: StreamedBody
    let queue: WorkQueue
    /// The seconds within which the body must arrive.
    let maxSeconds: Int64
    /// Reads the body and returns the response; `isTurn` is false if the work has to be refused.
    let produce: @Sendable (_ isTurn: Bool) throws -> Response
    /// As ``produce``, with the request's log line; set by the request handler.
    var produceResult: (@Sendable (_ isTurn: Bool) -> HandlerResult)?
}
