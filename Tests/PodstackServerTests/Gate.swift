import Synchronization

@testable import PodstackServer

/// A gate that blocks threads until it is opened, for a minute at most.
final class Gate: Sendable {
    private let state = Monitor((isOpen: false, held: 0))

    /// The number of threads that wait at the gate.
    var held: Int { state.change { $0.held } }

    func open() { state.change { $0.isOpen = true } }

    func pass() {
        state.change { $0.held += 1 }
        _ = state.wait(60) { $0.isOpen ? true : nil }
        state.change { $0.held -= 1 }
    }

    /// Waits until this many threads wait at the gate; returns false if they do not arrive.
    func holds(_ count: Int) -> Bool { state.wait(60) { $0.held >= count ? true : nil } ?? false }
}

// MARK: - Flag

/// A flag that one thread sets and others wait for.
final class Flag: Sendable {
    private let value = Atomic<Bool>(false)
    var isSet: Bool { value.load(ordering: .sequentiallyConsistent) }
    func set() { value.store(true, ordering: .sequentiallyConsistent) }
}
