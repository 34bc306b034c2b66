import PodstackSystem

/// The objects that handles stand for.
///
/// A number is used once, so a call with the handle of a closed object finds nothing. After a fork, the parent's calls,
/// queues and streams are not found either: they use the parent's threads and descriptors.
enum Handles {
    private struct State {
        var objects: [UInt64: any HandleObject] = [:]
        var last: UInt64 = 0
        /// The handles of a parent process that are of no use in this one.
        var parents: Set<UInt64> = []
        var forks = Fork.count

        mutating func leaveParent() {
            guard forks != Fork.count else { return }
            forks = Fork.count
            for (handle, object) in objects where object.belongsToProcess {
                objects[handle] = nil
                parents.insert(handle)
                keepForever(object)
            }
        }
    }

    private static let state = Lock(State())

    static func add(_ object: any HandleObject) -> UInt64 {
        state.withLock { state in
            state.leaveParent()
            state.last += 1
            state.objects[state.last] = object
            return state.last
        }
    }

    static func object(_ handle: UInt64) -> (any HandleObject)? {
        state.withLock { state in
            state.leaveParent()
            return state.objects[handle]
        }
    }

    /// Returns why an object is not found.
    static func absence(of handle: UInt64) -> InterfaceError {
        state.withLock { $0.parents.contains(handle) } ? .forked : .closed
    }

    /// Removes an object and returns it; nil if it was removed before.
    static func remove(_ handle: UInt64) -> (any HandleObject)? {
        state.withLock { state in
            state.leaveParent()
            return state.objects.removeValue(forKey: handle)
        }
    }

    static func removeAll() -> [any HandleObject] {
        state.withLock { state in
            state.leaveParent()
            defer { state.objects = [:] }
            return Array(state.objects.values)
        }
    }
}

/// An object with a handle: a client, a login, a stream, a call in progress or a queue.
protocol HandleObject: AnyObject, Sendable {
    /// Whether the object is of no use in a child process, because it uses the parent's threads or descriptors.
    var belongsToProcess: Bool { get }
    /// Cancels the object's work; the handle is already invalid.
    func close()
    /// The object as one that has operations; nil for others. A cast would take longer than the rest of a call's start.
    var asTarget: (any OperationTarget)? { get }
}

extension HandleObject {
    var belongsToProcess: Bool { true }
    var asTarget: (any OperationTarget)? { nil }
}

extension OperationTarget {
    var belongsToProcess: Bool { false }
    var asTarget: (any OperationTarget)? { self }
}
