public import PodstackAPI

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// The pods: containers, with or without GPUs.
///
/// Source: the page's "Quick Start" and "Pods".
public struct Pods: Sendable {
    let pipeline: Pipeline

    // MARK: - Read

    /// Returns the pods that match all filters, newest first.
    ///
    /// Deleted pods are listed only with the status `.terminated`, for 90 days.
    ///
    /// - Parameters:
    ///   - projectID: The ID of a project; nil for the client's own, else all projects that the token is valid for.
    ///   - status: A state; nil for all but `.terminated`.
    ///   - labels: The labels that a pod must have.
    ///   - name: The name of a pod; nil for all.
    /// - Returns: The pods, which are loaded as they are needed.
    public func list(
        projectID: Project.ID? = nil, status: Pod.Status? = nil, labels: [String: String] = [:], name: String? = nil
    ) -> Paged<Pod> {
        var query: [(name: String, value: String)] = []
        if let status { query.append((name: "status", value: status.rawValue)) }
        for (key, value) in labels.sorted(by: { $0.key < $1.key }) {
            query.append((name: "label", value: "\(key)=\(value)"))
        }
        if let name { query.append((name: "name", value: name)) }
        return Paged(pipeline: pipeline.inProject(projectID), path: "/v1/pods", query: query)
    }

    /// Returns a pod.
    ///
    /// - Parameter id: The pod's ID.
    /// - Returns: The pod.
    /// - Throws: ``ResourceNotFoundError`` if the pod does not exist, or the user cannot see it.
    public func get(_ id: Pod.ID) async throws -> Pod { try await pipeline.call(.get(path(id))) }

    // MARK: - Change

    /// Creates a pod, which starts as soon as its resources are available.
    ///
    /// A lost response loses nothing: the request is repeated with the same key, and creates one pod. To wait for the
    /// start, call ``waitUntilRunning(_:timeout:onChange:)``.
    ///
    /// - Parameter specification: The name, the image, and everything else about the pod.
    /// - Returns: The new pod.
    /// - Throws: ``InsufficientBalanceError`` if the wallet or a spend limit does not cover the pod,
    ///   ``QuotaExceededError`` if the account has too many pods, ``GPUNotAvailableError`` if there are no such GPUs,
    ///   ``ValidationError`` if a value is invalid or the name exists.
    public func create(_ specification: PodSpecification) async throws -> Pod {
        let body = NewPod(specification: specification)
        var call = try Call.post("/v1/pods", body)
        call.checkedBody = try APICoding.encode(body.withoutSecrets)
        // The project of the specification replaces the client's.
        return try await (specification.projectID == nil ? pipeline : pipeline.withoutProject).call(call)
    }

    /// Changes a pod's name, labels or limits.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - name: The new name; nil leaves it as it is.
    ///   - labels: The new labels, which replace all former ones; nil leaves them as they are.
    ///   - stopAfter: The time after the start at which the pod is stopped.
    ///   - deleteAfter: The time after the start at which the pod is deleted.
    ///   - maxCost: The cost at which the pod is stopped.
    /// - Returns: The changed pod.
    /// - Throws: ``ValidationError`` if a value is invalid, ``ResourceNotFoundError`` if the pod does not exist.
    public func update(
        _ id: Pod.ID, name: String? = nil, labels: [String: String]? = nil,
        stopAfter: LimitChange<Duration> = .unchanged, deleteAfter: LimitChange<Duration> = .unchanged,
        maxCost: LimitChange<Amount> = .unchanged
    ) async throws -> Pod {
        let update = PodUpdate(
            name: name, labels: labels, stopAfter: stopAfter.map(\.wholeSeconds),
            deleteAfter: deleteAfter.map(\.wholeSeconds), maxCost: maxCost)
        return try await pipeline.call(.patch(path(id), update))
    }

    /// Starts a pod that was stopped or has failed.
    ///
    /// - Parameter id: The pod's ID.
    /// - Returns: The pod, which may not run yet.
    /// - Throws: ``InsufficientBalanceError`` if the wallet or a spend limit does not cover the pod, ``ConflictError`` if
    ///   the pod is being deleted.
    @discardableResult
    public func start(_ id: Pod.ID) async throws -> Pod { try await pipeline.call(.post(path(id) + "/start")) }

    /// Stops a pod, which keeps its configuration and is no longer billed.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - force: Whether the program is killed at once, instead of being asked to end first.
    /// - Returns: The pod, which may not be stopped yet.
    /// - Throws: ``ConflictError`` if the pod is being deleted.
    @discardableResult
    public func stop(_ id: Pod.ID, force: Bool = false) async throws -> Pod {
        var call = Call.post(path(id) + "/stop")
        if force { call.query = Self.force }
        return try await pipeline.call(call)
    }

