public import CPodstack
import Glibc
import Podstack
import PodstackAPI
import PodstackCLI
import PodstackCommandLine
import PodstackSystem

// The functions of podstack.h, in its order; the header describes them. Those that use objects are inside (``Fork``).

/// Returns the version of the interface.
@_cdecl("podstack_interface")
public func podstackInterface() -> Int32 {
    // Before any thread uses the library.
    Fork.watch()
    return PODSTACK_INTERFACE
}

/// Returns the version of the SDK.
@_cdecl("podstack_version")
public func podstackVersion() -> UnsafePointer<CChar> { versionText.text }

// Safe: the text is never changed and never freed.
private struct VersionText: @unchecked Sendable { let text: UnsafePointer<CChar> }
private let versionText: VersionText = {
    let bytes = PodstackVersion.current.utf8CString
    let copy = UnsafeMutablePointer<CChar>.allocate(capacity: bytes.count)
    for (index, byte) in bytes.enumerated() { copy[index] = byte }
    return VersionText(text: copy)
}()

/// Releases the data of a result.
@_cdecl("podstack_free")
public func podstackFree(_ data: UnsafeMutableRawPointer?) { free(data) }

// MARK: - Objects

/// Creates a client or another object.
@_cdecl("podstack_open")
public func podstackOpen(
    _ kind: UnsafePointer<CChar>?, _ arguments: UnsafePointer<UInt8>?, _ size: Int,
    _ result: UnsafeMutablePointer<podstack_result>?
) -> Int32 {
    inside(result) {
        do {
            let arguments = try Arguments(bytes(arguments, size))
            let warnings = Warnings()
            let object: any OperationTarget
            switch kind.map({ String(cString: $0) }) {
            case "client": object = try ClientObject(arguments, warn: { warnings.add($0) })
            case "login": object = try LoginObject(arguments)
            default: throw InterfaceError.argument("kind", "client or login")
            }
            result?.pointee.handle = Handles.add(object)
            return write(.success(warnings.json), to: result)
        } catch { return write(.failure(error), to: result) }
    }
}

/// Closes an object.
@_cdecl("podstack_close")
public func podstackClose(_ handle: UInt64) {
    inside(()) {
        Handles.remove(handle)?.close()
    }
}

/// Runs a function that needs no object.
@_cdecl("podstack_function")
public func podstackFunction(
    _ name: UnsafePointer<CChar>?, _ arguments: UnsafePointer<UInt8>?, _ size: Int,
    _ result: UnsafeMutablePointer<podstack_result>?
) -> Int32 {
    inside(result) {
        do {
            let name = name.map { String(cString: $0) } ?? ""
            guard let function = Functions.all[name] else { throw InterfaceError.noOperation(name) }
            return write(.success(try function(Arguments(bytes(arguments, size)))), to: result)
        } catch { return write(.failure(error), to: result) }
    }
}

/// The warnings about settings, which arrive while an object is created.
final class Warnings: Sendable {
    private let texts = Lock<[String]>([])

    var all: [String] { texts.withLock { $0 } }
    var json: [UInt8] {
        let all = all
        return all.isEmpty ? Array("{}".utf8) : Message.encode(["warnings": .array(all.map(JSONValue.string))])
    }

    func add(_ text: String) { texts.withLock { $0.append(text) } }
    func add(_ event: ClientEvent) {
        if case .warning(let text) = event { add(text) }
    }
}

// MARK: - Calls

/// Starts an operation and waits for it.
@_cdecl("podstack_call")
public func podstackCall(
    _ object: UInt64, _ operation: UnsafePointer<CChar>?, _ arguments: UnsafePointer<UInt8>?, _ size: Int,
    _ milliseconds: Int64, _ result: UnsafeMutablePointer<podstack_result>?
) -> Int32 {
    inside(result) {
        do {
            guard let target = Handles.object(object)?.asTarget else { throw Handles.absence(of: object) }
            let run = try target.operation(operation.map { String(cString: $0) } ?? "", bytes(arguments, size))
            let call = CallInProgress(requests: target.requests)
            call.start(run)
            let found = call.wait(milliseconds: milliseconds)
            if let found, found.status != PODSTACK_MESSAGE { return write(found, to: result) }
            result?.pointee.handle = Handles.add(call)
            guard let found else { return Int32(PODSTACK_PENDING.rawValue) }
            return write(found, to: result)
        } catch { return write(.failure(error), to: result) }
    }
}

/// Waits for a call in progress.
@_cdecl("podstack_wait")
public func podstackWait(
    _ handle: UInt64, _ milliseconds: Int64, _ result: UnsafeMutablePointer<podstack_result>?
) -> Int32 {
    inside(result) {
        guard let call = Handles.object(handle) as? CallInProgress else {
            return write(.failure(Handles.absence(of: handle)), to: result)
        }
        guard let found = call.wait(milliseconds: milliseconds) else { return Int32(PODSTACK_PENDING.rawValue) }
        if found.status != PODSTACK_MESSAGE { _ = Handles.remove(handle) }
        return write(found, to: result)
    }
}

/// Answers a message.
@_cdecl("podstack_reply")
public func podstackReply(_ reply: UInt64, _ answer: UnsafePointer<UInt8>?, _ size: Int) {
    inside(()) {
        if case .object(let fields)? = try? StrictJSON.value(of: bytes(answer, size)) {
            Replies.resume(reply, with: .success(fields))
        } else {
            Replies.resume(reply, with: .failure(InterfaceError.notJSON))
        }
    }
}

