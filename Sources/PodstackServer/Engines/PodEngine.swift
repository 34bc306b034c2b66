/// A container engine, as the pods see it.
///
/// One engine object belongs to one pod and has the pod's ID as its name, so that creating it twice creates one. Every
/// method blocks until the engine has responded, so it runs on a worker, never on an event thread. Every method throws
/// ``EngineFailure``.
protocol PodEngine: Sendable {
    /// Returns what the engine can do; asks the engine.
    func capabilities() throws -> EngineCapabilities

    // MARK: Pods

    /// Creates the object of a pod, without starting it, unless it exists.
    ///
    /// It first pulls the image if the engine does not have it, and creates the network of the project.
    ///
    /// - Parameters:
    ///   - specification: The pod.
    ///   - progress: Called with a line about each step, such as the progress of the pull.
    /// - Throws: ``EngineFailure``.
    func ensure(_ specification: EngineSpecification, progress: (String) -> Void) throws
    /// Starts a pod that is created or stopped; does nothing if it runs.
    func start(_ podID: String) throws
    /// Stops a pod; does nothing if it does not run.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - graceSeconds: The seconds between the signals TERM and KILL; 0 to kill at once.
    /// - Throws: ``EngineFailure``.
    func stop(_ podID: String, graceSeconds: Int) throws
    /// Removes a pod and everything that belongs to it alone; does nothing if it does not exist.
    func remove(_ podID: String) throws

    /// Returns the states of all pods that the engine has, in one call to the engine.
    ///
    /// - Parameter instance: The service's instance label: pods of other services on the same engine are left out.
    /// - Returns: The states, in no order.
    /// - Throws: ``EngineFailure``.
    func observe(instance: String) throws -> [EngineObservation]
    /// Returns the state of one pod; nil if the engine does not have it.
    func observe(_ podID: String) throws -> EngineObservation?
    /// Waits until the state of some pod may have changed, or a time has passed.
    ///
    /// - Parameters:
    ///   - seconds: The longest wait.
    ///   - cancellation: Ends the wait early.
    /// - Returns: The pods whose state may have changed.
    /// - Throws: ``EngineFailure``.
    func waitForChanges(seconds: Double, _ cancellation: EngineCancellation) throws -> Set<String>

    // MARK: Data of a pod

