import PodstackAPI
import Synchronization

/// The routes under `/v1/pods/{id}` that read from a pod or write to it: output, commands, files and measurements.
struct PodDataRoutes: Sendable {
    let pods: PodService
    let changes: IdempotentChanges
    let transfers: PodTransfers
    let limits: AccountLimits
    let log: Log
    let now: @Sendable () -> Int64

    init(_ services: Services) {
        pods = services.pods
        changes = services.idempotentChanges
        transfers = services.transfers
        limits = services.limits
        log = services.log
        now = services.now
    }

    private var link: EngineLink { pods.link }

    // MARK: - Checks

    /// Returns the pod of a request, and an error if the engine cannot be asked about it.
    private func pod(_ exchange: Exchange, for scope: Scope) throws -> PodRecord {
        try pods.pod(exchange.parameters[0], for: scope, try exchange.caller().authority)
    }

    /// Returns the pod of a request that runs a command in it, or reads or writes its files.
    private func reachablePod(_ exchange: Exchange) throws -> PodRecord {
        let authority = try exchange.caller().authority
        return try pods.database.read { try pods.reachablePod(exchange.parameters[0], authority, in: $0) }
    }

    private static func checkRuns(_ pod: PodRecord) throws {
        guard pod.state.status != .running else { return }
        throw DomainError.wrongState(
            "The pod does not run", current: pod.state.status.rawValue, required: PodStatus.running.rawValue)
    }

    private static func checkExists(_ pod: PodRecord) throws {
        guard pod.isTerminated else { return }
        throw DomainError.wrongState(
            "The pod is deleted, and everything in it", current: pod.state.status.rawValue,
            required: PodStatus.running.rawValue)
    }

    /// Returns a closure that tells whether the caller of a request may still read about a pod.
    private func mayRead(_ exchange: Exchange, _ pod: PodRecord) -> @Sendable () -> Bool {
        isAllowed(exchange) { authority, _ in try authority.require(.podsRead, in: pod.projectID) }
    }

    /// Returns a closure that tells whether the caller of a request may still run commands in a pod.
    private func mayReach(_ exchange: Exchange, _ pod: PodRecord) -> @Sendable () -> Bool {
        isAllowed(exchange) { [pods] in _ = try pods.reachablePod(pod.id, $0, in: $1) }
    }

    private func isAllowed(
        _ exchange: Exchange, _ check: @escaping @Sendable (Authority, any DatabaseConnection) throws -> Void
    ) -> @Sendable () -> Bool {
        let actor = Actor(exchange.request, exchange.identity)
        let (changes, now) = (changes.changes, now)
        return {
            do {
                try changes.database.read { try check(try changes.readAuthority(actor, now(), $0), $0) }
                return true
            } catch is DatabaseFailure {
                return true
            } catch {
                return false
            }
        }
    }

    private func slot(_ limit: AccountLimit, _ things: String, _ exchange: Exchange) throws -> AccountLimit.Slot {
        guard let slot = limit.take(try exchange.caller().token.accountID) else {
            throw ErrorResponse.tooMany(things, retryAfterSeconds: 10)
        }
        return slot
    }

    /// Returns the error of a client for a failure of the engine.
    ///
    /// - Parameters:
    ///   - failure: The failure.
    ///   - path: The file or directory that was asked for; nil for none.
    /// - Returns: The error.
    private static func error(_ failure: EngineFailure, path: String? = nil) -> any Error {
        switch failure.kind {
        case .notFound where path != nil:
            ErrorResponse(
                status: 404, code: .notFound, message: failure.reason,
                details: ["resource_type": "file", "resource_id": .string(path ?? "")])
        case .unreachable, .canceled: EngineLink.unreachable
        case .notFound, .image, .gpu, .conflict, .refused: DomainError.conflict(failure.reason)
        case .noSpace, .failed: DomainError.unavailable(failure.reason, retryAfterSeconds: 5)
        }
    }

    // MARK: - Logs

