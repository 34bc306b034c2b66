/// The states of pods, from what the Docker engine says about containers.
enum DockerObservations {
    static func observation(_ podID: String, _ container: Docker.Container) -> EngineObservation {
        let state = container.state
        let error = state.error.flatMap { $0.isEmpty ? nil : DockerFailure.reason($0) }
        let startedAt = DockerTime.milliseconds(state.startedAt)
        let value: EngineObservation.State =
            switch state.status {
            case "running", "paused", "restarting": .running
            case "removing": .removing
            case "created": error.map { .failed($0) } ?? .created
            // An error of an exited container is that of a later start.
            case "exited":
                error.map { .failed($0) } ?? .exited(code: state.exitCode, isOutOfMemory: state.isOutOfMemory)
            case "dead": .failed(error ?? "the engine could not remove the container")
            default: .failed("the engine has a state that is not known: \(state.status)")
            }
        let isRunning = value == .running
        return EngineObservation(
            podID: podID, state: value, startedAt: startedAt,
            // While a container runs, the engine still has the end of its run before.
            finishedAt: isRunning || startedAt == nil ? nil : DockerTime.milliseconds(state.finishedAt),
            addresses: isRunning ? addresses(container.network?.ports ?? [:]) : [:])
    }

    private static func addresses(_ ports: [String: [Docker.Binding]?]) -> [Int: String] {
        var addresses: [Int: String] = [:]
        for (port, bindings) in ports {
            guard port.hasSuffix("/tcp"), let number = Int(port.dropLast(4)), let binding = bindings?.first else {
                continue
            }
            let host = binding.address.contains(":") ? "[\(binding.address)]" : binding.address
            addresses[number] = "\(host):\(binding.port)"
        }
        return addresses
    }
}

/// Remembers observations, since the list of containers lacks the times, which need one request for each container.
///
/// A running container has an endpoint in its network that is another one with each start, so an observation stays valid as
/// long as the list shows that endpoint. One that does not run is remembered for ten seconds, or until a pod is started or
/// an event about it arrives.
final class DockerObservationCache: Sendable {
    private struct Entry {
        var observation: EngineObservation
        var key: Key
        var storedAt: ContinuousClock.Instant
    }

    /// The part of a list's entry that changes with the observation.
    private struct Key: Equatable {
        var id: String
        var state: String
        var endpoints: [String: String]
        var ports: Set<Docker.Summary.Port>
        /// The exit code with the words around it; empty while the container runs.
        var exit: Substring

        init(_ summary: Docker.Summary) {
            id = summary.id
            state = summary.state
            endpoints = (summary.networks?.networks ?? [:]).mapValues { $0.id ?? "" }
            ports = Set(summary.ports ?? [])
            exit = summary.state == "running" ? "" : summary.status.prefix { $0 != ")" }
        }

        /// Whether another run would have another key.
        var isUniqueToRun: Bool { state == "running" && endpoints.values.contains { !$0.isEmpty } }
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var generations: [String: Int] = [:]
    }

    private let state = Monitor(State())
    private static let lifetime = Duration.seconds(10)

    /// Returns the remembered observation of a pod, unless the list shows that it is no longer true.
    func observation(of podID: String, _ summary: Docker.Summary) -> EngineObservation? {
        let key = Key(summary)
        return state.change(waking: .none) { state in
            guard let entry = state.entries[podID], entry.key == key,
                key.isUniqueToRun || ContinuousClock.now - entry.storedAt < Self.lifetime
            else { return nil }
            return entry.observation
        }
    }

    /// Returns a number that another one replaces when the pod is forgotten.
    func generation(of podID: String) -> Int { state.change(waking: .none) { $0.generations[podID] ?? 0 } }

    /// Remembers an observation that was made after the list, unless the pod has been forgotten since its generation.
    func store(_ observation: EngineObservation, _ summary: Docker.Summary, _ generation: Int) {
        let isRunning = summary.state == "running"
        // Between the list and the observation, the container has changed its state.
        guard isRunning == (observation.state == .running) else { return }
        state.change(waking: .none) { state in
            guard state.generations[observation.podID] ?? 0 == generation else { return }
            state.entries[observation.podID] = Entry(observation: observation, key: Key(summary), storedAt: .now)
        }
    }

    func forget(_ podID: String) {
        state.change(waking: .none) { state in
            state.entries[podID] = nil
            state.generations[podID, default: 0] += 1
        }
    }

    /// Forgets all other pods.
    func keepOnly(_ podIDs: Set<String>) {
        state.change(waking: .none) { state in
            state.entries = state.entries.filter { podIDs.contains($0.key) }
            state.generations = state.generations.filter { podIDs.contains($0.key) }
        }
    }
}