    /// Stops a pod and starts it again.
    ///
    /// - Parameter id: The pod's ID.
    /// - Returns: The pod, which may not run yet.
    /// - Throws: ``InsufficientBalanceError`` if the wallet or a spend limit does not cover the pod, ``ConflictError`` if
    ///   the pod is being deleted.
    @discardableResult
    public func restart(_ id: Pod.ID) async throws -> Pod { try await pipeline.call(.post(path(id) + "/restart")) }

    /// Deletes a pod and everything on its disk; its volumes stay.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - force: Whether a pod that runs is deleted too.
    /// - Returns: The pod while it is being removed; nil if it is gone already.
    /// - Throws: ``ConflictError`` if the pod runs and `force` is false, ``ResourceNotFoundError`` if it does not exist.
    @discardableResult
    public func delete(_ id: Pod.ID, force: Bool = false) async throws -> Pod? {
        var call = Call.delete(path(id))
        if force { call.query = Self.force }
        return try await pipeline.callIfContent(call)
    }

    private static let force = [(name: "force", value: "true")]

    // MARK: - Wait

    /// Waits until a pod runs.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - timeout: The longest time to wait (default: 300 s).
    ///   - onChange: Receives the pod when its state, or the reason for it, is not the one seen before.
    /// - Returns: The pod, which runs.
    /// - Throws: ``PodNotRunningError`` if the pod fails, ends or is deleted, or if the time passes.
    @discardableResult
    public func waitUntilRunning(
        _ id: Pod.ID, timeout: Duration = .seconds(300), onChange: (@Sendable (Pod) -> Void)? = nil
    ) async throws -> Pod {
        try await wait(for: id, timeout: timeout, onChange: onChange) { pod in
            switch pod.status {
            case .running: true
            case .failed, .stopped, .terminated: throw PodNotRunningError(pod)
            default: false
            }
        }
    }

    /// Waits until a closure accepts a pod or throws an error.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - timeout: The longest time to wait.
    ///   - onChange: Receives the pod when its state, or the reason for it, is not the one seen before.
    ///   - isDone: Returns whether the wait is over.
    /// - Returns: The accepted pod.
    /// - Throws: ``PodNotRunningError`` if the time passes, and the errors of the closure.
    package func wait(
        for id: Pod.ID, timeout: Duration, onChange: (@Sendable (Pod) -> Void)? = nil,
        until isDone: (Pod) throws -> Bool
    ) async throws -> Pod {
        // Limited to a year, because a deadline that overflows would trap.
        let timeout = min(max(timeout, .zero), .seconds(31_536_000))
        let deadline = pipeline.time.now() + timeout
        var delay = Self.shortestDelay
        var seen: Pod?
        while true {
            let pod = try await get(id)
            if pod.status != seen?.status || pod.statusReason != seen?.statusReason { onChange?(pod) }
            seen = pod
            if try isDone(pod) { return pod }
            let left = deadline - pipeline.time.now()
            guard left > .zero else { throw PodNotRunningError(pod, after: timeout) }
            try await pipeline.time.sleep(min(delay, left))
            delay = min(delay * 1.5, Self.longestDelay)
        }
    }

    private static let shortestDelay = Duration.milliseconds(200)
    private static let longestDelay = Duration.seconds(2)

    // MARK: - Inside

    /// Runs a program in a pod that runs, and waits for its end.
    ///
    /// The request is not repeated after a lost response, because the program may have run.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - command: The program and its arguments.
    ///   - timeout: The longest time that the program may run (default: 60 s).
    /// - Returns: The exit code and the output, up to 1 MiB of each stream.
    /// - Throws: ``ConflictError`` if the pod does not run, ``ExecTimeoutError`` if the time passes.
    public func exec(
        _ id: Pod.ID, _ command: [String], timeout: Duration = .seconds(60)
    ) async throws -> PodExecResult {
        var call = try Call.post(path(id) + "/exec", NewPodExec(command: command, timeout: timeout))
        call.idempotencyKey = nil
        call.isRepeatable = false
        // The service ends the program, and needs a moment to say so.
        call.leastTimeout = min(max(timeout, .zero), .seconds(86_400)) + .seconds(15)
        return try await pipeline.call(call)
    }