    @Sendable func logs(_ exchange: Exchange) throws -> Response {
        var selection = EngineLogSelection()
        var reader = QueryReader(exchange.request, known: ["tail", "since", "follow", "timestamps"])
        let time = now()
        selection.tail = reader.take("tail") { text throws(InvalidValue) in
            guard text.utf8.count < 10, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let count = Int(text)
            else {
                throw InvalidValue("must be a number of lines")
            }
            return count
        }
        selection.since = reader.take("since") { text throws(InvalidValue) in
            if let date = Timestamp.parse(text) { return Int64(date.timeIntervalSince1970 * 1000) }
            let isNumber = !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
            do { return (time - Int64(try DurationText.seconds(isNumber ? text + "s" : text))) * 1000 } catch {
                throw InvalidValue("must be a time such as 2027-01-31T12:00:00Z, or a duration such as 10m")
            }
        }
        selection.follows = reader.take("follow", Self.boolean) ?? false
        selection.hasTimes = reader.take("timestamps", Self.boolean) ?? false
        try reader.finish()
        let pod = try pod(exchange, for: .podsRead)
        try Self.checkExists(pod)
        let engine = try link.require()
        let slot = try slot(limits.logs, "log streams", exchange)
        let seconds = selection.follows ? PodTransfers.followSeconds : PodTransfers.transferSeconds
        let released = EngineCancellation()
        let body = BlockingBody(maxSeconds: seconds, isLive: selection.follows) { released.cancel() }
        let transfer = transfers.begin(
            body.stream, seconds: seconds, slot, isAllowed: mayRead(exchange, pod))
        // Weak: a stream that no response uses is never released, and would keep itself alive.
        released.onCancel { [weak transfer] in transfer?.cancellation.cancel() }
        let isAdded = transfers.work.add { [selection] in
            writeLogs(of: pod, selection, from: engine, to: body, transfer)
            transfers.end(transfer)
        }
        guard isAdded else {
            transfers.end(transfer)
            throw ErrorResponse.busy
        }
        var response = Response(status: 200)
        response.stream = body.stream
        response.contentType = "text/plain; charset=utf-8"
        return response
    }

    private static func boolean(_ text: String) throws(InvalidValue) -> Bool {
        switch text {
        case "true", "1", "": true
        case "false", "0": false
        default: throw InvalidValue("must be true or false")
        }
    }

    /// The seconds between two looks at a pod whose output is followed and that has not started yet.
    private static let pauseSeconds = 0.3

    private func writeLogs(
        of pod: PodRecord, _ selection: EngineLogSelection, from engine: any PodEngine, to body: BlockingBody,
        _ transfer: PodTransfers.Transfer
    ) {
        var pod = pod
        do {
            while true {
                if try engine.observe(pod.id)?.startedAt != nil {
                    try engine.logs(pod.id, selection, transfer.cancellation) { _, bytes in body.write(bytes) }
                    pod = try pods.database.read { try PodStore.find(pod.id, in: $0) } ?? pod
                    break
                }
                pod = try pods.database.read { try PodStore.find(pod.id, in: $0) } ?? pod
                guard selection.follows, pod.state.desired == .running else { break }
                if transfer.cancellation.wait(seconds: Self.pauseSeconds) { return body.stream.end() }
            }
            // The output of a pod that could not start is the reason why.
            if pod.state.status == .failed, !pod.state.hasRun, let reason = pod.state.reason {
                _ = body.write(reason + "\n")
            }
            body.stream.end()
        } catch {
            let failure = error as? EngineFailure
            if failure?.kind == .canceled { return body.stream.end() }
            log.write(
                "logs_cut", level: "warning", [("pod", pod.id), ("reason", failure?.reason ?? "the database failed")])
            body.stream.cut()
        }
    }

    // MARK: - Files

    private static func path(of request: Request) throws -> String {
        var reader = QueryReader(request, known: ["path"])
        reader.require("path")
        let path = reader.take("path") { text throws(InvalidValue) in
            guard text.hasPrefix("/"), text.utf8.count <= 4096, !text.utf8.contains(0) else {
                throw InvalidValue("must be an absolute path of at most 4096 bytes")
            }
            // An error of the engine may repeat the path.
            try ResourceName.rejectToken(text)
            return text
        }
        try reader.finish()
        return path ?? "/"
    }

