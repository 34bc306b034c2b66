import PodstackAPI
import PodstackTestSupport
import Synchronization
import Testing

@testable import PodstackServer

/// An engine in memory, whose programs a test controls and whose failures it chooses.
///
/// The end-to-end tests run on a real engine; this one is for what a real engine cannot be made to do at a given moment.
final class ModelEngine: PodEngine {
    struct Object: Sendable {
        var specification: EngineSpecification
        var isRunning = false
        var startedAt: Int64?
        var finishedAt: Int64?
        var code = 0
        var output = ""
    }

    /// A failure of the next call of an operation, before or after the call has its effect.
    struct Fault: Sendable {
        var operation: String
        var failure: EngineFailure
        var hasEffect: Bool
    }

    struct State: Sendable {
        var objects: [String: Object] = [:]
        var volumes: Set<String> = []
        var calls: [String] = []
        var faults: [Fault] = []
        var isDown = false
        /// The images whose pulls wait.
        var slowImages: Set<String> = []
        /// The processors that it reports.
        var processors: Int?
        /// The bytes of memory that it reports.
        var memoryBytes: Int64?
        var version = 0
        var changed: Set<String> = []
        var clock: Int64 = 0
    }

    private let state = Monitor(State())
    private let now: @Sendable () -> Int64

    init(now: @escaping @Sendable () -> Int64 = SystemClock.milliseconds) { self.now = now }

    // MARK: - For tests

    func change<Result>(_ body: (inout State) throws -> Result) rethrows -> Result { try state.change(body) }

    var objects: [String: Object] { change { $0.objects } }
    var running: [String] { objects.filter(\.value.isRunning).map(\.key).sorted() }

    func calls(_ operation: String) -> Int { change { $0.calls.count { $0 == operation } } }

    func fail(_ operation: String, _ kind: EngineFailure.Kind, _ reason: String = "no", hasEffect: Bool = false) {
        change {
            $0.faults.append(
                Fault(operation: operation, failure: EngineFailure(kind: kind, reason: reason), hasEffect: hasEffect))
        }
    }

    /// Ends the program of a pod.
    func exit(_ podID: String, _ code: Int) {
        change { state in
            guard state.objects[podID]?.isRunning == true else { return }
            state.objects[podID]?.isRunning = false
            let time = tick(&state)
            state.objects[podID]?.finishedAt = time
            state.objects[podID]?.code = code
            announce(podID, &state)
        }
    }

    private func announce(_ podID: String, _ state: inout State) {
        state.version += 1
        state.changed.insert(podID)
    }

    /// Returns the time, which is later than every earlier one.
    private func tick(_ state: inout State) -> Int64 {
        state.clock = max(state.clock + 1, now())
        return state.clock
    }

    private func perform<Result>(_ operation: String, _ body: (inout State) throws -> Result) throws -> Result {
        try change { state in
            state.calls.append(operation)
            guard !state.isDown else { throw EngineFailure(kind: .unreachable, reason: "the engine is down") }
            if let index = state.faults.firstIndex(where: { $0.operation == operation }) {
                let fault = state.faults.remove(at: index)
                if fault.hasEffect { _ = try body(&state) }
                throw fault.failure
            }
            return try body(&state)
        }
    }

    private static let missing = EngineFailure(kind: .notFound, reason: "no such container")

    // MARK: - The engine

    func capabilities() throws -> EngineCapabilities {
        try perform("capabilities") { state in
            EngineCapabilities(
                name: "Model 1", apiVersion: "1.41", isCluster: false, gpus: nil, limitsDisk: false,
                processors: state.processors, memoryBytes: state.memoryBytes)
        }
    }

    func ensure(_ specification: EngineSpecification, progress: (String) -> Void) throws {
        progress("Pulling \(specification.image)")
        while change({ $0.slowImages.contains(specification.image) }) {
            _ = state.wait(0.05) { $0.slowImages.contains(specification.image) ? nil : true }
        }
        try perform("ensure") { state in
            guard !specification.image.hasPrefix("missing") else {
                throw EngineFailure(kind: .image, reason: "There is no image \(specification.image)")
            }
            if state.objects[specification.podID] == nil {
                state.objects[specification.podID] = Object(specification: specification)
            }
        }
    }

    func start(_ podID: String) throws {
        try perform("start") { state in
            guard let object = state.objects[podID] else { throw Self.missing }
            guard !object.isRunning else { return }
            state.objects[podID]?.isRunning = true
            let time = tick(&state)
            state.objects[podID]?.startedAt = time
            state.objects[podID]?.finishedAt = nil
            announce(podID, &state)
        }
    }

    func stop(_ podID: String, graceSeconds: Int) throws {
        try perform("stop") { state in
            guard let object = state.objects[podID] else { throw Self.missing }
            guard object.isRunning else { return }
            state.objects[podID]?.isRunning = false
            let time = tick(&state)
            state.objects[podID]?.finishedAt = time
            state.objects[podID]?.code = graceSeconds == 0 ? 137 : 143
            announce(podID, &state)
        }
    }

    func remove(_ podID: String) throws {
        try perform("remove") { state in
            if state.objects.removeValue(forKey: podID) != nil { announce(podID, &state) }
        }
    }

    private func observation(_ podID: String, _ object: Object) -> EngineObservation {
        let state: EngineObservation.State =
            object.isRunning
            ? .running : object.finishedAt == nil ? .created : .exited(code: object.code, isOutOfMemory: false)
        var addresses: [Int: String] = [:]
        for port in object.specification.ports { addresses[port] = "127.0.0.1:\(40_000 + port % 10_000)" }
        return EngineObservation(
            podID: podID, state: state, startedAt: object.startedAt, finishedAt: object.finishedAt, node: "here",
            addresses: addresses)
    }

