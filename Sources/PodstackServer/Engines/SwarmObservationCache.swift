/// Remembers observations of pods on a swarm, since each needs a request to the node of the pod.
///
/// An observation is valid while the task has the same state. A stop removes it, because the state of the task changes later.
final class SwarmObservationCache: Sendable {
    private struct Entry {
        var taskID: String
        var taskState: String
        var observation: EngineObservation
    }

    private let entries = Monitor<[String: Entry]>([:])

    /// Returns the remembered observation of a task in the state that it has; nil if there is none.
    func observation(of podID: String, _ task: Docker.Task) -> EngineObservation? {
        entries.change(waking: .none) { entries in
            guard let entry = entries[podID], entry.taskID == task.id, entry.taskState == task.status.state else {
                return nil
            }
            return entry.observation
        }
    }

    /// Returns the start of the run of a task, if it was observed.
    func start(of podID: String, _ task: Docker.Task) -> Int64? {
        entries.change(waking: .none) { entries in
            guard let entry = entries[podID], entry.taskID == task.id else { return nil }
            return entry.observation.startedAt
        }
    }

    func store(_ observation: EngineObservation, _ task: Docker.Task) {
        // The container has changed its state, and its task has not yet.
        guard (observation.state == .running) == SwarmTasks.isLive(task) else { return }
        entries.change(waking: .none) {
            $0[observation.podID] = Entry(taskID: task.id, taskState: task.status.state, observation: observation)
        }
    }

    /// Returns the observation of a task whose node does not respond any more, which stays the same from then on.
    ///
    /// The run ended when the swarm gave the node up.
    func lost(_ podID: String, _ task: Docker.Task, node: String) throws -> EngineObservation {
        let state = "lost"
        let known = entries.change(waking: .none) { $0[podID] }
        if let known, known.taskID == task.id, known.taskState == state { return known.observation }
        guard task.desiredState != "running" || !SwarmTasks.isLive(task) else {
            throw EngineFailure(kind: .failed, reason: "The node \(node) does not respond")
        }
        let start = known.flatMap { $0.taskID == task.id ? $0.observation.startedAt : nil }
        let end = DockerTime.milliseconds(task.updatedAt)
        let observation = EngineObservation(
            podID: podID, state: .failed("The node \(node) does not respond, so the pod is lost"), startedAt: start,
            finishedAt: start.flatMap { start in end.map { max(start, $0) } }, node: node)
        entries.change(waking: .none) {
            $0[podID] = Entry(taskID: task.id, taskState: state, observation: observation)
        }
        return observation
    }

    func forget(_ podID: String) { entries.change(waking: .none) { $0[podID] = nil } }

    /// Forgets all other pods.
    func keepOnly(_ podIDs: Set<String>) {
        entries.change(waking: .none) { entries in entries = entries.filter { podIDs.contains($0.key) } }
    }
}
