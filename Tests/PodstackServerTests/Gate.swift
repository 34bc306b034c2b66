@testable import PodstackServer

/// Holds up whoever comes through until it is opened; a minute at most.
final class Gate: Sendable {
    private let state = Monitor((isOpen: false, held: 0))

    /// How many stand before it.
    var held: Int { state.change { $0.held } }

    func open() { state.change { $0.isOpen = true } }

    func pass() {
        state.change { $0.held += 1 }
        _ = state.wait(60) { $0.isOpen ? true : nil }
        state.change { $0.held -= 1 }
    }

    /// Waits until so many stand before it.
    ///
    /// False when they do not come.
    func holds(_ count: Int) -> Bool { state.wait(60) { $0.held >= count ? true : nil } ?? false }
}
