import Podstack
import PodstackAPI
import PodstackSystem
import PodstackTransport

/// Work whose results arrive one after another, such as the lines of a pod's output or the progress of a transfer.
///
/// The caller gets them with the operation `next`, and closes the object to end the work. So no thread of this library
/// waits for the caller, and the C interface needs no function for streams.
///
/// ```
///              next                     item            next
///    created ────────▶ running: caller waits ──▶ item kept ────▶ running …
///                         │ end of the work
///                         ▼
///                       ended: `next` returns the result or throws the error
/// ```
///
/// 1. The work begins with the first `next`, so an object that the caller loses has not begun anything.
/// 2. Each item is returned by one `next`. ``Items/add(_:)`` waits until the item before was taken, and
///    ``Items/replace(_:)`` keeps only the latest item and never waits.
/// 3. At most one `next` waits at a time.
/// 4. After ``close()``, the work is canceled.
final class StreamObject: OperationTarget {
    /// The work: provides items, and returns the result as JSON.
    typealias Work = @Sendable (Items) async throws -> [UInt8]

    private struct State {
        var item: [UInt8]?
        var result: Result<[UInt8], any Error>?
        /// The `next` that waits for an item.
        var reader: Promise<Void>?
        /// The work that waits until an item is taken.
        var writer: Promise<Void>?
        var task: Task<Void, Never>?
        var hasStarted = false
        var isClosed = false
    }

    private let state = Lock(State())
    private let work: Work
    let requests: CallerRequests?

    private init(_ requests: CallerRequests?, _ work: @escaping Work) {
        self.requests = requests
        self.work = work
    }

    /// Creates an object, and returns its handle as JSON.
    static func open(_ requests: CallerRequests?, _ work: @escaping Work) throws -> [UInt8] {
        try APICoding.encode(["handle": JSONValue.integer(Int(Handles.add(StreamObject(requests, work))))])
    }

    /// The parent's work is not the child's, and would end there if the child closed it.
    var belongsToProcess: Bool { true }

    func operation(_ name: String, _ arguments: [UInt8]) throws -> @Sendable () async throws -> [UInt8] {
        guard name == "next" else { throw InterfaceError.noOperation(name) }
        return { [self] in try await next() }
    }

    func close() {
        let (task, waiting) = state.withLock { state in
            state.isClosed = true
            state.item = nil
            defer { (state.reader, state.writer) = (nil, nil) }
            return (state.task, [state.reader, state.writer])
        }
        GlobalExecutor.runJobs(after: {
            task?.cancel()
            for promise in waiting { promise?.fail(CancellationError()) }
        })
    }

    // MARK: - The caller

    /// Returns `{"item": …}`, or `{"result": …}` at the end.
    private func next() async throws -> [UInt8] {
        start()
        while true {
            let (found, reader, writer) = try state.withLock {
                state throws -> (Result<[UInt8], any Error>?, Promise<Void>?, Promise<Void>?) in
                if state.isClosed { throw CancellationError() }
                if let item = state.item {
                    state.item = nil
                    defer { state.writer = nil }
                    return (.success(Self.object("item", item)), nil, state.writer)
                }
                if let result = state.result { return (result.map { Self.object("result", $0) }, nil, nil) }
                guard state.reader == nil else { throw InterfaceError.busyStream }
                let reader = Promise<Void>()
                state.reader = reader
                return (nil, reader, nil)
            }
            writer?.complete(with: .success(()))
            if let found { return try found.get() }
            guard let reader else { continue }
            defer { state.withLock { if $0.reader === reader { $0.reader = nil } } }
            try await withTaskCancellationHandler {
                try await reader.value
            } onCancel: {
                reader.fail(CancellationError())
            }
        }
    }

    private static func object(_ name: String, _ json: [UInt8]) -> [UInt8] {
        Array("{\"\(name)\":".utf8) + json + Array("}".utf8)
    }

    private func start() {
        let isFirst = state.withLock { state in
            defer { state.hasStarted = true }
            return !state.hasStarted
        }
        guard isFirst else { return }
        requests?.beginStream()
        // Its messages go to the calls that are in progress then, and not to this one.
        let task = Task.detached { [self, work] in
            let result: Result<[UInt8], any Error>
            do { result = .success(try await work(Items(stream: self))) } catch { result = .failure(error) }
            let reader = state.withLock { state in
                (state.result, state.task) = (result, nil)
                defer { state.reader = nil }
                return state.reader
            }
            reader?.complete(with: .success(()))
            requests?.endStream()
        }
        let isClosed = state.withLock { state in
            if state.result == nil { state.task = task }
            return state.isClosed
        }
        if isClosed { task.cancel() }
    }

    // MARK: - The work

    /// The items of a stream, as its work provides them.
    struct Items: Sendable {
        fileprivate let stream: StreamObject

        /// Provides an item, once the one before was taken.
        func add(_ item: [UInt8]) async throws {
            while true {
                let (reader, writer) = try stream.state.withLock { state throws -> (Promise<Void>?, Promise<Void>?) in
                    if state.isClosed { throw CancellationError() }
                    guard state.item == nil else {
                        let writer = Promise<Void>()
                        state.writer = writer
                        return (nil, writer)
                    }
                    state.item = item
                    defer { state.reader = nil }
                    return (state.reader, nil)
                }
                guard let writer else {
                    reader?.complete(with: .success(()))
                    return
                }
                try await writer.value
            }
        }

        /// Provides an item instead of the one before if that was not taken.
        func replace(_ item: [UInt8]) {
            let reader = stream.state.withLock { state -> Promise<Void>? in
                if !state.isClosed { state.item = item }
                defer { state.reader = nil }
                return state.reader
            }
            reader?.complete(with: .success(()))
        }
    }
}
