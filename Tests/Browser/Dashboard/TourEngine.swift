import PodstackTestSupport
import Synchronization

@testable import PodstackServer

/// An engine without containers, for the pictures of pods: each program writes the same lines, and the image says how it
/// ends.
final class TourEngine: PodEngine {
    private struct Object {
        var specification: EngineSpecification
        var startedAt: Int64?
        var finishedAt: Int64?
        var code = 0
    }

    private struct State {
        var objects: [String: Object] = [:]
        var changed: Set<String> = []
        var measurements = 0
        var lastTime: Int64 = 0
    }

    private let state = Mutex(State())
    private let clock: ManualClock

    init(clock: ManualClock) { self.clock = clock }

    private static let missing = EngineFailure(kind: .notFound, reason: "no such container")

    func capabilities() throws -> EngineCapabilities {
        EngineCapabilities(
            name: "Tour 1", apiVersion: "1.41", isCluster: false, gpus: nil, limitsDisk: false, processors: 32)
    }

    func ensure(_ specification: EngineSpecification, progress: (String) -> Void) throws {
        guard !specification.image.hasPrefix("missing") else {
            throw EngineFailure(
                kind: .image, reason: "There is no image \(specification.image), or it needs a registry credential")
        }
        state.withLock { state in
            if state.objects[specification.podID] == nil {
                state.objects[specification.podID] = Object(specification: specification)
            }
        }
    }

    func start(_ podID: String) throws {
        try state.withLock { state in
            guard var object = state.objects[podID] else { throw Self.missing }
            state.lastTime = max(state.lastTime + 1, clock.now * 1000)
            object.startedAt = state.lastTime
            object.finishedAt = nil
            // The program of this image fails at once.
            if object.specification.image.hasPrefix("crash") {
                object.finishedAt = state.lastTime + 1
                object.code = 1
            }
            state.objects[podID] = object
            state.changed.insert(podID)
        }
    }

    func stop(_ podID: String, graceSeconds: Int) throws {
        state.withLock { state in
            guard state.objects[podID]?.finishedAt == nil else { return }
            state.lastTime = max(state.lastTime + 1, clock.now * 1000)
            state.objects[podID]?.finishedAt = state.lastTime
            state.objects[podID]?.code = 143
            state.changed.insert(podID)
        }
    }

    func remove(_ podID: String) throws {
        state.withLock { state in
            state.objects[podID] = nil
            state.changed.insert(podID)
        }
    }

    private static func observation(_ podID: String, _ object: Object) -> EngineObservation {
        let state: EngineObservation.State =
            object.startedAt == nil
            ? .created : object.finishedAt == nil ? .running : .exited(code: object.code, isOutOfMemory: false)
        let ports = object.specification.ports.map { ($0, "gpu-17.example.com:\(40_000 + $0 % 10_000)") }
        return EngineObservation(
            podID: podID, state: state, startedAt: object.startedAt, finishedAt: object.finishedAt, node: "gpu-17",
            addresses: Dictionary(uniqueKeysWithValues: ports))
    }

    func observe(instance: String) throws -> [EngineObservation] {
        state.withLock { state in state.objects.map { Self.observation($0.key, $0.value) } }
    }

    func observe(_ podID: String) throws -> EngineObservation? {
        state.withLock { state in state.objects[podID].map { Self.observation(podID, $0) } }
    }

    func waitForChanges(seconds: Double, _ cancellation: EngineCancellation) throws -> Set<String> {
        for _ in 0..<Int(seconds / 0.05) {
            let changed = state.withLock { state in
                defer { state.changed = [] }
                return state.changed
            }
            if !changed.isEmpty || cancellation.wait(seconds: 0.05) { return changed }
        }
        return []
    }

    func logs(
        _ podID: String, _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        // Everything that the program writes is on the page already.
        if selection.since == nil {
            let lines = (1...24).map { number in
                let text =
                    number == 1
                    ? "Loading the checkpoint /data/step-48000 …"
                    : "step \(48_000 + number * 10)  loss 2.\(90 - number * 2)  12.4k tokens/s"
                return "2027-05-10T09:30:\(number + 10).000000000Z \(text)\n"
            }
            _ = try Array(lines.joined().utf8).withUnsafeBytes { try receive(.output, $0) }
        }
        let isRunning = state.withLock { $0.objects[podID]?.finishedAt == nil }
        guard selection.follows, isRunning else { return }
        while !cancellation.wait(seconds: 60) {}
        throw EngineFailure(kind: .canceled, reason: "canceled")
    }

    func statistics(_ podID: String) throws -> EngineStatistics {
        let number = state.withLock { state in
            state.measurements += 1
            return state.measurements
        }
        return EngineStatistics(
            cpuPercent: 310 + Double(number * 37 % 80), memoryBytes: Int64(9 + number % 3) << 30,
            memoryLimitBytes: 16 << 30)
    }

    private static let unsupported = EngineFailure(kind: .refused, reason: "this engine has no containers")

    func exec(
        _ podID: String, _ command: [String], _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int { throw Self.unsupported }

    func attach(_ podID: String, _ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession {
        throw Self.unsupported
    }

    func download(
        _ podID: String, path: String, _ cancellation: EngineCancellation,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws { throw Self.unsupported }

    func upload(_ podID: String, path: String, next: () throws -> [UInt8]) throws { throw Self.unsupported }
    func ensureVolume(_ id: String, instance: String) throws {}
    func removeVolume(_ id: String) throws {}
    func removeNetwork(projectID: String) throws {}
}
