import Synchronization

/// The objects that handles stand for.
///
/// A number is used once, so a call with the handle of a closed object finds nothing.
enum Handles {
    private struct State {
        var objects: [UInt64: any HandleObject] = [:]
        var last: UInt64 = 0
    }

    private static let state = Mutex(State())

    static func add(_ object: any HandleObject) -> UInt64 {
        state.withLock { state in
            state.last += 1
            state.objects[state.last] = object
            return state.last
        }
    }

    static func object(_ handle: UInt64) -> (any HandleObject)? { state.withLock { $0.objects[handle] } }

    /// Removes an object and returns it; nil if it was removed before.
    static func remove(_ handle: UInt64) -> (any HandleObject)? {
        state.withLock { $0.objects.removeValue(forKey: handle) }
    }

    static func removeAll() -> [any HandleObject] {
        state.withLock { state in
            defer { state.objects = [:] }
            return Array(state.objects.values)
        }
    }
}

/// An object with a handle: a client, a login, a call in progress or a queue.
protocol HandleObject: AnyObject, Sendable {
    /// Cancels the object's work; the handle is already invalid.
    func close()
    /// The object as one that has operations; nil for others. A cast would take longer than the rest of a call's start.
    var asTarget: (any OperationTarget)? { get }
}

extension HandleObject {
    var asTarget: (any OperationTarget)? { nil }
}

extension OperationTarget {
    var asTarget: (any OperationTarget)? { self }
}
