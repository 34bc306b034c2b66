import Podstack
import Synchronization

/// Records the events of a client.
final class RecordedEvents: Sendable {
    private let events = Mutex<[ClientEvent]>([])

    func append(_ event: ClientEvent) { events.withLock { $0.append(event) } }
    var all: [ClientEvent] { events.withLock { $0 } }
    var warnings: [String] { all.compactMap { if case .warning(let text) = $0 { text } else { nil } } }
}