    /// Reads the output of a pod, also after it has ended.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - selection: The part of the output.
    ///   - cancellation: Ends the reading early.
    ///   - receive: Called with each piece; returns false to end the reading.
    /// - Throws: ``EngineFailure``, and the errors of `receive`.
    func logs(
        _ podID: String, _ selection: EngineLogSelection, _ cancellation: EngineCancellation,
        receive: (_ stream: EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws
    /// Runs a command in a running pod, and returns its exit code once it has ended.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - command: The program and its arguments.
    ///   - cancellation: Ends the wait early; the command may go on.
    ///   - receive: Called with each piece of output; returns false to drop the rest.
    /// - Returns: The exit code.
    /// - Throws: ``EngineFailure``, and the errors of `receive`.
    func exec(
        _ podID: String, _ command: [String], _ cancellation: EngineCancellation,
        receive: (_ stream: EngineStream, UnsafeRawBufferPointer) throws -> Bool
    ) throws -> Int
    /// Starts a command in a running pod with a terminal or pipes, and returns the connection to it.
    func attach(_ podID: String, _ command: [String], terminal: EngineTerminalSize?) throws -> any EngineSession
    /// Reads a file or directory of a pod as a tar archive.
    func download(
        _ podID: String, path: String, _ cancellation: EngineCancellation,
        receive: (UnsafeRawBufferPointer) throws -> Bool
    ) throws
    /// Extracts a tar archive into a directory of a pod.
    ///
    /// - Parameters:
    ///   - podID: The pod.
    ///   - path: The directory, which must exist.
    ///   - next: Returns the next part of the archive; empty at its end.
    /// - Throws: ``EngineFailure``, and the errors of `next`.
    func upload(_ podID: String, path: String, next: () throws -> [UInt8]) throws
    /// Measures the use of a running pod's resources.
    func statistics(_ podID: String) throws -> EngineStatistics

    // MARK: Volumes and networks

    /// Creates a volume unless it exists.
    func ensureVolume(_ id: String, instance: String) throws
    /// Removes a volume; does nothing if it does not exist.
    func removeVolume(_ id: String) throws
    /// Removes the network of a project; does nothing if it does not exist.
    func removeNetwork(projectID: String) throws
}

/// An interactive command in a pod.
///
/// Reading and writing may happen on two threads at once.
protocol EngineSession: AnyObject, Sendable {
    /// Returns the next output; nil at the end of the command.
    func read() throws -> (stream: EngineStream, bytes: [UInt8])?
    func write(_ bytes: [UInt8]) throws
    /// Ends the input of the command.
    func closeInput() throws
    func resize(_ size: EngineTerminalSize) throws
    /// Returns the exit code; called after ``read()`` has returned nil.
    func exitCode() throws -> Int
    /// Closes the connection, which makes a blocked ``read()`` return.
    func close()
}

/// Ends an engine operation from another thread.
///
/// An operation registers what interrupts it; canceling calls that once. One object may serve many operations, one after
/// another.
final class EngineCancellation: Sendable {
    private struct State {
        var isCanceled = false
        var nextKey = 0
        var interrupts: [Int: @Sendable () -> Void] = [:]
    }

    private let state = Monitor(State())

    var isCanceled: Bool { state.change(waking: .none) { $0.isCanceled } }

    /// Registers a closure that interrupts the operation; calls it at once if the operation is already canceled.
    func onCancel(_ interrupt: @escaping @Sendable () -> Void) {
        if register(interrupt) == nil { interrupt() }
    }

    /// Runs an operation, which a closure interrupts when it is canceled; calls that at once if it already is.
    func interrupting<Result>(with interrupt: @escaping @Sendable () -> Void, _ body: () throws -> Result) rethrows
        -> Result
    {
        let key = register(interrupt)
        if key == nil { interrupt() }
        defer { if let key { _ = state.change(waking: .none) { $0.interrupts.removeValue(forKey: key) } } }
        return try body()
    }

    /// Returns the key of the registration; nil if the operation is already canceled.
    private func register(_ interrupt: @escaping @Sendable () -> Void) -> Int? {
        state.change(waking: .none) { state in
            guard !state.isCanceled else { return nil }
            state.nextKey += 1
            state.interrupts[state.nextKey] = interrupt
            return state.nextKey
        }
    }

    func cancel() {
        let interrupts = state.change(waking: .all) { state in
            state.isCanceled = true
            defer { state.interrupts = [:] }
            return state.interrupts.values
        }
        for interrupt in interrupts { interrupt() }
    }

    /// Waits until a time has passed or the operation is canceled; returns whether it is canceled.
    func wait(seconds: Double) -> Bool { state.wait(seconds) { $0.isCanceled ? true : nil } ?? false }
}

/// The pauses of a wait for the engine, which end after a time: they grow from 5 to 100 milliseconds.
struct EngineWait {
    private let deadline: ContinuousClock.Instant
    private var seconds = 0.005

    init(seconds: Int) { deadline = .now + .seconds(seconds) }

    /// Pauses the thread; returns false without a pause if the time is over.
    mutating func pause() -> Bool {
        guard ContinuousClock.now < deadline else { return false }
        _ = EngineCancellation().wait(seconds: seconds)
        seconds = min(0.1, seconds * 2)
        return true
    }
}

// MARK: - Values

/// The abilities of an engine.
struct EngineCapabilities: Sendable, Equatable {
    /// The name and version, such as `Docker 28.2.2`.
    var name: String
    /// The negotiated version of the engine's API, such as `1.41`.
    var apiVersion: String
    /// Whether several machines run pods.
    var isCluster: Bool
    /// The numbers of GPUs by type, if the engine knows them; nil if the operator has to name them.
    var gpus: [String: Int]?
    /// Whether the engine can limit the disk of a pod.
    var limitsDisk: Bool
    /// The number of processors that a pod can have at most; nil if the engine does not say.
    var processors: Int?
    /// The bytes of memory that a pod can have at most; nil if the engine does not say.
    var memoryBytes: Int64?
    /// Sentences without their periods about what keeps a part of the engine from running pods.
    var warnings: [String] = []
}

/// A pod as an engine runs it.
///
/// Its description contains no value of ``environment`` and no password.
struct EngineSpecification: Sendable, Equatable {
    /// The name of the engine's object.
    var podID: String
    /// The label of the service to which the pod belongs.
    var instance: String
    var projectID: String
    var image: String
    var registry: RegistryCredential?
    /// The command line, which a shell of the image runs; nil for the image's own.
    var command: String?
    var environment: [(name: String, value: String)] = []
    /// The variable from which NVIDIA's container runtime reads the GPUs of a container.
    static let devicesVariable = "NVIDIA_VISIBLE_DEVICES"
    var cpuMillicores: Int
    var memoryBytes: Int64
    var diskBytes: Int64
    var ports: [Int] = []
    /// The address that published ports are bound to.
    var publishAddress: String
    var mounts: [Mount] = []
    /// Files that are created in the pod, such as that of its own token; their directory is not part of any image.
    var secretFiles: [SecretFile] = []
    var gpus: GPURequest?
    /// The runtime of the engine, such as `runsc`; nil for the engine's default.
    var runtime: String?
    /// The most processes of the pod.
    var maxProcesses: Int = 4096

    struct Mount: Sendable, Equatable {
        var volumeID: String
        var path: String
    }

    struct SecretFile: Sendable, Equatable {
        var path: String
        var content: [UInt8]
    }

    struct GPURequest: Sendable, Equatable {
        var type: String
        var count: Int
        /// The devices that the service has assigned; empty if the engine assigns them.
        var devices: [String]
    }

    struct RegistryCredential: Sendable, Equatable {
        var username: String
        var password: String
    }

    static func == (left: EngineSpecification, right: EngineSpecification) -> Bool {
        left.podID == right.podID && left.instance == right.instance && left.projectID == right.projectID
            && left.image == right.image && left.registry == right.registry && left.command == right.command
            && left.environment.elementsEqual(right.environment) { $0 == $1 }
            && left.cpuMillicores == right.cpuMillicores && left.memoryBytes == right.memoryBytes
            && left.diskBytes == right.diskBytes && left.ports == right.ports
            && left.publishAddress == right.publishAddress && left.mounts == right.mounts
            && left.secretFiles == right.secretFiles && left.gpus == right.gpus && left.runtime == right.runtime
            && left.maxProcesses == right.maxProcesses
    }
}

extension EngineSpecification: CustomStringConvertible, CustomReflectable {
    var description: String { "pod \(podID)" }
    var customMirror: Mirror { Mirror(self, children: ["podID": podID]) }
}

/// The state of a pod, as an engine reports it.
///
/// Times are milliseconds since 1970, by the engine's clock.
struct EngineObservation: Sendable, Equatable {
    enum State: Sendable, Equatable {
        /// The object exists and has never run.
        case created
        /// The engine has accepted the pod and waits for resources; the text says for which.
        case pending(String)
        case running
        /// The run has ended.
        case exited(code: Int, isOutOfMemory: Bool)
        /// The engine could not run the pod.
        case failed(String)
        /// The engine is removing the object.
        case removing
        /// The engine cannot tell now, such as when the node of the pod cannot be asked.
        case unknown
    }

    var podID: String
    var state: State
    /// The start of the latest run; nil if there was none.
    var startedAt: Int64?
    /// The end of the latest run; nil while it runs.
    var finishedAt: Int64?
    var node: String?
    /// The addresses that reach the published ports, such as `127.0.0.1:49153`, by port of the pod.
    var addresses: [Int: String] = [:]
}

/// A stream of a command's output.
enum EngineStream: Sendable { case output, error }

/// The part of a pod's output that is read.
struct EngineLogSelection: Sendable, Equatable {
    /// The number of lines from the end; nil for all.
    var tail: Int?
    /// Milliseconds since 1970; nil for the beginning.
    var since: Int64?
    /// Whether to wait for more output until the pod ends.
    var follows = false
    /// Whether each line begins with its time.
    var hasTimes = false
}

/// The size of a terminal in characters.
struct EngineTerminalSize: Sendable, Equatable {
    var rows: Int
    var columns: Int
}

/// The use of a pod's resources.
struct EngineStatistics: Sendable, Equatable {
    /// Percent of one core.
    var cpuPercent: Double
    var memoryBytes: Int64
    var memoryLimitBytes: Int64
}

/// A reason why an engine could not do something.
struct EngineFailure: Error, Sendable, Equatable {
    enum Kind: String, Sendable {
        /// The engine does not respond, so the outcome may be unknown.
        case unreachable
        /// The object does not exist.
        case notFound
        /// The image does not exist, or the registry refuses the credential.
        case image
        /// The engine has no such GPU, or too few are free.
        case gpu
        /// A port, a volume or a name is in use.
        case conflict
        /// The engine has no space or memory left.
        case noSpace
        /// The engine refuses the request for another reason, which another attempt does not change.
        case refused
        /// An unexpected error of the engine; another attempt may succeed.
        case failed
        /// The service ended the operation.
        case canceled
    }

    var kind: Kind
    /// One sentence without its period.
    ///
    /// It contains no credential.
    var reason: String

    /// Whether another attempt may succeed.
    var isTransient: Bool {
        switch kind {
        case .unreachable, .noSpace, .failed, .canceled: true
        case .notFound, .image, .gpu, .conflict, .refused: false
        }
    }
}
