import CPodstack
import CPosix
import Glibc
import PodstackSystem

/// Collects the messages and results of many calls, and announces them on one descriptor.
///
/// The descriptor is written to once for all that arrives before the queue is emptied.
final class CompletionQueue: HandleObject {
    private struct State {
        var records: [UInt8] = []
        var calls: [UInt64: CallInProgress] = [:]
        var isAnnounced = false
        var isClosed = false
    }

    private let state = Lock(State())
    let descriptor = eventfd(0, Int32(EFD_CLOEXEC) | Int32(EFD_NONBLOCK))

    deinit { Glibc.close(descriptor) }

    /// Registers a call, which its caller may cancel; false if the queue is closed.
    func begin(_ call: CallInProgress, _ tag: UInt64) -> Bool {
        state.withLock { state in
            guard !state.isClosed else { return false }
            state.calls[tag] = call
            return true
        }
    }

    func finish(_ tag: UInt64, _ result: CallResult) {
        add(tag, result) { $0.calls[tag] = nil }
    }

    func add(_ tag: UInt64, _ result: CallResult) { add(tag, result) { _ in } }

    private func add(_ tag: UInt64, _ result: CallResult, _ change: (inout State) -> Void) {
        let mustAnnounce = state.withLock { state in
            change(&state)
            guard !state.isClosed else { return false }
            withUnsafeBytes(of: tag) { state.records.append(contentsOf: $0) }
            withUnsafeBytes(of: UInt32(result.status.rawValue)) { state.records.append(contentsOf: $0) }
            withUnsafeBytes(of: UInt32(clamping: result.json.count)) { state.records.append(contentsOf: $0) }
            state.records.append(contentsOf: result.json)
            defer { state.isAnnounced = true }
            return !state.isAnnounced
        }
        if mustAnnounce { eventfd_write(descriptor, 1) }
    }

    /// Removes and returns all records.
    func take(_ body: ([UInt8]) -> Void) {
        var value: eventfd_t = 0
        eventfd_read(descriptor, &value)
        var records: [UInt8] = []
        state.withLock { state in
            swap(&records, &state.records)
            state.isAnnounced = false
        }
        body(records)
        records.removeAll(keepingCapacity: true)
        state.withLock { state in
            // The memory is used again, unless it is unusually large.
            if state.records.isEmpty, records.capacity <= 1 << 20 { swap(&records, &state.records) }
        }
    }

    func cancel(_ tag: UInt64) { state.withLock { $0.calls[tag] }?.cancel() }

    func close() {
        let calls = state.withLock { state in
            state.isClosed = true
            state.records = []
            defer { state.calls = [:] }
            return Array(state.calls.values)
        }
        for call in calls { call.close() }
    }
}
