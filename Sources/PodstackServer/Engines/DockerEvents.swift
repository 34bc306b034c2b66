/// The Docker engine's stream of events.
enum DockerEvents {
    struct Changes {
        var pods: Set<String> = []
        /// The time of the latest event in nanoseconds since 1970; nil without one.
        var last: Int64?
    }

    /// Waits for events and returns as soon as there are some, or a time has passed.
    static func wait(
        _ client: DockerClient, _ target: DockerClient.Target, seconds: Double, _ cancellation: EngineCancellation
    ) throws -> Changes {
        var changes = Changes()
        var lines = JSONLines()
        do {
            let end = try client.stream("GET", target, limit: .seconds(max(0.001, seconds)), cancellation) { bytes in
                try lines.receive(bytes) { line in
                    let event = try DockerClient.decode(Docker.Event.self, line)
                    changes.last = max(changes.last ?? 0, event.nanoseconds)
                    if let podID = event.actor.attributes[DockerEngine.Label.pod] { changes.pods.insert(podID) }
                }
                return changes.last == nil
            }
            if end == .timeUp { return changes }
        } catch let failure as EngineFailure where failure.kind == .canceled {
            return changes
        }
        if changes.last == nil {
            // The engine ends the stream only when it ends itself.
            throw EngineFailure(kind: .unreachable, reason: "The container engine has ended its stream of events")
        }
        return changes
    }
}
