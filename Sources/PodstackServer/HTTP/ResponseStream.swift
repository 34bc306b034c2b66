import Synchronization

/// A body that is written while it is sent, for as long as both ends want it. Between two pieces it costs no thread.
final class ResponseStream: Sendable {
    /// What the listener has for it.
    struct Carrier: Sendable {
        /// Lets the connection go on that ``ResponseStream/read(into:suspend:)`` had suspended.
        var resume: @Sendable () -> Void
        /// Ends the connection, whatever it is at.
        var cut: @Sendable () -> Void
        /// Whether the client has closed; asked of a suspended connection alone.
        var isLeft: @Sendable () -> Bool
    }

    private struct State {
        var pending: [UInt8] = []
        var carrier: Carrier?
        /// Everything was taken, and the connection is suspended until there is more.
        var isSuspended = false
        var isOver = false

        /// Not again before the connection is suspended again: libmicrohttpd forbids it.
        mutating func resume() {
            guard isSuspended else { return }
            isSuspended = false
            carrier?.resume()
        }
    }

    /// Who takes no more than this is not sent more.
    private static let mostPending = 64 << 10

    /// Seconds after which the connection is ended if the writer has not done so.
    let longest: Int64
    private let state: Mutex<State>

    init(longest: Int64, beginning: [UInt8]) {
        self.longest = longest
        state = Mutex(State(pending: beginning))
    }

    // MARK: - For who writes

    /// False when the reader lags too far behind, or is gone; then nothing was written.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        state.withLock { state in
            guard !state.isOver, state.pending.count < Self.mostPending else { return false }
            state.pending += bytes
            state.resume()
            return true
        }
    }

    /// The end, after what was written.
    func end() {
        state.withLock { state in
            state.isOver = true
            state.resume()
        }
    }

    /// The end, whether the reader takes what was written or not.
    func cut() {
        state.withLock { state in
            state.isOver = true
            state.pending = []
            state.carrier?.cut()
            state.resume()
        }
    }

    var isOver: Bool { state.withLock { $0.isOver } }

    /// Whether the reader has taken everything.
    var isDrained: Bool { state.withLock { $0.isSuspended } }

    /// Whether the reader is known to have closed its end.
    var isLeft: Bool { state.withLock { $0.isSuspended && $0.carrier?.isLeft() == true } }

    // MARK: - For the listener

    func begin(on carrier: Carrier) { state.withLock { $0.carrier = carrier } }

    enum Piece {
        case bytes(Int)
        case nothing, end
    }

    /// Takes what fits; when there is nothing, the connection must be suspended by `suspend` before anybody can resume it.
    func read(into buffer: UnsafeMutableRawBufferPointer, suspend: () -> Void) -> Piece {
        state.withLock { state in
            let count = min(state.pending.count, buffer.count)
            if count > 0 {
                buffer.copyBytes(from: state.pending.prefix(count))
                state.pending.removeFirst(count)
                return .bytes(count)
            }
            if state.isOver { return .end }
            state.isSuspended = true
            suspend()
            return .nothing
        }
    }

    /// The connection is gone, or is done with it.
    func released() {
        state.withLock { $0 = State(isOver: true) }
    }
}

/// The streams that are being sent.
final class OpenStreams: Sendable {
    private let open = Mutex<(isOver: Bool, streams: [ObjectIdentifier: ResponseStream])>((false, [:]))

    var count: Int { open.withLock { $0.streams.count } }

    func add(_ stream: ResponseStream) {
        let isOver = open.withLock { open in
            open.streams[ObjectIdentifier(stream)] = stream
            return open.isOver
        }
        if isOver { stream.end() }
    }

    func remove(_ stream: ResponseStream) {
        open.withLock { $0.streams[ObjectIdentifier(stream)] = nil }
        stream.released()
    }

    /// Ends all, and those that come after. When this returns no connection is suspended, or will be.
    func end() {
        let streams = open.withLock { open in
            open.isOver = true
            return Array(open.streams.values)
        }
        for stream in streams { stream.end() }
    }
}