    /// Runs a command line in a pod that runs, with `/bin/sh -c`, and waits for its end.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - commandLine: The command line, such as `nvidia-smi | head`.
    ///   - timeout: The longest time that the command line may run (default: 60 s).
    /// - Returns: The exit code and the output, up to 1 MiB of each stream.
    /// - Throws: ``ConflictError`` if the pod does not run, ``ExecTimeoutError`` if the time passes.
    public func exec(
        _ id: Pod.ID, _ commandLine: String, timeout: Duration = .seconds(60)
    ) async throws -> PodExecResult {
        try await exec(id, ["/bin/sh", "-c", commandLine], timeout: timeout)
    }

    /// Returns the output of a pod's latest run, also of one that failed to start.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - tail: The number of lines at the end; nil for all.
    ///   - since: The earliest time of a line; nil for all.
    /// - Returns: The output; bytes that are not UTF-8 are replaced.
    /// - Throws: ``ResourceNotFoundError`` if the pod does not exist.
    public func logs(_ id: Pod.ID, tail: Int? = nil, since: Date? = nil) async throws -> String {
        let request = LogRequest(tail: tail, since: since.map(Timestamp.format))
        return String(decoding: try await logBytes(id, request), as: UTF8.self)
    }

    /// Returns the output of a pod's latest run as it was written.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - request: The lines to return.
    /// - Returns: The output.
    /// - Throws: ``ResourceNotFoundError`` if the pod does not exist.
    package func logBytes(_ id: Pod.ID, _ request: LogRequest) async throws -> [UInt8] {
        try await pipeline.bytes(of: request.call(path(id)))
    }

    /// Returns the output of a pod's latest run as it arrives.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - follow: Whether to wait for more output until the pod ends (default: true). It needs the SDK's own transport, on
    ///     Linux.
    ///   - tail: The number of lines before the new ones; nil for all.
    ///   - since: The earliest time of a line; nil for all.
    /// - Returns: The lines, and their bytes in ``PodLogs/bytes``.
    public func logStream(_ id: Pod.ID, follow: Bool = true, tail: Int? = nil, since: Date? = nil) -> PodLogs {
        logStream(id, LogRequest(tail: tail, since: since.map(Timestamp.format), follow: follow))
    }

    /// Returns the output of a pod's latest run as it arrives.
    ///
    /// - Parameters:
    ///   - id: The pod's ID.
    ///   - request: The lines to return.
    /// - Returns: The lines and their bytes.
    package func logStream(_ id: Pod.ID, _ request: LogRequest) -> PodLogs {
        PodLogs(pipeline: pipeline, call: request.call(path(id)))
    }

    /// Returns the latest measurement of a pod that runs.
    ///
    /// - Parameter id: The pod's ID.
    /// - Returns: The use of the GPUs, the CPU and the memory.
    /// - Throws: ``ConflictError`` if the pod does not run.
    public func metrics(_ id: Pod.ID) async throws -> PodMetrics {
        try await pipeline.call(.get(path(id) + "/metrics"))
    }

    /// Returns the events of a pod, newest first.
    ///
    /// - Parameter id: The pod's ID.
    /// - Returns: The events, which are loaded as they are needed.
    public func events(_ id: Pod.ID) -> Paged<PodEvent> {
        Paged(pipeline: pipeline, path: path(id) + "/events")
    }

    func path(_ id: Pod.ID) -> String { "/v1/pods/\(Call.segment(id))" }
}

// MARK: - Requests

/// The body of `POST /v1/pods/{id}/exec`.
private struct NewPodExec: Encodable {
    var command: [String]
    var timeoutSeconds: Int

    init(command: [String], timeout: Duration) {
        self.command = command
        timeoutSeconds = timeout.wholeSeconds
    }

    private enum CodingKeys: String, CodingKey {
        case command
        case timeoutSeconds = "timeout_seconds"
    }
}

/// The lines of a pod's output that a request asks for.
package struct LogRequest: Sendable {
    /// The number of lines at the end; nil for all.
    package var tail: Int?
    /// The earliest time of a line, or a time before now such as `10m`; nil for all.
    package var since: String?
    /// Whether each line begins with its time.
    package var timestamps = false
    /// Whether the response goes on until the pod ends.
    package var follow = false

    package init(tail: Int? = nil, since: String? = nil, timestamps: Bool = false, follow: Bool = false) {
        self.tail = tail
        self.since = since
        self.timestamps = timestamps
        self.follow = follow
    }

    /// Returns the request for the lines of the pod with a path.
    func call(_ path: String) -> Call {
        var query: [(name: String, value: String)] = []
        if let tail { query.append((name: "tail", value: String(tail))) }
        if let since { query.append((name: "since", value: since)) }
        if follow { query.append((name: "follow", value: "true")) }
        if timestamps { query.append((name: "timestamps", value: "true")) }
        var call = Call.get(path + "/logs", query: query)
        call.accept = "text/plain"
        call.isEndless = follow
        return call
    }
}
