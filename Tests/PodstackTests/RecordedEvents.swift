import Podstack
import Synchronization

/// Keeps what a client tells.
final class RecordedEvents: Sendable {
    private let events = Mutex<[ClientEvent]>([])

    func append(_ event: ClientEvent) { events.withLock { $0.append(event) } }
    var all: [ClientEvent] { events.withLock { $0 } }
    var warnings: [String] { all.compactMap { if case .warning(let text) = $0 { text } else { nil } } }
}