    func observe(instance: String) throws -> [EngineObservation] {
        try perform("observeAll") { state in
            state.objects.filter { $0.value.specification.instance == instance }.map { observation($0.key, $0.value) }
        }
    }

    func observe(_ podID: String) throws -> EngineObservation? {
        try perform("observe") { state in state.objects[podID].map { observation(podID, $0) } }
    }

    func waitForChanges(seconds: Double, _ cancellation: EngineCancellation) throws -> Set<String> {
        cancellation.onCancel { [state] in state.change { $0.version += 1 } }
        let version = change { $0.version }
        let changed = state.wait(seconds) { state -> Set<String>? in
            guard state.isDown || state.version != version || !state.changed.isEmpty || cancellation.isCanceled else {
                return nil
            }
            defer { state.changed = [] }
            return state.changed
        }
        if change({ $0.isDown }) { throw EngineFailure(kind: .unreachable, reason: "the engine is down") }
        return changed ?? []
    }

    func logs(
        _ podID: String, _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        let output = try perform("logs") { state in
            guard let object = state.objects[podID] else { throw Self.missing }
            return object.output
        }
        _ = try Array(output.utf8).withUnsafeBytes { try receive(.output, $0) }
    }

    func exec(
        _ podID: String, _ command: [String], _ cancellation: EngineCancellation,
        receive: (EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int {
        try perform("exec") { _ in }
        if command == ["sleep"] {
            while !cancellation.wait(seconds: 60) {}
            throw EngineFailure(kind: .canceled, reason: "canceled")
        }
        _ = try Array(command.joined(separator: " ").utf8).withUnsafeBytes { try receive(.output, $0) }
        return command.count
    }

    func attach(_ podID: String, _ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession {
        throw EngineFailure(kind: .refused, reason: "the model has no terminals")
    }

    func download(
        _ podID: String, path: String, _ cancellation: EngineCancellation,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws {
        try perform("download") { state in guard state.objects[podID] != nil else { throw Self.missing } }
        guard path != "/missing" else {
            throw EngineFailure(kind: .notFound, reason: "There is no /missing in the pod")
        }
        _ = try Array("tar of \(path)".utf8).withUnsafeBytes(receive)
    }

    func upload(_ podID: String, path: String, next: () throws -> [UInt8]) throws {
        var bytes: [UInt8] = []
        while case let part = try next(), !part.isEmpty { bytes += part }
        try perform("upload") { state in
            guard state.objects[podID] != nil else { throw Self.missing }
            state.objects[podID]?.output += "\(path): \(bytes.count) bytes\n"
        }
    }

    func statistics(_ podID: String) throws -> EngineStatistics {
        try perform("statistics") { _ in
            EngineStatistics(cpuPercent: 12.5, memoryBytes: 1 << 20, memoryLimitBytes: 1 << 30)
        }
    }

    func ensureVolume(_ id: String, instance: String) throws {
        _ = try perform("ensureVolume") { $0.volumes.insert(id) }
    }

    func removeVolume(_ id: String) throws { _ = try perform("removeVolume") { $0.volumes.remove(id) } }
    func removeNetwork(projectID: String) throws { try perform("removeNetwork") { _ in } }
}

/// A server with a ``ModelEngine``, and a client of its user.
final class PodServer: Sendable {
    let engine: ModelEngine
    let server: RunningServer
    let owner: TestClient
    let clock: ManualClock?

    init(clock: ManualClock? = nil, _ settings: ServiceSettings? = nil, engine known: ModelEngine? = nil) throws {
        var settings = settings ?? ServiceSettings()
        settings.maxActiveTokens = 500
        var now = SystemClock.milliseconds
        if let clock { now = { clock.now * 1000 } }
        let engine = known ?? ModelEngine(now: now)
        server = try RunningServer(clock: clock) { place in
            try EmbeddedServer(
                directory: place.directory, database: place.database, settings: settings, engine: engine,
                now: place.now, elapsed: place.elapsed, log: place.log)
        }
        self.engine = engine
        self.clock = clock
        owner = TestClient(server, try server.createToken())
    }

    deinit { server.server.stop() }

    /// Creates a pod and waits until it runs.
    func runningPod(_ fields: String = "", name: String = "trainer") throws -> Pod {
        let pod = try create(fields, name: name)
        return try wait(for: .running, pod.id)
    }

    func create(_ fields: String = "", name: String = "trainer") throws -> Pod {
        let more = fields.isEmpty ? "" : ", " + fields
        let response = try owner.send("POST", "/v1/pods", #"{"name": "\#(name)", "image": "test:1"\#(more)}"#)
        return try response.decoded(Pod.self)
    }

    func pod(_ id: String) throws -> Pod { try owner.send("GET", "/v1/pods/\(id)").decoded(Pod.self) }

    @discardableResult
    func wait(for status: Pod.Status, _ id: String) throws -> Pod {
        var last: Pod?
        try blockUntil("the pod is \(status.rawValue)") {
            last = try pod(id)
            return last?.status == status
        }
        guard let last else { throw SetupFailure("there is no pod") }
        return last
    }

    func events(_ id: String) throws -> [String] {
        try owner.send("GET", "/v1/pods/\(id)/events").decoded(Page<PodEvent>.self).elements.map(\.type)
    }

    func audited() throws -> [String] {
        try owner.send("GET", "/v1/audit-logs").decoded(Page<AuditEvent>.self).elements.map(\.action)
    }
}
