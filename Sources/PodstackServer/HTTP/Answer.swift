/// What becomes of a request.
enum Answer: Sendable {
    typealias Ready = (response: Response, requestID: String)

    case ready(Response, requestID: String)
    /// It is made on the thread of a queue.
    case later(WorkQueue, make: @Sendable (_ isTurn: Bool) -> Ready)
}

/// The promise of a response that takes more work than a thread of the listener may be kept for.
struct Later: Sendable {
    let queue: WorkQueue
    /// `isTurn` is false when too many wait in the queue, or the service stops: then there is no time for the work.
    let make: @Sendable (_ isTurn: Bool) throws -> Response

    init(_ queue: WorkQueue, _ make: @escaping @Sendable (_ isTurn: Bool) throws -> Response) {
        self.queue = queue
        self.make = make
    }
}

extension Response {
    static func later(_ queue: WorkQueue, _ make: @escaping @Sendable (_ isTurn: Bool) throws -> Response) -> Response {
        var response = Response(status: 503)
        response.later = Later(queue, make)
        return response
    }
}