// MARK: - Queues

/// Creates a queue.
@_cdecl("podstack_queue_new")
public func podstackQueueNew() -> UInt64 {
    inside(0) {
        Handles.add(CompletionQueue())
    }
}

/// Returns the descriptor of a queue.
@_cdecl("podstack_queue_descriptor")
public func podstackQueueDescriptor(_ queue: UInt64) -> Int32 {
    inside(-1) {
        (Handles.object(queue) as? CompletionQueue)?.descriptor ?? -1
    }
}

/// Starts an operation whose result goes to a queue.
@_cdecl("podstack_submit")
public func podstackSubmit(
    _ object: UInt64, _ operation: UnsafePointer<CChar>?, _ arguments: UnsafePointer<UInt8>?, _ size: Int,
    _ queue: UInt64, _ tag: UInt64, _ result: UnsafeMutablePointer<podstack_result>?
) -> Int32 {
    inside(result) {
        do {
            guard let target = Handles.object(object)?.asTarget else { throw Handles.absence(of: object) }
            guard let queue = Handles.object(queue) as? CompletionQueue else { throw Handles.absence(of: queue) }
            let run = try target.operation(operation.map { String(cString: $0) } ?? "", bytes(arguments, size))
            let call = CallInProgress(queue: (queue, tag), requests: target.requests)
            guard queue.begin(call, tag) else { throw InterfaceError.closed }
            call.start(run)
            return Int32(PODSTACK_PENDING.rawValue)
        } catch { return write(.failure(error), to: result) }
    }
}

/// Cancels a call of a queue.
@_cdecl("podstack_cancel")
public func podstackCancel(_ queue: UInt64, _ tag: UInt64) {
    inside(()) {
        (Handles.object(queue) as? CompletionQueue)?.cancel(tag)
    }
}

/// Takes what is in a queue.
@_cdecl("podstack_queue_take")
public func podstackQueueTake(_ queue: UInt64, _ result: UnsafeMutablePointer<podstack_result>?) -> Int32 {
    inside(result) {
        guard let queue = Handles.object(queue) as? CompletionQueue else {
            return write(.failure(InterfaceError.closed), to: result)
        }
        var status = Int32(PODSTACK_OK.rawValue)
        queue.take { status = write(CallResult(status: PODSTACK_OK, json: $0), to: result) }
        return status
    }
}

// MARK: - The process

/// Cancels all calls and closes all objects.
@_cdecl("podstack_shutdown")
public func podstackShutdown(_ milliseconds: Int64) {
    inside(()) {
        let end = ContinuousClock.now + .milliseconds(min(max(milliseconds, 0), 60_000))
        while true {
            // A call has a handle only once its first wait has ended.
            for object in Handles.removeAll() { object.close() }
            guard CallInProgress.count.load(ordering: .acquiring) > 0, .now < end else { return }
            Fork.outside { _ = usleep(1000) }
        }
    }
}

/// Runs the command line.
@_cdecl("podstack_main")
public func podstackMain(_ count: Int32, _ arguments: UnsafePointer<UnsafePointer<CChar>?>?) -> Int32 {
    let words = (1..<max(1, Int(count))).compactMap { index in
        arguments?[index].map { SystemText.text(of: $0) }
    }
    let end = Waiter()
    let status = Lock(ExitStatus.failure)
    Task {
        let found = await PodstackTool.run(words, context: .process)
        status.withLock { $0 = found }
        end.wake()
    }
    end.wait()
    return status.withLock { $0.rawValue }
}

// MARK: - Forks

/// Runs the body of a function while the process does not fork.
///
/// - Parameters:
///   - other: The result in a process where nothing else can be used.
///   - body: The body.
/// - Returns: The result of the body.
private func inside<Value>(_ other: Value, _ body: () -> Value) -> Value {
    guard !Fork.isUnusable else { return other }
    Fork.watch()
    return Fork.inside {
        GlobalExecutor.install()
        return body()
    }
}

/// Runs the body of a function that returns a status and a result.
private func inside(_ result: UnsafeMutablePointer<podstack_result>?, _ body: () -> Int32) -> Int32 {
    guard !Fork.isUnusable else {
        InterfaceError.unusable.withUTF8Buffer { write($0, to: result) }
        return Int32(PODSTACK_ERROR.rawValue)
    }
    Fork.watch()
    return Fork.inside {
        GlobalExecutor.install()
        return body()
    }
}

// MARK: - Memory

/// Returns a copy of the caller's bytes.
private func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
    guard let start, count > 0 else { return [] }
    return Array(UnsafeBufferPointer(start: start, count: count))
}

/// Copies a result to the caller's memory, or else to new memory, and returns its status.
private func write(_ found: CallResult, to result: UnsafeMutablePointer<podstack_result>?) -> Int32 {
    found.json.withUnsafeBufferPointer { write($0, to: result) }
    return Int32(found.status.rawValue)
}

private func write(_ json: UnsafeBufferPointer<UInt8>, to result: UnsafeMutablePointer<podstack_result>?) {
    guard let result else { return }
    var data = result.pointee.buffer
    if data == nil || json.count > result.pointee.capacity {
        data = malloc(max(json.count, 1))?.assumingMemoryBound(to: UInt8.self)
    }
    result.pointee.data = data
    result.pointee.size = data == nil ? 0 : json.count
    if let data, let start = json.baseAddress { memcpy(data, start, json.count) }
}
