import PodstackAPI
import Synchronization

/// A CSV file of audit events that is read from the database while the client reads it.
///
/// The file is produced in parts of about 64 KiB. The next part is read only when the client has taken the previous one,
/// so a client that does not read costs no more than one part. If the database fails, the connection is closed, and the
/// client notices that the file is not complete.
final class AuditExport: Sendable {
    /// The maximum number of events in one file.
    static let maxEvents = 10_000
    /// The seconds after which an export ends, whatever its client does.
    static let maxSeconds: Int64 = 600

    /// The bytes of a part, unless one event is longer.
    private static let partSize = 48 << 10
    /// The number of events that the first part reads, before their size is known.
    private static let firstCount = 16
    private static let maxCount = 500

    /// The events of an export, and the caller that exports them.
    struct Query: Sendable {
        var filter: AuditFilter
        /// The maximum number of events.
        var limit: Int
        /// The events from which the file is taken.
        var range = AuditRange.all
        var actor: Actor
        /// The permissions that the actor must have until the end.
        var requirement: Requirement
        /// The account that exports, which may not be the one whose log it is.
        var accountID: String
    }

    /// A file that has begun.
    struct File {
        var response: Response
        /// The last event of the file, or of those that were searched, if more events follow; nil otherwise.
        var last: AuditEventPosition?
    }

    private struct Progress {
        /// The events that are not written yet.
        var rest: AuditRange
        var remaining: Int
        /// The number of events that the next part reads.
        var count = AuditExport.firstCount
    }

    private let query: Query
    private let changes: Changes
    private let log: Log
    private let queue: WorkQueue
    private let now: @Sendable () -> Int64
    /// The number of ``File/last``.
    private let lastNumber: Int64?
    private let slot: AccountLimit.Slot
    private let progress: Mutex<Progress>

    private init(_ query: Query, _ services: Services, _ slot: AccountLimit.Slot, lastNumber: Int64?) {
        self.query = query
        changes = services.changes
        log = services.log
        queue = services.pools.searches
        now = services.now
        self.slot = slot
        self.lastNumber = lastNumber
        progress = Mutex(Progress(rest: query.range, remaining: query.limit))
    }

    /// Begins an export, on a worker for searches.
    ///
    /// A file of one part is an ordinary response; a longer one is a stream.
    ///
    /// - Throws: ``ErrorResponse`` if the account has too many exports in progress.
    static func begin(_ query: Query, _ services: Services) throws -> File {
        guard let slot = services.limits.exports.take(query.accountID) else {
            throw ErrorResponse.tooMany("exports", retryAfterSeconds: 10)
        }
        let last = try services.database.read {
            try AuditStore.end(ofPage: query.limit, query.filter, query.range, in: $0)
        }
        let export = AuditExport(query, services, slot, lastNumber: last?.number)
        let (first, isLast) = try export.nextPart()
        let beginning = Array(AuditCSV.header.utf8) + first
        var response = Response(status: 200, body: isLast ? beginning : [])
        if !isLast {
            response.stream = ResponseStream(maxSeconds: maxSeconds, beginning: beginning) {
                export.continueWriting(to: $0)
            }
        }
        response.contentType = "text/csv; charset=utf-8"
        return File(response: response, last: last)
    }

    /// Queues the next part of a stream whose reader has taken everything; never blocks.
    private func continueWriting(to stream: ResponseStream) {
        let isQueued = queue.add(isContinuation: true) { [self] in
            guard !stream.isOver else { return }
            guard !stream.isClientGone else { return stream.cut() }
            do {
                let (bytes, isLast) = try nextPart()
                if isLast { stream.end(with: bytes) } else { stream.write(bytes) }
            } catch {
                let reason = (error as? DatabaseFailure)?.reason ?? "the caller may no longer read the log"
                log.write("export_cut", level: "warning", [("reason", reason)])
                stream.cut()
            }
        }
        if !isQueued { stream.cut() }
    }

    /// Reads and encodes the next part.
    ///
    /// - Throws: If the database fails, or the caller may no longer read the log.
    private func nextPart() throws -> (bytes: [UInt8], isLast: Bool) {
        var progress = progress.withLock { $0 }
        let limit = min(progress.count, progress.remaining)
        let events = try changes.database.read { connection in
            try changes.readAuthority(query.actor, now(), connection).require(query.requirement)
            return try AuditStore.list(
                query.filter, limit: limit, progress.rest, through: lastNumber, in: connection)
        }
        var bytes: [UInt8] = []
        var written = 0
        var isComplete = false
        for event in events where !isComplete && bytes.count < Self.partSize {
            bytes += AuditCSV.lines([event.apiModel]).utf8
            written += 1
            progress.rest = progress.rest.following(event.number)
            isComplete = event.number == lastNumber
        }
        progress.remaining -= written
        if written > 0 { progress.count = max(1, min(Self.partSize / (bytes.count / written + 1), Self.maxCount)) }
        let isLast = isComplete || progress.remaining == 0 || written == events.count && events.count < limit
        self.progress.withLock { [progress] in $0 = progress }
        return (bytes, isLast)
    }
}
