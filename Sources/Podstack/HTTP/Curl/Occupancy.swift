import Synchronization

/// How much a loop holds, readable from anywhere.
final class Occupancy: Sendable {
    /// Of libcurl, at work or kept for the next request.
    let handles = Atomic(0)
    /// Requests that libcurl has.
    let active = Atomic(0)
    /// Requests behind the limit.
    let waiting = Atomic(0)
}
