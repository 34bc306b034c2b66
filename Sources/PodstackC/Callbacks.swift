import CPodstack
import Podstack
import PodstackAPI
import PodstackSystem
import Synchronization

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A message to the caller of an operation: an event, or a request with a number for the reply.
struct Message: Sendable {
    var json: [UInt8]
    /// The number of the request; nil for an event, which needs no reply.
    var reply: UInt64?

    static func event(_ fields: [String: JSONValue]) -> Message {
        Message(json: encode(["kind": "event", "event": .object(fields)]))
    }

    static func encode(_ fields: [String: JSONValue]) -> [UInt8] { (try? APICoding.encode(fields)) ?? Array("{}".utf8) }
}

// MARK: - Requests to the caller

/// The routes from one object to the callers that its operations are in progress for.
///
/// A request for a credential serves all calls that wait for it, so any of their callers may answer. If the call of that
/// caller ends before, another one gets the request. The messages of work that goes on between two calls
/// (``StreamObject``) are delivered to the next one.
final class CallerRequests: Sendable {
    private struct State {
        var calls: [CallInProgress] = []
        /// The number of objects whose work goes on between two calls.
        var streams = 0
        /// The messages of such work, which no call has delivered yet.
        var waiting: [Message] = []
        /// The number of forks before the first of the calls.
        var forks = Fork.count
    }

    private let state = Lock(State())

    func begin(_ call: CallInProgress) {
        let waiting = state.withLock { state in
            // No thread of this process answers the requests to a parent's calls.
            if state.forks != Fork.count { (state.calls, state.streams, state.waiting) = ([], 0, []) }
            state.forks = Fork.count
            state.calls.append(call)
            defer { state.waiting = [] }
            return state.waiting
        }
        for message in waiting { deliver(message) }
    }

    func beginStream() { state.withLock { $0.streams += 1 } }

    func endStream() {
        let waiting = state.withLock { state in
            state.streams -= 1
            guard state.streams == 0 else { return [Message]() }
            defer { state.waiting = [] }
            return state.waiting
        }
        for message in waiting { deliver(message) }
    }

    func end(_ call: CallInProgress, undelivered: [Message]) {
        state.withLock { state in state.calls.removeAll { $0 === call } }
        for message in undelivered { deliver(message) }
    }

    /// Delivers a message to the caller of the current task, or else to any caller.
    ///
    /// - Returns: Whether a caller will receive it; if not, its sender gets a `CancellationError`.
    @discardableResult
    func deliver(_ message: Message) -> Bool {
        if let call = CallInProgress.current, call.deliver(message) { return true }
        while let call = state.withLock({ $0.calls.first }) {
            if call.deliver(message) { return true }
            // It ends on another thread.
            state.withLock { state in state.calls.removeAll { $0 === call } }
        }
        let isKept = state.withLock { state in
            guard state.streams > 0 else { return false }
            if message.reply != nil || state.waiting.count < Self.maxWaiting { state.waiting.append(message) }
            return true
        }
        if !isKept, let reply = message.reply { Replies.resume(reply, with: .failure(CancellationError())) }
        return isKept
    }

    /// The most events that are kept for the next call.
    private static let maxWaiting = 1000

    /// Sends a request to the caller of the current task, or else to any caller, and returns the answer.
    ///
    /// A caller that is interrupted while it works on the answer hands the request back, and another caller gets it.
    func answer(_ request: [String: JSONValue]) async throws -> [String: JSONValue] {
        while true {
            let answer = try await firstAnswer(request)
            guard answer["handed_back"] == .bool(true) else { return answer }
            try Task.checkCancellation()
        }
    }

    private func firstAnswer(_ request: [String: JSONValue]) async throws -> [String: JSONValue] {
        let reply = Replies.nextNumber()
        defer { Replies.forget(reply) }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                guard Replies.add(reply, continuation) else { return }
                var fields = request
                fields["reply"] = .integer(Int(reply))
                deliver(Message(json: Message.encode(fields), reply: reply))
            }
        } onCancel: {
            Replies.cancel(reply)
        }
    }
}

/// The requests that wait for an answer of a caller.
enum Replies {
    typealias Continuation = CheckedContinuation<[String: JSONValue], any Error>

    private struct State {
        var continuations: [UInt64: Continuation] = [:]
        /// The requests that were canceled before they began to wait.
        var canceled: Set<UInt64> = []
        var forks = Fork.count

        mutating func leaveParent() {
            guard forks != Fork.count else { return }
            forks = Fork.count
            // The tasks that wait are the parent's.
            keepForever(continuations)
            continuations = [:]
        }
    }

    private static let state = Lock(State())
    private static let last = Atomic<UInt64>(0)

    static func nextNumber() -> UInt64 { last.add(1, ordering: .relaxed).newValue }

