import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Tells the events of a client to whoever wants them, and costs nothing when nobody does.
final class EventSink: Sendable {
    private let onEvent: (@Sendable (ClientEvent) -> Void)?
    private let hasToldExpiry = Atomic(false)

    init(_ onEvent: (@Sendable (ClientEvent) -> Void)?) { self.onEvent = onEvent }

    var isWanted: Bool { onEvent != nil }

    func send(_ event: () -> ClientEvent) {
        if let onEvent { onEvent(event()) }
    }

    /// Every authenticated answer says when its token expires; it is told once, when that is near.
    func noteExpiry(_ response: TransportResponse, now: @autoclosure () -> Date) {
        guard isWanted, !hasToldExpiry.load(ordering: .relaxed),
            let text = response.header("podstack-token-expires"), let date = Timestamp.parse(text)
        else { return }
        let left = Int(date.timeIntervalSince(now()))
        guard left < 14 * 86_400, !hasToldExpiry.exchange(true, ordering: .relaxed) else { return }
        send { .tokenExpiring(expiresAt: Timestamp.format(date), secondsLeft: left) }
    }
}
