import PodstackAPI

/// The kinds of events in the life of a pod.
enum PodEventKind: String, Sendable {
    case created, updated
    case startRequested = "start_requested"
    case stopRequested = "stop_requested"
    case restartRequested = "restart_requested"
    case deleteRequested = "delete_requested"
    case preparing
    case started, exited, stopped, failed, lost, terminated
    case outOfMemory = "out_of_memory"
    case limitReached = "limit_reached"
}

/// The events of pods in the database: at most ``maxCount`` of each pod.
enum PodEventStore {
    /// The most events that are kept of one pod; the oldest are removed first.
    static let maxCount: Int64 = 500
    /// The most bytes of a message.
    static let maxMessageBytes = 1 << 10

    /// Appends an event, and removes the oldest if there are too many.
    ///
    /// - Parameters:
    ///   - kind: The kind.
    ///   - message: A sentence, which is cut off after ``maxMessageBytes``.
    ///   - pod: The pod, whose number of the last event is increased; its row must be written afterwards.
    ///   - time: Milliseconds since 1970.
    ///   - connection: The connection.
    /// - Throws: ``DatabaseFailure``.
    static func append(
        _ kind: PodEventKind, _ message: String, of pod: inout PodRecord, at time: Int64,
        in connection: any DatabaseConnection
    ) throws {
        pod.lastEventNumber += 1
        try connection.execute(
            """
            INSERT INTO pod_events (pod_id, number, created_at, type, message)
            VALUES (\(pod.id), \(pod.lastEventNumber), \(time), \(kind.rawValue), \(limited(message)))
            """)
        guard pod.lastEventNumber > maxCount else { return }
        try connection.execute(
            "DELETE FROM pod_events WHERE pod_id = \(pod.id) AND number <= \(pod.lastEventNumber - maxCount)")
    }

    /// Returns the events of a pod, newest first.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - number: The number of the last event of the previous page; nil for the first page.
    ///   - limit: The most events.
    ///   - connection: The connection.
    /// - Returns: The events.
    /// - Throws: ``DatabaseFailure``.
    static func list(
        podID: String, before number: Int64?, limit: Int, in connection: any DatabaseConnection
    ) throws -> [(number: Int64, event: PodEvent)] {
        try connection.query(
            """
            SELECT number, created_at, type, message FROM pod_events
            WHERE pod_id = \(podID) AND number < \(number ?? .max) ORDER BY number DESC LIMIT \(Int64(limit))
            """
        ).map { row in
            let number = try row.integer("number")
            return (
                number,
                PodEvent(
                    timestamp: .init(milliseconds: try row.integer("created_at")), type: try row.text("type"),
                    message: try row.text("message"))
            )
        }
    }

    /// Cuts a text off after whole characters.
    static func limited(_ text: String, bytes: Int = maxMessageBytes) -> String {
        guard text.utf8.count > bytes else { return text }
        var result = ""
        var count = 0
        for character in text {
            count += character.utf8.count
            guard count <= bytes - 3 else { break }
            result.append(character)
        }
        return result + "…"
    }
}