    /// Registers a request; false if it is canceled, and then the continuation was resumed.
    static func add(_ number: UInt64, _ continuation: Continuation) -> Bool {
        let isCanceled = state.withLock { state in
            state.leaveParent()
            if state.canceled.remove(number) != nil { return true }
            state.continuations[number] = continuation
            return false
        }
        if isCanceled { continuation.resume(throwing: CancellationError()) }
        return !isCanceled
    }

    static func cancel(_ number: UInt64) {
        let continuation = state.withLock { state in
            state.leaveParent()
            let continuation = state.continuations.removeValue(forKey: number)
            if continuation == nil { state.canceled.insert(number) }
            return continuation
        }
        continuation?.resume(throwing: CancellationError())
    }

    /// Forgets that a request was canceled after its answer arrived.
    static func forget(_ number: UInt64) { state.withLock { _ = $0.canceled.remove(number) } }

    static func resume(_ number: UInt64, with result: Result<[String: JSONValue], any Error>) {
        let continuation = state.withLock { state in
            state.leaveParent()
            return state.continuations.removeValue(forKey: number)
        }
        continuation?.resume(with: result)
    }
}

/// The caller's own error, which the caller throws again.
struct CallerError: Error {
    /// The number by which the caller finds the error.
    var number: Int
}

extension [String: JSONValue] {
    /// Returns the answer, or throws the caller's error.
    fileprivate func checked() throws -> [String: JSONValue] {
        if let number = self["error"]?.integerValue { throw CallerError(number: number) }
        if case .object(let failure) = self["failure"] {
            var isRetryable = true
            if case .bool(let value) = failure["retryable"] { isRetryable = value }
            throw TransportFailure(
                reason: failure["reason"]?.stringValue ?? "the transport failed", isRetryable: isRetryable)
        }
        return self
    }
}

// MARK: - Credentials

/// A provider that asks the caller.
struct CallerCredentials: CredentialProvider {
    let requests: CallerRequests

    func credential(insteadOf refused: APIToken?) async throws -> Credential {
        let answer = try await requests.answer([
            "kind": "credential", "refused": refused.map { .string($0.withSecret { $0 }) } ?? .null,
        ]).checked()
        let token = APIToken(answer["token"]?.stringValue ?? "")
        return Credential(token, expiresAt: answer["expires_at"]?.stringValue.flatMap(Timestamp.parse))
    }
}

// MARK: - Transport

/// A transport that the caller implements.
struct CallerTransport: Transport {
    let requests: CallerRequests

    func send(_ request: TransportRequest) async throws -> TransportResponse {
        let answer = try await requests.answer([
            "kind": "transport",
            "method": .string(request.method),
            "url": .string(request.url),
            "token": request.credential.map { .string($0.withSecret { $0 }) } ?? .null,
            "headers": .array(request.headers.map { .array([.string($0.name), .string($0.value)]) }),
            "body": request.body.map { .string(Data($0).base64EncodedString()) } ?? .null,
            "timeout": .number(request.timeout / .seconds(1)),
        ]).checked()
        guard let status = answer["status"]?.integerValue, (100...599).contains(status),
            let body = Data(base64Encoded: answer["body"]?.stringValue ?? "")
        else { throw TransportFailure(reason: "the transport returned an invalid response", isRetryable: false) }
        var headers: [HeaderField] = []
        if case .array(let fields) = answer["headers"] {
            for case .array(let field) in fields where field.count == 2 {
                if let name = field[0].stringValue, let value = field[1].stringValue {
                    headers.append(HeaderField(name, value))
                }
            }
        }
        return TransportResponse(status: status, headers: headers, body: Array(body))
    }
}

// MARK: - Events

extension ClientEvent {
    /// The event as the fields of a message.
    var fields: [String: JSONValue] {
        switch self {
        case .requestStarted(let method, let path):
            ["type": "request_started", "method": .string(method), "path": .string(path)]
        case .requestFinished(let method, let path, let status, let duration, let requestID):
            [
                "type": "request_finished", "method": .string(method), "path": .string(path),
                "status": .integer(status), "duration": .number(duration / .seconds(1)),
                "request_id": requestID.map { .string($0) } ?? .null,
            ]
        case .requestFailed(let method, let path, let reason, let duration):
            [
                "type": "request_failed", "method": .string(method), "path": .string(path),
                "reason": .string(reason), "duration": .number(duration / .seconds(1)),
            ]
        case .requestRetried(let method, let path, let retry, let delay, let reason):
            [
                "type": "request_retried", "method": .string(method), "path": .string(path),
                "retry": .integer(retry), "delay": .number(delay / .seconds(1)), "reason": .string(reason),
            ]
        case .tokenReloaded(let origin):
            ["type": "token_reloaded", "origin": .string(PythonNames.text(origin))]
        case .tokenExpiring(let expiresAt, let secondsLeft):
            ["type": "token_expiring", "expires_at": .string(expiresAt), "seconds_left": .integer(secondsLeft)]
        case .warning(let text): ["type": "warning", "message": .string(PythonNames.text(text))]
        }
    }
}