    /// Responds with a file or directory as a tar archive, which the engine sends while the client reads.
    @Sendable func download(_ exchange: Exchange) throws -> Response {
        let path = try Self.path(of: exchange.request)
        let pod = try reachablePod(exchange)
        try Self.checkExists(pod)
        let engine = try link.require()
        let slot = try slot(limits.files, "file transfers", exchange)
        let isAllowed = mayReach(exchange, pod)
        return .deferred(on: transfers.starts) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            return try beginDownload(of: path, from: pod, engine, slot, isAllowed)
        }
    }

    /// Starts a download on another thread, and waits for its first bytes, so that a missing path is an error.
    private func beginDownload(
        of path: String, from pod: PodRecord, _ engine: any PodEngine, _ slot: AccountLimit.Slot,
        _ isAllowed: @escaping @Sendable () -> Bool
    ) throws -> Response {
        let released = EngineCancellation()
        let body = BlockingBody(maxSeconds: PodTransfers.transferSeconds, isLive: false) { released.cancel() }
        let transfer = transfers.begin(
            body.stream, seconds: PodTransfers.transferSeconds, slot, isAllowed: isAllowed)
        // Weak: a stream that no response uses is never released, and would keep itself alive.
        released.onCancel { [weak transfer] in transfer?.cancellation.cancel() }
        let begun = Monitor<EngineFailure??>(nil)
        let isAdded = transfers.work.add {
            defer { transfers.end(transfer) }
            do {
                try engine.download(pod.id, path: path, transfer.cancellation) { bytes in
                    begun.change { $0 = $0 ?? .some(nil) }
                    return body.write(bytes)
                }
                begun.change { $0 = $0 ?? .some(nil) }
                body.stream.end()
            } catch {
                let failure = error as? EngineFailure ?? EngineFailure(kind: .failed, reason: "The transfer failed")
                // Too late for an error once the response has begun: the connection is closed instead.
                begun.change { $0 = $0 ?? .some(failure) }
                body.stream.cut()
            }
        }
        guard isAdded else {
            transfers.end(transfer)
            throw ErrorResponse.busy
        }
        guard let failure = begun.wait(Double(PodTransfers.transferSeconds), for: { $0 }) else {
            transfer.cancellation.cancel()
            throw EngineLink.unreachable
        }
        if let failure { throw Self.error(failure, path: path) }
        var response = Response(status: 200)
        response.stream = body.stream
        response.contentType = "application/x-tar"
        return response
    }

    /// Extracts a tar archive into a directory of a pod while it arrives.
    @Sendable func upload(_ exchange: Exchange) throws -> Response {
        let request = exchange.request
        let path = try Self.path(of: request)
        let type = try request.onlyHeader("Content-Type")?.split(separator: ";").first.map { $0.lowercased() }
        guard type == "application/x-tar", request.header("content-encoding") == nil else {
            throw ErrorResponse(
                status: 415, code: .unsupportedMediaType,
                message: "Send an uncompressed tar archive, with Content-Type: application/x-tar")
        }
        let pod = try reachablePod(exchange)
        try Self.checkExists(pod)
        let engine = try link.require()
        let slot = try slot(limits.files, "file transfers", exchange)
        let isAllowed = mayReach(exchange, pod)
        let body = StreamedBody()
        var response = Response(status: 204)
        response.upload = UploadWork(
            body: body, queue: transfers.work, maxSeconds: PodTransfers.transferSeconds
        ) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            let transfer = transfers.begin(nil, seconds: PodTransfers.transferSeconds, slot, isAllowed: isAllowed)
            defer { transfers.end(transfer) }
            transfer.cancellation.onCancel { body.cut() }
            do {
                try engine.upload(pod.id, path: path) { try body.next() }
                return .noContent
            } catch let failure as EngineFailure {
                throw Self.error(failure, path: path)
            } catch is StreamedBody.Incomplete {
                throw ErrorResponse.badRequest("The archive did not arrive completely")
            }
        }
        return response
    }

    // MARK: - Metrics

    @Sendable func metrics(_ exchange: Exchange) throws -> Response {
        let pod = try pod(exchange, for: .podsRead)
        try Self.checkRuns(pod)
        let engine = try link.require()
        let slot = try slot(limits.measurements, "measurements", exchange)
        return .deferred(on: transfers.starts) { [pods] isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            defer { withExtendedLifetime(slot) {} }
            do {
                let statistics = try engine.statistics(pod.id)
                return try .json(
                    PodMetrics(
                        timestamp: .init(milliseconds: pods.now()), cpuUsage: statistics.cpuPercent,
                        memoryUsed: statistics.memoryBytes, memoryTotal: statistics.memoryLimitBytes))
            } catch let failure as EngineFailure { throw Self.error(failure) }
        }
    }

    // MARK: - Commands

    /// The most bytes of each stream of a command's output.
    private static let maxOutput = 1 << 20
    private static let maxCommandBytes = 32 << 10

    @Sendable func exec(_ exchange: Exchange) throws -> Response {
        if try ExecSession.isRequested(by: exchange.request) { return try attach(exchange) }
        var reader = FieldReader(
            try JSONBody.object(of: exchange.request), of: "a command", known: ["command", "timeout_seconds"])
        reader.require("command")
        let command = reader.take("command", Self.command) ?? []
        let seconds =
            reader.take("timeout_seconds") { value throws(InvalidValue) in
                guard let seconds = value.integerValue, (1...PodTransfers.commandSeconds).contains(seconds) else {
                    throw InvalidValue("must be a number of seconds from 1 to \(PodTransfers.commandSeconds)")
                }
                return seconds
            } ?? 60
        try reader.finish()
        let pod = try reachablePod(exchange)
        try Self.checkRuns(pod)
        let engine = try link.require()
        if let repeated = try markStarted(exchange, pod) { return repeated }
        let slot = try slot(limits.commands, "commands", exchange)
        return .deferred(on: transfers.commands) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            let transfer = transfers.begin(
                nil, seconds: Int64(seconds), slot, isAllowed: mayReach(exchange, pod))
            defer { transfers.end(transfer) }
            return try run(command, in: pod, engine, transfer, seconds: seconds)
        }
    }

    static func command(_ value: JSONValue) throws(InvalidValue) -> [String] {
        guard case .array(let values) = value, !values.isEmpty, case let words = values.compactMap(\.stringValue),
            words.count == values.count, words.first != "", words.allSatisfy({ !$0.utf8.contains(0) }),
            words.reduce(0, { $0 + $1.utf8.count + 1 }) <= maxCommandBytes
        else { throw InvalidValue("must be a list of strings: the program and its arguments, at most 32 KiB") }
        return words
    }

    /// Starts a command with a terminal or pipes, on a connection that switches to the frames of ``ExecSession``.
    private func attach(_ exchange: Exchange) throws -> Response {
        var reader = FieldReader(
            try JSONBody.object(of: exchange.request), of: "a command", known: ["command", "terminal"])
        reader.require("command")
        let command = reader.take("command", Self.command) ?? []
        let terminal = reader.takeUnlessNull("terminal", ExecSession.terminal)
        try reader.finish()
        let pod = try reachablePod(exchange)
        try Self.checkRuns(pod)
        let engine = try link.require()
        if let repeated = try markStarted(exchange, pod) { return repeated }
        let slot = try slot(limits.commands, "commands", exchange)
        return .deferred(on: transfers.starts) { isTurn in
            guard isTurn else { throw ErrorResponse.busy }
            let session: any EngineSession
            do { session = try engine.attach(pod.id, command, terminal: terminal) } catch let failure as EngineFailure {
                throw Self.error(failure)
            }
            let isAllowed = mayReach(exchange, pod)
            var response = Response(status: 101)
            response.upgrade = Upgrade(name: ExecSession.protocolName) { socket in
                guard let socket else { return session.close() }
                let transfer = transfers.begin(
                    nil, seconds: PodTransfers.followSeconds, slot, isAllowed: isAllowed)
                transfer.cancellation.onCancel { socket.shutDown() }
                ExecSession(socket, session).run()
                transfers.end(transfer)
            }
            return response
        }
    }

    /// Records that the command of a request has begun; returns the response to a repeated request, which runs nothing.
    ///
    /// The output may contain secrets, so it is not stored for repeats.
    private func markStarted(_ exchange: Exchange, _ pod: PodRecord) throws -> Response? {
        var isFirst = false
        let check: (Change) throws -> Void = { _ = try pods.reachablePod(pod.id, $0.authority, in: $0.connection) }
        let response = try changes.response(to: exchange, at: now(), checkRepeat: check) { change in
            try check(change)
            isFirst = true
            let error = ErrorResponse(
                status: 409, code: .conflict,
                message: "The command of this request was started before; send a new Idempotency-Key to run it again")
            return error.response(requestID: "")
        }
        return isFirst ? nil : response
    }

    private func run(
        _ command: [String], in pod: PodRecord, _ engine: any PodEngine, _ transfer: PodTransfers.Transfer, seconds: Int
    ) throws -> Response {
        let output = Mutex<(stdout: [UInt8], stderr: [UInt8], isTruncated: Bool)>(([], [], false))
        do {
            let code = try engine.exec(pod.id, command, transfer.cancellation) { stream, bytes in
                output.withLock { output in
                    func append(_ bytes: UnsafeRawBufferPointer, to kept: inout [UInt8]) {
                        let room = Self.maxOutput - kept.count
                        kept.append(contentsOf: bytes.prefix(room))
                        if bytes.count > room { output.isTruncated = true }
                    }
                    var kept = stream == .output ? output.stdout : output.stderr
                    if stream == .output { output.stdout = [] } else { output.stderr = [] }
                    append(bytes, to: &kept)
                    if stream == .output { output.stdout = kept } else { output.stderr = kept }
                }
                return true
            }
            let (stdout, stderr, isTruncated) = output.withLock { $0 }
            return try .json(
                PodExecResult(
                    exitCode: code, stdout: String(decoding: stdout, as: UTF8.self),
                    stderr: String(decoding: stderr, as: UTF8.self), isTruncated: isTruncated))
        } catch let failure as EngineFailure {
            if transfer.isTimedOut {
                throw ErrorResponse(
                    status: 504, code: .execTimeout,
                    message: "The command did not end within \(counted(seconds, "second")); it may still run")
            }
            throw Self.error(failure)
        }
    }
}
