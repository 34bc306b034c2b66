import PodstackSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The token that a client uses.
///
/// Kept until shortly before it expires, and requested again from the provider after that or after a 401.
final class TokenCache: Sendable {
    let provider: any CredentialProvider
    private let current: Lock<Credential?>
    private let flight = SingleFlight<Credential>()
    private let time: TimeSource

    /// The time before its end at which a credential is no longer used, in seconds.
    private static let margin: TimeInterval = 60

    /// Creates a cache.
    ///
    /// - Parameters:
    ///   - provider: The source of tokens.
    ///   - first: A token that is already known; nil to request one with the first request.
    ///   - time: The clock that expiry is compared with.
    init(_ provider: any CredentialProvider, first: APIToken?, time: TimeSource) {
        self.provider = provider
        self.time = time
        current = Lock(first.map { Credential($0) })
    }

    /// The cached token; nil when the provider must be asked.
    var tokenAtHand: APIToken? {
        guard let credential = current.withLock(\.self), isGood(credential) else { return nil }
        return credential.token
    }

    func token() async throws -> APIToken {
        if let token = tokenAtHand { return token }
        return try await request(insteadOf: nil).token
    }

    /// Returns the token that the source contains now.
    func reread() async throws -> APIToken { try await request(insteadOf: nil).token }

    /// Returns a token other than the one that the service rejected; nil when the source has no other.
    func replacement(for rejected: APIToken) async throws -> APIToken? {
        // The first of several concurrent rejections requests a token, and the others use its result.
        if let credential = current.withLock(\.self), credential.token != rejected { return credential.token }
        let credential = try await request(insteadOf: rejected)
        return credential.token == rejected ? nil : credential.token
    }

    /// Replaces the token, after a rotation.
    func use(_ token: APIToken) { current.withLock { $0 = Credential(token) } }

    private func request(insteadOf rejected: APIToken?) async throws -> Credential {
        // The run has its own task, because several callers may wait for it.
        let work = BlockingWork.current
        return try await flight.run { [self] in
            let credential = try await BlockingWork.$current.withValue(work) {
                try await provider.credential(insteadOf: rejected)
            }
            current.withLock { $0 = credential }
            return credential
        }
    }

    private func isGood(_ credential: Credential) -> Bool {
        guard let end = credential.expiresAt else { return true }
        return end.timeIntervalSince(time.date()) > Self.margin
    }
}

// MARK: - One run for many callers

/// Runs an operation once for all callers that wait for it.
///
/// 1. At most one run is in progress; a caller that arrives meanwhile waits for its result.
/// 2. A failure is thrown to the callers that waited, and not remembered: the next caller starts a new run.
/// 3. Canceling one caller does not affect the others.
/// 4. When the last waiting caller is canceled, the run is canceled.
final class SingleFlight<Value: Sendable>: Sendable {
    private struct Flight {
        var number: UInt64
        var task: Task<Void, Never>?
        var callers: [UInt64: CheckedContinuation<Value, any Error>] = [:]
    }

    private struct State {
        var flight: Flight?
        var flights: UInt64 = 0
        var tickets: UInt64 = 0
        /// The callers that were canceled before they began to wait.
        var canceled: Set<UInt64> = []
    }

    private let state = Lock(State())

    /// The number of callers that wait for the run in progress.
    var callerCount: Int { state.withLock { $0.flight?.callers.count ?? 0 } }

    /// Waits for the run in progress, or starts one.
    func run(_ work: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        defer { state.withLock { _ = $0.canceled.remove(ticket) } }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isCanceled = state.withLock { state in
                    if state.canceled.contains(ticket) { return true }
                    if state.flight == nil { begin(work, &state) }
                    state.flight?.callers[ticket] = continuation
                    return false
                }
                if isCanceled { continuation.resume(throwing: CancellationError()) }
            }
        } onCancel: {
            cancel(ticket)
        }
    }

    private func begin(_ work: @escaping @Sendable () async throws -> Value, _ state: inout State) {
        state.flights += 1
        let number = state.flights
        let task = Task.detached {
            let result: Result<Value, any Error>
            do { result = .success(try await work()) } catch { result = .failure(error) }
            self.end(number, result)
        }
        state.flight = Flight(number: number, task: task)
    }

    private func end(_ number: UInt64, _ result: Result<Value, any Error>) {
        let callers = state.withLock { state in
            guard state.flight?.number == number else { return [CheckedContinuation<Value, any Error>]() }
            defer { state.flight = nil }
            return state.flight.map { Array($0.callers.values) } ?? []
        }
        for continuation in callers { continuation.resume(with: result) }
    }

    private func cancel(_ ticket: UInt64) {
        let (continuation, task) = state.withLock {
            state -> (CheckedContinuation<Value, any Error>?, Task<Void, Never>?) in
            guard let continuation = state.flight?.callers.removeValue(forKey: ticket) else {
                state.canceled.insert(ticket)
                return (nil, nil)
            }
            guard state.flight?.callers.isEmpty == true else { return (continuation, nil) }
            defer { state.flight = nil }
            return (continuation, state.flight?.task)
        }
        task?.cancel()
        continuation?.resume(throwing: CancellationError())
    }
}
